import { texts } from '../texts';

/** The browser's own picture for the uplink. */
export interface Picture {
  stream: MediaStream;
  /** Where it comes from. */
  origin: 'camera' | 'canvas';
  /** Why it is not the camera's. */
  why: string | undefined;
  stop: () => void;
}

/** Frames per second of the drawn picture. */
const DRAWN_RATE = 15;

/** The camera's picture if there is one and the user allows it; else one drawn here. */
export async function ownPicture(): Promise<Picture> {
  // Outside a secure context there is no mediaDevices at all (Media Capture and Streams §9).
  if (navigator.mediaDevices === undefined) return drawnPicture(texts.uplink.insecure);
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
    return { stream, origin: 'camera', why: undefined, stop: () => stopTracks(stream) };
  } catch (error) {
    const name = error instanceof DOMException ? error.name : String(error);
    return drawnPicture(texts.uplink.noCamera(name));
  }
}

/** A test picture: a moving hand and a running time, so that freezes show. */
function drawnPicture(why: string): Picture {
  const canvas = document.createElement('canvas');
  canvas.width = 640;
  canvas.height = 480;
  const context = canvas.getContext('2d');
  const start = performance.now();
  const draw = () => {
    if (context !== null) drawFrame(context, (performance.now() - start) / 1000);
  };
  draw();
  const timer = setInterval(draw, 1000 / DRAWN_RATE);
  const stream = canvas.captureStream(DRAWN_RATE);
  return {
    stream,
    origin: 'canvas',
    why,
    stop: () => {
      clearInterval(timer);
      stopTracks(stream);
    },
  };
}

function drawFrame(context: CanvasRenderingContext2D, seconds: number): void {
  const { width, height } = context.canvas;
  const angle = (seconds / 4) * 2 * Math.PI - Math.PI / 2;
  context.fillStyle = '#16324f';
  context.fillRect(0, 0, width, height);
  context.strokeStyle = '#7fd1ff';
  context.lineWidth = 12;
  context.lineCap = 'round';
  context.beginPath();
  context.arc(width / 2, height / 2, 150, 0, 2 * Math.PI);
  context.moveTo(width / 2, height / 2);
  context.lineTo(width / 2 + 130 * Math.cos(angle), height / 2 + 130 * Math.sin(angle));
  context.stroke();
  context.fillStyle = '#ffffff';
  context.font = '36px sans-serif';
  context.textAlign = 'center';
  context.fillText(`icescope ${seconds.toFixed(1)} s`, width / 2, height - 24);
}

function stopTracks(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}
