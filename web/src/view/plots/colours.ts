import type { MarkKind } from '../../state/figures/marks';

/** How a mark is meant. */
export const TONES: Record<MarkKind, 'bad' | 'busy' | 'calm'> = {
  ...{ source: 'calm', 'key-frame': 'calm', path: 'busy', restart: 'busy', hidden: 'busy' },
  ...{ freeze: 'bad', disconnected: 'bad', crashed: 'bad', closed: 'calm' },
};

const NAMES = ['first', 'second', 'quiet', 'line', 'bad', 'busy', 'calm'] as const;
export type Colours = Record<(typeof NAMES)[number], string>;

/**
 * The colours of the theme as a canvas takes them. The style sheet gives each to a part of `.plot-colours`: a custom property alone
 * would tell its text, `light-dark(…)`, and not what that comes to.
 */
export function readColours(host: HTMLElement): Colours {
  const parts = host.closest('.plots')?.querySelector('.plot-colours');
  return Object.fromEntries(
    NAMES.map((name) => {
      const part = parts?.querySelector(`[data-colour="${name}"]`);
      return [name, part ? getComputedStyle(part).color : 'gray'];
    }),
  ) as Colours;
}

/** The parts that `readColours` reads. */
export const COLOUR_NAMES: readonly string[] = NAMES;
