/** A frame that was put on the screen. */
export interface Presented {
  /** Its RTP timestamp; a browser need not tell it. */
  timestamp: number | undefined;
  /** When it was handed to the compositor, in microseconds of the page's clock. */
  at: number;
}

/**
 * Tells each frame that is presented, as long as the page is seen. Returns a function that ends it. Firefox before 132 has no such
 * callback: then nothing is told.
 */
export function watchPresented(video: HTMLVideoElement, onFrame: (frame: Presented) => void): () => void {
  if (!('requestVideoFrameCallback' in video)) return () => {};
  let handle = 0;
  const next = () => {
    handle = video.requestVideoFrameCallback((_, { presentationTime, rtpTimestamp }) => {
      onFrame({ timestamp: rtpTimestamp, at: presentationTime * 1000 });
      next();
    });
  };
  next();
  return () => video.cancelVideoFrameCallback(handle);
}
