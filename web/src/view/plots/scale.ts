/** Lines across a plot, at most, the one at nought not counted. */
const LINES = 4;

/** The end of an axis that begins at nought: a little above the greatest value, at a round number. */
export function top(most: number | null | undefined): number {
  const greatest = most ?? 0;
  if (!(greatest > 0)) return 1;
  const step = roundStep(greatest / LINES);
  return step * Math.ceil((greatest * 1.02) / step);
}

/** Where lines stand on an axis from nought to `end`: at the round numbers. */
export function ticks(end: number): number[] {
  const step = roundStep(end / LINES);
  return Array.from({ length: Math.floor(end / step + 1e-9) + 1 }, (_, index) => index * step);
}

/** The next of 1, 2, 5, 10 … that is not smaller. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  // A rounding error must not make the next larger step of a round number.
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= least * (1 - 1e-9)) ?? 10);
}

/** The places of values with nothing known on either side. */
export function isolated(values: ArrayLike<number | null | undefined>): number[] {
  const known = (index: number) => values[index] !== null && values[index] !== undefined;
  return Array.from(values, (_, index) => index).filter(
    (index) => known(index) && !known(index - 1) && !known(index + 1),
  );
}
