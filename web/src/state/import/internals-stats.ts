import type { Stat } from '../../rtc/stats';
import type { Place } from './shape';

/** One statistics object of a dump, as its values over time. */
interface Series {
  id: string;
  type: string;
  /** Milliseconds since the Unix epoch, ascending. */
  times: number[];
  /** Each field's values; those that came later or went earlier are shorter than `times`. */
  fields: Map<string, { values: unknown[]; from: number }>;
}

/** All statistics of one moment. */
export interface Sample {
  /** Milliseconds since the Unix epoch. */
  time: number;
  stats: Stat[];
}

/** A report is made once a second; what is older than this when the next one is made was not in it. */
const STALE_MS = 1500;
/** Objects of one report have times that differ by less than this. */
const TOGETHER_MS = 100;
/** Of a date, in milliseconds (ECMA-262 §21.4.1.1). */
const MOST_MS = 8.64e15;
/** What the other end reports comes when it comes, and holds until the next. */
const FROM_AFAR = new Set(['remote-inbound-rtp', 'remote-outbound-rtp']);

/**
 * The statistics of a connection, one sample for each report. A dump has a list of values for each field, named `ID-FIELD`; names in
 * brackets are what the dumping page computed itself.
 */
export function readSamples(stats: Place): Sample[] {
  const all = [...readSeries(stats).values()].filter(({ times }) => times.length > 0);
  return ticks(all).map((time) => ({ time, stats: all.flatMap((series) => at(series, time) ?? []) }));
}

/** The kinds of statistics objects in a dump. */
export function kindsOf(stats: Place): Set<string> {
  return new Set(
    Object.values(stats.object()).map((one) => String((one as { statsType?: unknown } | null)?.statsType)),
  );
}

function readSeries(stats: Place): Map<string, Series> {
  const all = new Map<string, Series>();
  for (const name of Object.keys(stats.object())) {
    const dash = name.lastIndexOf('-');
    const [id, field] = [name.slice(0, dash), name.slice(dash + 1)];
    if (dash < 1 || field === '' || name.endsWith(']')) continue;
    const entry = stats.get(name);
    const series = all.get(id) ?? { id, type: entry.get('statsType').text(), times: [], fields: new Map() };
    all.set(id, series);
    const values = valuesOf(entry.get('values'));
    if (field === 'timestamp')
      series.times = values.filter((time): time is number => typeof time === 'number' && Math.abs(time) < MOST_MS);
    else series.fields.set(field, { values, from: Date.parse(entry.get('startTime').text()) });
  }
  return all;
}

/** A list, or the JSON text of one. */
function valuesOf(place: Place): unknown[] {
  if (Array.isArray(place.value)) return place.value;
  try {
    const list: unknown = JSON.parse(place.text());
    if (Array.isArray(list)) return list;
  } catch {
    // The words below say it.
  }
  throw place.wrong('[…]');
}

/** The moments of the reports: those of the connection's own entries, whatever came between. */
function ticks(all: readonly Series[]): number[] {
  const times = all.filter(({ type }) => !FROM_AFAR.has(type)).flatMap((series) => series.times);
  times.sort((a, b) => a - b);
  const found: number[] = [];
  for (const time of times) {
    const last = found.at(-1);
    if (last !== undefined && time - last < TOGETHER_MS) found[found.length - 1] = time;
    else found.push(time);
  }
  return found;
}

/** The object as it was in the report of that moment; undefined where it was not in it. */
function at({ id, type, times, fields }: Series, tick: number): Stat | undefined {
  const index = times.findLastIndex((time) => time <= tick);
  const time = times[index];
  if (time === undefined || (tick - time > STALE_MS && !FROM_AFAR.has(type))) return undefined;
  const stat: Stat = { id, type, timestamp: time };
  for (const [field, { values, from }] of fields) {
    if (field === 'type') continue;
    const value = values[index - offset(times, values.length, from)];
    if (value !== undefined) stat[field] = value;
  }
  return stat;
}

/** How many values a field is behind its object: one that is not there from the first report on begins with its own start. */
function offset(times: readonly number[], length: number, from: number): number {
  if (length >= times.length) return 0;
  const begin = times.findIndex((time) => time >= from - TOGETHER_MS);
  return begin < 0 ? times.length - length : Math.min(begin, times.length - length);
}
