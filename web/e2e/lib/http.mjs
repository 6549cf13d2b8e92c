// Requests that a browser's fetch would not let us make: any Host, any Origin, upgrades; and from the daemon's own host.
import { execFile } from 'node:child_process';
import { request } from 'node:http';
import { promisify } from 'node:util';
import { PORT } from './config.mjs';
import { daemonAddress, onDaemonHost } from './network.mjs';

const run = promisify(execFile);

/** Sends it to the daemon; answers status, headers and body. */
export function ask(method, path, { headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const sent = request({
      host: daemonAddress,
      port: PORT,
      method,
      path,
      headers,
      setHost: headers.Host === undefined,
    });
    sent.once('error', reject);
    sent.once('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode, headers: response.headers, body: '' });
    });
    sent.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => {
        text += part;
      });
      response.once('end', () => resolve({ status: response.statusCode, headers: response.headers, body: text }));
    });
    sent.end(body);
  });
}

/** Asks for a WebSocket; 101 when the door opens. */
export function upgrade(path, headers = {}) {
  const key = Buffer.from('a nonce of 16 by').toString('base64');
  const own = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': key };
  return ask('GET', path, { headers: { ...own, ...headers } });
}

/** GET of a JSON document, asked on the daemon's own host: it works when the wire is cut. */
export async function getThere(path, headers = {}) {
  const url = `http://${daemonAddress}:${PORT}${path}`;
  const script = `const answer = await fetch(${JSON.stringify(url)}, { headers: ${JSON.stringify(headers)} });
    process.stdout.write(await answer.text());`;
  const words = onDaemonHost([process.execPath, '--input-type=module', '--eval', script]);
  const { stdout } = await run(words[0], words.slice(1));
  return JSON.parse(stdout);
}
