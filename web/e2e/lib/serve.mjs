// A web server on the browser's host: pages of another origin than the daemon's.
import { createServer } from 'node:http';
import { browserAddress } from './network.mjs';

export const FOREIGN_PORT = 8000;
export const FOREIGN_ORIGIN = `http://${browserAddress}:${FOREIGN_PORT}`;

/** Serves `files` (path → text; JavaScript where the path ends in .js, else HTML) until the test ends. */
export async function serve(t, files) {
  const server = createServer((request, response) => {
    const text = files[request.url];
    if (text === undefined) return response.writeHead(404).end();
    const type = request.url.endsWith('.js') ? 'text/javascript' : 'text/html; charset=utf-8';
    return response.setHeader('Content-Type', type).end(text);
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject).listen(FOREIGN_PORT, browserAddress, resolve);
  });
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
}
