import { texts } from '../../texts';
import { ImportProblem } from './problem';

/** A value out of a file, with the place that it stands at, for the words that a wrong one gets. */
export class Place {
  readonly value: unknown;
  readonly pointer: string;

  constructor(value: unknown, pointer = '') {
    this.value = value;
    this.pointer = pointer;
  }

  /** A member, which may be absent. */
  get(name: string): Place {
    return new Place(this.object()[name], `${this.pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`);
  }

  get isAbsent(): boolean {
    return this.value === undefined || this.value === null;
  }

  object(): Record<string, unknown> {
    const { value } = this;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    throw this.wrong(texts.sessions.kind.object);
  }

  list(): Place[] {
    if (!Array.isArray(this.value)) throw this.wrong(texts.sessions.kind.list);
    return this.value.map((one, index) => new Place(one, `${this.pointer}/${index}`));
  }

  number(): number {
    if (typeof this.value === 'number' && Number.isFinite(this.value)) return this.value;
    throw this.wrong(texts.sessions.kind.number);
  }

  /** Milliseconds since the Unix epoch that a date can have (ECMA-262 §21.4.1.1). */
  date(): number {
    const value = this.number();
    if (Math.abs(value) <= 8.64e15) return value;
    throw this.wrong(texts.sessions.kind.time);
  }

  /** Microseconds on an axis, as exact as numbers are. */
  moment(): number {
    const value = this.number();
    if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return value;
    throw this.wrong(texts.sessions.kind.number);
  }

  text(): string {
    if (typeof this.value === 'string') return this.value;
    throw this.wrong(texts.sessions.kind.text);
  }

  /** One of a set of words. */
  word(words: ReadonlySet<string>): string {
    const said = this.text();
    if (words.has(said)) return said;
    throw this.wrong(texts.sessions.kind.word([...words]));
  }

  wrong(due: string): ImportProblem {
    return new ImportProblem(texts.sessions.wrongValue(this.pointer, brief(this.value), due), this.pointer);
  }
}

function brief(value: unknown): string {
  if (value === undefined) return texts.sessions.nothing;
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
