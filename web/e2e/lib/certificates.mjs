// A certificate authority of the test's own, and a certificate that it gave.
import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const openssl = (...words) => execFileSync('openssl', words, { stdio: ['ignore', 'ignore', 'pipe'] });

/**
 * Makes both for an IP address, as files in `folder`.
 * @returns {{ authority: string, certificate: string, key: string, spki: string }} three paths, and the hash of the public key
 *   as Chromium's --ignore-certificate-errors-spki-list wants it
 */
export function certify(folder, address) {
  const [authority, authorityKey, certificate, key, request, extensions] = [
    ...['ca.pem', 'ca.key', 'server.pem', 'server.key', 'server.csr', 'server.ext'],
  ].map((name) => join(folder, name));
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const usage = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign'];
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    authorityKey,
    '-out',
    authority,
    '-subj',
    '/CN=Test authority',
    ...usage,
  );
  openssl('req', ...newKey, '-keyout', key, '-out', request, '-subj', '/CN=relay');
  writeFileSync(extensions, `subjectAltName=IP:${address}\nbasicConstraints=CA:FALSE\n`);
  const signing = ['-CA', authority, '-CAkey', authorityKey, '-CAcreateserial', '-days', '30', '-extfile', extensions];
  openssl('x509', '-req', '-in', request, '-out', certificate, ...signing);
  const { publicKey } = new X509Certificate(readFileSync(certificate));
  const spki = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');
  return { authority, certificate, key, spki };
}
