import { texts } from '../../texts';
import { type DumpedConnection, isInternalsLike, readInternals } from './internals';
import { ImportProblem } from './problem';
import { isRecordLike, type ReadRecord, readRecordDocument } from './record';

/** What was found in a file. */
export type Found =
  | { format: 'icescope'; record: ReadRecord }
  | { format: 'webrtc-internals'; connections: DumpedConnection[] };

/** Of the text, after unpacking. A record of all that the daemon keeps has some 20 MB at most. */
export const MOST_BYTES = 64 * 1024 * 1024;

/** Reads a file that somebody chose or dropped. Throws `ImportProblem`. */
export async function readFile(file: Blob): Promise<Found> {
  if (file.size > MOST_BYTES) throw new ImportProblem(texts.sessions.tooLarge(file.size, MOST_BYTES));
  const head = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  const packed = head[0] === 0x1f && head[1] === 0x8b;
  return readText(packed ? await unpack(file) : await file.text());
}

/** Reads what stands in a file. */
export function readText(text: string): Found {
  refuseOthers(text);
  const value = parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ImportProblem(texts.sessions.notAnObject);
  }
  if (isInternalsLike(value)) return { format: 'webrtc-internals', connections: readInternals(value) };
  if (isRecordLike(value)) return { format: 'icescope', record: readRecordDocument(value) };
  throw new ImportProblem(texts.sessions.unknownDocument(Object.keys(value).slice(0, 6)));
}

/** Formats that are known and not read. */
function refuseOthers(text: string): void {
  const head = text.slice(0, 4000).trimStart();
  if (head === '') throw new ImportProblem(texts.sessions.empty);
  if (head.startsWith('RTCStatsDump')) throw new ImportProblem(texts.sessions.rtcStatsDump);
  if (/about:?webrtc/i.test(head.slice(0, 1000))) throw new ImportProblem(texts.sessions.aboutWebrtc);
  if (head.startsWith('<')) throw new ImportProblem(texts.sessions.html);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ImportProblem(texts.sessions.notJson(texts.describe(error)));
  }
}

/** Unpacks gzip, and stops where it grows beyond what a record can be. */
async function unpack(file: Blob): Promise<string> {
  const reader = file.stream().pipeThrough(new DecompressionStream('gzip')).getReader();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.length;
      if (size > MOST_BYTES) throw new ImportProblem(texts.sessions.tooLarge(size, MOST_BYTES));
      parts.push(value);
    }
  } catch (error) {
    await reader.cancel().catch(() => undefined);
    if (error instanceof ImportProblem) throw error;
    throw new ImportProblem(texts.sessions.notGzip(texts.describe(error)));
  }
  return new Blob(parts).text();
}
