// Two hosts on one wire: this process's own network namespace is the browser's host, «daemon» is the daemon's.
import { execFileSync } from 'node:child_process';

/** Documentation addresses (RFC 5737, RFC 3849): they mean nobody, and browsers treat them as any public address. */
export const daemonAddress = '192.0.2.1';
export const browserAddress = '192.0.2.2';
export const daemonAddress6 = '2001:db8::1';
/** The browser's end of the wire. */
export const wire = 'browser0';

const NAMESPACE = '/run/netns/daemon';

function ip(...words) {
  execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Lays the wire. To be called once, inside the namespaces that run.mjs made. */
export function layNetwork() {
  if (process.pid !== 1 && process.ppid !== 1) {
    throw new Error('this test lays a network of its own; start it by `node web/e2e/run.mjs NAME`');
  }
  // Only this mount namespace sees it: `ip netns` keeps its names under /run, which without root could not be written.
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run']);
  ip('netns', 'add', 'daemon');
  ip('link', 'set', 'lo', 'up');
  ip('link', 'add', wire, 'type', 'veth', 'peer', 'name', 'daemon0', 'netns', 'daemon');
  host([], wire, `${browserAddress}/24`, '2001:db8::2/64', daemonAddress, daemonAddress6);
  ip('-n', 'daemon', 'link', 'set', 'lo', 'up');
  host(['-n', 'daemon'], 'daemon0', `${daemonAddress}/24`, `${daemonAddress6}/64`, browserAddress, '2001:db8::2');
}

function host(where, device, address, address6, gateway, gateway6) {
  ip(...where, 'address', 'add', address, 'dev', device);
  // Without the wait of duplicate address detection: both addresses are there at once.
  ip(...where, 'address', 'add', address6, 'dev', device, 'nodad');
  ip(...where, 'link', 'set', device, 'up');
  // Browsers take the address of the default route where a page has no camera permission.
  ip(...where, 'route', 'add', 'default', 'via', gateway);
  ip(...where, '-6', 'route', 'add', 'default', 'via', gateway6);
}

/**
 * Has the browser's host drop all UDP, both ways, as a network that lets only the web through does. It is asked for again and
 * again in vain: nothing is answered, as most such networks do. Answers what opens it again.
 */
export function blockUdp() {
  const rule = 'meta l4proto udp counter drop';
  const hook = (name) => `chain ${name} { type filter hook ${name} priority 0; policy accept; ${rule}; }`;
  const rules = `table inet no_udp {\n${hook('input')}\n${hook('output')}\n}\n`;
  execFileSync('nft', ['-f', '-'], { input: rules, stdio: ['pipe', 'ignore', 'inherit'] });
  return () => execFileSync('nft', ['delete', 'table', 'inet', 'no_udp'], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** The command line that runs `words` on the daemon's host. */
export function onDaemonHost(words) {
  return ['nsenter', `--net=${NAMESPACE}`, '--', ...words];
}
