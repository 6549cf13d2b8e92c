import type { Lane } from '../../generated/Lane';

/** The lanes from left to right; they never change places. */
export const LANES: readonly Lane[] = ['web', 'signalling', 'stun', 'turn', 'peer'];

/** Pixels beside a label that stay free. */
const AIR = 6;
/** Pixels from a lane to the words of a mark on it. */
const BESIDE = 12;

export interface Geometry {
  width: number;
  narrow: boolean;
  /** Where each lane's lifeline is. */
  x: Record<Lane, number>;
  /** Left end of what labels may take. */
  left: number;
  /** Left of the phase bars, and the width of one. */
  bars: { x: number; width: number };
  /** Right end of the times. */
  times: number;
}

/** Where the lanes are in a picture of this width. */
export function geometry(width: number, narrow: boolean): Geometry {
  const bars = narrow ? { x: 3, width: 4 } : { x: 6, width: 7 };
  const left = narrow ? 20 : 104;
  const pad = narrow ? 24 : 48;
  const step = (width - left - 2 * pad) / (LANES.length - 1);
  const at = (index: number) => Math.round(left + pad + index * step);
  const x = { web: at(0), signalling: at(1), stun: at(2), turn: at(3), peer: at(4) };
  return { width, narrow, x, left, bars, times: left - 8 };
}

/** About how wide a text is at 12 pixels, in the widest of the system's usual fonts. */
export function textWidth(text: string): number {
  let width = 0;
  for (const letter of text) width += letterWidth(letter);
  return width;
}

function letterWidth(letter: string): number {
  if (/[iljtf.,:;'|! ()[\]·]/.test(letter)) return 4.4;
  return /[A-ZmwMW×—–…]/.test(letter) ? 9.6 : 7.6;
}

/** A text that fits, with «…» for what does not. */
export function fitted(text: string, room: number): string {
  let width = 0;
  let kept = 0;
  for (const letter of text) {
    width += letterWidth(letter);
    if (width > room) return `${text.slice(0, kept).trimEnd()}…`;
    // As much as leaves room for the sign that something is left out.
    if (width + letterWidth('…') <= room) kept += letter.length;
  }
  return text;
}

export interface LabelPlace {
  text: string;
  x: number;
  anchor: 'start' | 'middle' | 'end';
}

/**
 * Where a label stands: in the middle of its arrow as far as the picture's edges allow; a mark's beside its lane. `tail` is never cut.
 */
export function labelPlace(text: string, tail: string, from: Lane, to: Lane, shape: Geometry): LabelPlace {
  const { x, left, width, narrow } = shape;
  const cut = (room: number) => fitted(text, room - textWidth(tail)) + tail;
  if (from === to && !narrow) {
    const rooms = { start: width - AIR - x[from] - BESIDE, end: x[from] - BESIDE - left };
    const whole = textWidth(text + tail);
    const anchor = whole <= rooms.start || rooms.start >= rooms.end ? 'start' : 'end';
    return { text: cut(rooms[anchor]), x: x[from] + (anchor === 'start' ? BESIDE : -BESIDE), anchor };
  }
  const words = cut(width - left - 2 * AIR);
  const half = textWidth(words) / 2;
  const centre = Math.max(left + AIR + half, Math.min(width - AIR - half, (x[from] + x[to]) / 2));
  return { text: words, x: Math.round(centre), anchor: 'middle' };
}
