// The daemon under test: the release binary with a configuration of the test's own, on the other end of the wire.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { configuration, originAt, PORT } from './config.mjs';
import { onDaemonHost } from './network.mjs';
import { family, Program } from './process.mjs';
import { until } from './until.mjs';

const top = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const target = join(top, process.env.CARGO_TARGET_DIR ?? 'target');
export const binary = join(target, 'release/icescope');
export const viewer = join(target, 'release/examples/viewer');
export const python = join(target, 'venv/bin/python');

export class Daemon {
  /** Starts it and waits until it serves and its source is ready. */
  static async start(wishes) {
    const daemon = new Daemon(wishes);
    try {
      await daemon.ready();
    } catch (error) {
      // Nobody else has it to end it.
      await daemon.stop();
      throw error;
    }
    return daemon;
  }

  constructor(wishes) {
    this.origin = originAt(wishes.port ?? PORT);
    this.folder = mkdtempSync(join(tmpdir(), 'icescope-e2e-'));
    this.file = join(this.folder, 'icescope.toml');
    this.adminToken = randomBytes(16).toString('hex');
    const files = { 'admin.token': this.adminToken, ...wishes.files };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(this.folder, name), text, { mode: 0o600 });
    this.configure(wishes);
    this.#launch();
  }

  #launch() {
    this.program = new Program(onDaemonHost([binary, 'run', '--config', this.file]));
  }

  /** Ends it and starts it anew, as an update does; `meanwhile` is awaited while it is gone. */
  async restart(meanwhile = async () => {}) {
    await this.program.stop();
    await meanwhile();
    this.#launch();
    return this.ready();
  }

  get log() {
    return this.program.output;
  }

  get pid() {
    // nsenter becomes the daemon.
    return this.program.pid;
  }

  /** Processes of its plugins. */
  get children() {
    return family(this.pid).slice(1);
  }

  configure(wishes) {
    const server = { tokens: ['./admin.token'], ...wishes.server };
    writeFileSync(this.file, configuration({ ...wishes, server }), { mode: 0o600 });
  }

  async ready() {
    const question = async () => {
      if (!this.program.running) throw new Error('it has ended');
      const { plugins } = await this.get('/api/plugins');
      return plugins.every((plugin) => plugin.state !== 'starting') && plugins;
    };
    const plugins = await this.explained(until('the daemon serves and its plugins are up', question));
    const bad = plugins.filter((plugin) => plugin.state !== 'ready');
    if (bad.length > 0) throw new Error(`plugins are not ready: ${JSON.stringify(bad)}\n${this.log}`);
  }

  /** Writes another configuration and has the daemon read it. */
  reload(wishes) {
    this.configure(wishes);
    process.kill(this.pid, 'SIGHUP');
  }

  /** GET of one of its JSON documents. */
  async get(path, headers = {}) {
    const response = await fetch(`${this.origin}${path}`, { headers });
    if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  /** All sessions. */
  sessions() {
    return this.get('/api/sessions', { Authorization: `Bearer ${this.adminToken}` });
  }

  /** A session's record. */
  async record({ id, token }) {
    return this.get(`/api/sessions/${id}`, { Authorization: `Bearer ${token}` });
  }

  /** Adds the daemon's log to what went wrong. */
  async explained(promise) {
    try {
      return await promise;
    } catch (error) {
      error.message += `\n--- the daemon's log ---\n${this.log.slice(-6000)}`;
      throw error;
    }
  }

  async stop() {
    const result = await this.program.stop();
    rmSync(this.folder, { recursive: true, force: true });
    return result;
  }
}
