// The daemon's configuration, as the tests want it.
import { daemonAddress } from './network.mjs';

export const PORT = 8085;
export const ORIGIN = `http://${daemonAddress}:${PORT}`;

const BARS = { path: 'video-gstreamer', name: 'bars', config: {} };
const PLAIN = { path: 'source-plain', name: 'plain', config: {} };

function toml(value) {
  if (Array.isArray(value)) return `[${value.map(toml).join(', ')}]`;
  if (value !== null && typeof value === 'object') {
    return `{ ${Object.entries(value)
      .map(([key, inner]) => `${key} = ${toml(inner)}`)
      .join(', ')} }`;
  }
  return JSON.stringify(value);
}

function table(head, entries) {
  const lines = Object.entries(entries).map(([key, value]) => `${key} = ${toml(value)}`);
  return [head, ...lines, ''].join('\n');
}

/** Where a daemon is that listens on another port. */
export const originAt = (port) => `http://${daemonAddress}:${port}`;

/**
 * The text of a configuration.
 * @param {{ port?: number, plays?: 'bars' | 'plain', bars?: object, plain?: object, probes?: string[], server?: object, ice?: object, relay?: object, limits?: object }} wishes
 */
export function configuration({
  port = PORT,
  plays = 'bars',
  bars = {},
  plain,
  probes = [],
  server = {},
  ice = {},
  relay = {},
  limits = {},
} = {}) {
  const sources = [{ ...BARS, config: bars }];
  if (plain !== undefined || plays === 'plain') sources.push({ ...PLAIN, config: plain ?? {} });
  const measuring = probes.map((path) => ({ name: path.replace('probe-', ''), path, config: {} }));
  const plugins = [...sources, ...measuring].map(({ name, path, config }) =>
    table('[[plugin]]', { name, path, config }),
  );
  return [
    table('[server]', { listen: `${daemonAddress}:${port}`, ...server }),
    table('[ice]', ice),
    table('[relay]', relay),
    ...plugins,
    table('[source]', { plays }),
    table('[limits]', limits),
  ].join('\n');
}
