import { signal } from '@preact/signals';
import { texts } from '../../texts';
import { openImported } from '../open';
import type { DumpedConnection } from './internals';

/** What came of the last file that was chosen or dropped. */
export const imports = {
  /** Why it cannot be shown. */
  problem: signal<{ file: string; message: string } | undefined>(undefined),
  /** A dump of several connections, one of which is to be chosen. */
  choice: signal<{ file: string; connections: readonly DumpedConnection[] } | undefined>(undefined),
};

/** Opens a file that somebody chose or dropped. */
export async function openFile(file: File): Promise<void> {
  imports.problem.value = undefined;
  imports.choice.value = undefined;
  try {
    // Loaded when it is wanted: most visitors never open a file.
    const { readFile } = await import('./file');
    const found = await readFile(file);
    if (found.format === 'icescope') openImported(file.name, 'icescope', found.record);
    else if (found.connections.length === 1) choose(file.name, found.connections[0]);
    else imports.choice.value = { file: file.name, connections: found.connections };
  } catch (error) {
    imports.problem.value = { file: file.name, message: texts.describe(error) };
  }
}

/** One of a dump's connections. */
export function choose(file: string, connection: DumpedConnection | undefined): void {
  imports.choice.value = undefined;
  if (connection === undefined) return;
  try {
    openImported(file, 'webrtc-internals', connection.record());
  } catch (error) {
    imports.problem.value = { file, message: texts.describe(error) };
  }
}
