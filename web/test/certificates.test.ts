import { expect, test, vi } from 'vitest';
import { Certificates } from '../src/rtc/certificates';

const DAY_MS = 24 * 60 * 60_000;
const NOW = 1_000_000;
const certificate = (days: number) => ({ expires: NOW + days * DAY_MS }) as RTCCertificate;

test('a certificate that was made ahead is used for one connection', async () => {
  const ahead = certificate(30);
  const certificates = new Certificates(async () => ahead);
  await certificates.prepare();
  expect(certificates.take(NOW)).toBe(ahead);
  expect(certificates.take(NOW)).toBeUndefined();
});

test('one is made at a time, and none while one is ready', async () => {
  const make = vi.fn(async () => certificate(30));
  const certificates = new Certificates(make);
  await Promise.all([certificates.prepare(), certificates.prepare()]);
  await certificates.prepare();
  expect(make).toHaveBeenCalledOnce();
  certificates.take(NOW);
  await certificates.prepare();
  expect(make).toHaveBeenCalledTimes(2);
});

test('a connection does not wait for one that is not ready', () => {
  const certificates = new Certificates(() => new Promise(() => {}));
  void certificates.prepare();
  expect(certificates.take(NOW)).toBeUndefined();
});

test('one that ends within a day is thrown away: a page may stay open for weeks', async () => {
  const made = [certificate(0.9), certificate(30)];
  const certificates = new Certificates(async () => made.shift() as RTCCertificate);
  await certificates.prepare();
  expect(certificates.take(NOW)).toBeUndefined();
  await certificates.prepare();
  expect(certificates.take(NOW)).toMatchObject(certificate(30));
});

test('a browser that makes none makes its own with the offer, and is asked again later', async () => {
  const make = vi.fn<() => Promise<RTCCertificate>>();
  make.mockRejectedValueOnce(new Error('no entropy')).mockResolvedValueOnce(certificate(30));
  const certificates = new Certificates(make);
  await certificates.prepare();
  expect(certificates.take(NOW)).toBeUndefined();
  await certificates.prepare();
  expect(certificates.take(NOW)).toBeDefined();
});
