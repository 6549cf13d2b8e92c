/** Microseconds as milliseconds: `12.345`; thousands apart by a thin space. */
export function time(microseconds: number): string {
  return grouped((microseconds / 1000).toFixed(3));
}

/** The distance to the row before, in milliseconds: `+0.120`. */
export function delta(microseconds: number): string {
  const sign = microseconds < 0 ? '−' : '+';
  return `${sign}${grouped(Math.abs(microseconds / 1000).toFixed(3))}`;
}

/** How far a time may be off: `±0.3`; nothing for what is exact. */
export function uncertainty(microseconds: number): string {
  if (microseconds === 0) return '';
  return `±${short(microseconds / 1000)}`;
}

/** `96 ms`, `1.25 ms`. */
export function milliseconds(value: number): string {
  return `${short(value)} ms`;
}

/** Bits per second in the unit that fits. */
export function bitRate(bitsPerSecond: number): string {
  if (bitsPerSecond >= 999_500) return `${(bitsPerSecond / 1_000_000).toFixed(2)} Mbit/s`;
  if (bitsPerSecond >= 1000) return `${Math.round(bitsPerSecond / 1000)} kbit/s`;
  return `${Math.round(bitsPerSecond)} bit/s`;
}

function short(value: number): string {
  const digits = value >= 10 ? 0 : value >= 1 ? 1 : 2;
  return value.toFixed(digits);
}

function grouped(number: string): string {
  return number.replace(/\B(?=(\d{3})+\.)/g, '\u2009');
}
