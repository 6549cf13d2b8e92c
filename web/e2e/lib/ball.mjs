// A picture that says when it was drawn: videotestsrc's ball goes round once a second, by the wall clock.

/** Drawn 200 times a second, of which the plugin takes what it wants: a frame is drawn at most 5 ms before its time stamp. */
export const BALL = {
  pipeline:
    'videotestsrc is-live=true pattern=ball motion=sweep animation-mode=wall-time ! video/x-raw,width=240,height=240,framerate=200/1',
  ...{ width: 240, height: 240, framerate: 25, formats: ['VP8'] },
};

/**
 * Runs in the page: of `number` presented frames, the milliseconds from the drawing, read from the picture itself, to the presentation.
 * The ball stands at the top when a second of the wall clock begins.
 */
export function ageOfBall(number) {
  const video = document.querySelector('#video');
  const canvas = document.createElement('canvas');
  const side = 120;
  canvas.width = side;
  canvas.height = side;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const ages = [];
  return new Promise((resolve) => {
    const look = (_, { presentationTime }) => {
      context.drawImage(video, 0, 0, side, side);
      const { data } = context.getImageData(0, 0, side, side);
      let [x, y, sum] = [0, 0, 0];
      for (let at = 0; at < side * side; at += 1) {
        const light = data[4 * at];
        if (light < 60) continue;
        x += light * (at % side);
        y += light * Math.floor(at / side);
        sum += light;
      }
      const middle = (side - 1) / 2;
      const turn = (Math.atan2(y / sum - middle, x / sum - middle) / Math.PI / 2 + 1.25) % 1;
      const presented = performance.timeOrigin + presentationTime;
      // Which second it was the picture does not say: latencies are shorter than half of one.
      if (sum > 0) ages.push(((((presented - turn * 1000) % 1000) + 1250) % 1000) - 250);
      if (ages.length === number) resolve(ages);
      else video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
  });
}
