// What the kernel tells of processes: children, CPU time, memory, descriptors.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';

const TICKS = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** A started program with what it has written so far. */
export class Program {
  constructor(words, options = {}) {
    this.words = words;
    this.output = '';
    this.child = spawn(words[0], words.slice(1), { stdio: ['pipe', 'pipe', 'pipe'], ...options });
    this.exited = once(this.child, 'exit').then(([code, signal]) => ({ code, signal }));
    this.failed = once(this.child, 'error').then(([error]) => {
      this.output += `\n${words[0]} could not be started: ${error.message}`;
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        this.output += text;
      });
    }
  }

  get pid() {
    return this.child.pid;
  }

  get running() {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Sends the signal and waits for the end; SIGKILL after ten seconds. */
  async stop(signal = 'SIGTERM') {
    if (!this.running) return this.exited;
    this.child.kill(signal);
    const late = setTimeout(() => this.child.kill('SIGKILL'), 10_000);
    const result = await this.exited;
    clearTimeout(late);
    return result;
  }
}

function stat(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name stands in parentheses and may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0], parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
}

/** The process and all that came from it, as far as they still run. */
export function family(pid) {
  const children = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const { parent, state } = stat(name);
      if (state !== 'Z') children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // It has ended between the listing and the look.
    }
  }
  const found = [pid];
  for (const one of found) found.push(...(children.get(one) ?? []));
  return found;
}

/** CPU seconds of the process and all that came from it, user and system. */
export function cpuSeconds(pid) {
  return family(pid).reduce((sum, one) => sum + stat(one).ticks, 0) / TICKS;
}

function proportional(pid, key) {
  const line = new RegExp(`^${key}:\\s+(\\d+)`, 'm');
  const kilobytes = (one) => Number(line.exec(readFileSync(`/proc/${one}/smaps_rollup`, 'utf8'))[1]);
  return family(pid).reduce((sum, one) => sum + kilobytes(one), 0) * 1024;
}

/** Proportional set size of the process and all that came from it, in bytes. */
export function pss(pid) {
  return proportional(pid, 'Pss');
}

/**
 * The part of it that the processes took for themselves: without the pages of files, whose shares change with whoever else maps
 * the same libraries.
 */
export function ownMemory(pid) {
  return proportional(pid, 'Pss_Anon') + proportional(pid, 'Pss_Shmem');
}

/** Open descriptors of the process and all that came from it. */
export function descriptors(pid) {
  return family(pid).reduce((sum, one) => sum + readdirSync(`/proc/${one}/fd`).length, 0);
}

/** Threads of the process and all that came from it. */
export function threads(pid) {
  return family(pid).reduce((sum, one) => sum + readdirSync(`/proc/${one}/task`).length, 0);
}

/** The command line of a process. */
export function commandLine(pid) {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
}
