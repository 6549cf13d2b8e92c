// tshark's own view of the wire: the second opinion on the wiretap.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { browserAddress, wire } from './network.mjs';
import { Program } from './process.mjs';
import { until } from './until.mjs';

const run = promisify(execFile);
const CLASSES = ['request', 'indication', 'success', 'error'];

export class Capture {
  /** Begins to capture UDP on the wire; returns when packets are taken. */
  static async start(t) {
    const capture = new Capture();
    t.after(() => capture.discard());
    await until('dumpcap captures', () => {
      if (!capture.program.running) throw new Error(capture.program.output);
      return capture.program.output.includes('File: ');
    });
    return capture;
  }

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'icescope-capture-'));
    this.file = join(this.folder, 'wire.pcapng');
    // A small snap length would cut attributes; a big buffer keeps the kernel from dropping.
    const words = ['dumpcap', '-i', wire, '-f', 'udp', '-B', '16', '-w', this.file];
    this.program = new Program(words);
  }

  /** Ends the capture and answers its STUN messages, in order. */
  async stun() {
    await this.program.stop('SIGINT');
    const dropped = /\((\d+)\) packets dropped|dropped on interface [^:]*: \d+\/(\d+)/.exec(this.program.output);
    const fields = ['frame.time_epoch', 'ip.src', 'ipv6.src', 'udp.srcport', 'stun.id', 'stun.type'];
    const words = ['-r', this.file, '-Y', 'stun', '-T', 'fields', ...fields.flatMap((field) => ['-e', field])];
    const { stdout } = await run('tshark', words, { maxBuffer: 1 << 28 });
    const messages = stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => message(line.split('\t')));
    return { messages, dropped: Number(dropped?.[1] ?? dropped?.[2] ?? 0) };
  }

  async discard() {
    await this.program.stop('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** RFC 8489 §5: the class's two bits stand apart, at 0x0010 and 0x0100. */
function classOf(type) {
  return CLASSES[((type >> 4) & 1) | ((type >> 7) & 2)];
}

function message([time, source4, source6, , id, type]) {
  const inbound = source4 === browserAddress || source6 === '2001:db8::2';
  return {
    // Microseconds since the epoch; the seconds and their fraction apart, for a double has not digits enough for both.
    at: Number(time.split('.')[0]) * 1e6 + Number(`0.${time.split('.')[1]}`) * 1e6,
    transaction: id.replaceAll(/[^0-9a-f]/gi, '').replace(/^0x/, ''),
    class: classOf(Number(type)),
    direction: inbound ? 'inbound' : 'outbound',
  };
}
