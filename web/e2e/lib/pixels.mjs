// Looking at the decoded picture.

/** The seven bars of SMPTE's pattern as videotestsrc draws them (pattern=smpte: full saturation), from left to right. */
export const SMPTE = {
  white: [255, 255, 255],
  yellow: [255, 255, 0],
  cyan: [0, 255, 255],
  green: [0, 255, 0],
  magenta: [255, 0, 255],
  red: [255, 0, 0],
  blue: [0, 0, 255],
};

/** How far a channel may be off: colour matrix, limited range and quantisation together stay well below. */
const TOLERANCE = 70;

/** Runs in the page: mean colours of patches of the video's current frame. `points` are fractions of width and height. */
export function sampleVideo({ selector, points, radius }) {
  const video = document.querySelector(selector);
  if (video === null || video.videoWidth === 0) return null;
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(video, 0, 0);
  const size = 2 * radius + 1;
  const colours = points.map(([x, y]) => {
    const left = Math.round(x * canvas.width) - radius;
    const { data } = context.getImageData(left, Math.round(y * canvas.height) - radius, size, size);
    const sum = [0, 0, 0];
    for (let at = 0; at < data.length; at += 4) for (let c = 0; c < 3; c += 1) sum[c] += data[at + c];
    return sum.map((value) => Math.round((value * 4) / data.length));
  });
  return { width: canvas.width, height: canvas.height, colours };
}

/** The colours of the seven bars in the page's video; null while there is no picture. */
export async function bars(page, selector = '#video') {
  const points = Array.from({ length: 7 }, (_, bar) => [(bar + 0.5) / 7, 1 / 3]);
  return page.evaluate(sampleVideo, { selector, points, radius: 8 });
}

/** What is wrong with the bars; an empty list when each has its colour. */
export function wrongBars(sample) {
  return Object.entries(SMPTE).flatMap(([name, expected], bar) => {
    const seen = sample.colours[bar];
    const off = expected.some((value, channel) => Math.abs(value - seen[channel]) > TOLERANCE);
    return off ? [`bar ${bar + 1} should be ${name} (${expected}) and is ${seen}`] : [];
  });
}
