// Debian's coturn on the daemon's host.
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { daemonAddress, onDaemonHost } from './network.mjs';
import { Program } from './process.mjs';
import { until } from './until.mjs';

export const PORT = 3478;
export const TLS_PORT = 5349;

function answers(port) {
  return new Promise((resolve) => {
    const socket = createConnection({ host: daemonAddress, port });
    const end = (open) => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', () => end(true)).once('error', () => end(false));
  });
}

/** Starts it with the shared secret of the TURN REST API; it ends with the test `t`. */
export async function coturn(t, { secret, certificate, key }) {
  const folder = mkdtempSync(join(tmpdir(), 'icescope-coturn-'));
  const words = ['turnserver', '-n', '--no-cli', '--log-file=stdout', '--realm=test', '--use-auth-secret'];
  words.push(`--static-auth-secret=${secret}`, `--listening-ip=${daemonAddress}`, `--relay-ip=${daemonAddress}`);
  words.push(`--listening-port=${PORT}`, `--tls-listening-port=${TLS_PORT}`, `--cert=${certificate}`, `--pkey=${key}`);
  words.push(`--pidfile=${join(folder, 'pid')}`, `--userdb=${join(folder, 'users')}`);
  const program = new Program(onDaemonHost(words));
  t.after(async () => {
    await program.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  try {
    await until('coturn listens', async () => (await answers(PORT)) && (await answers(TLS_PORT)));
  } catch (error) {
    error.message += `\n${program.output.slice(-3000)}`;
    throw error;
  }
  return program;
}
