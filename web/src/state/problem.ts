import { RequestError } from '../api';
import { texts } from '../texts';
import type { Problem } from './store';

/** An error as the page shows it: what, why, what to do. */
export function problemOf(error: unknown): Problem {
  const { title, next } = texts.problem;
  const message = texts.describe(error);
  if (error instanceof RequestError && error.status === 0) return { title, message, next: next['no-answer'] };
  // The daemon's own messages say what to do.
  if (error instanceof RequestError && error.code !== 'unreadable-answer') return { title, message, next: '' };
  if (!isSecureContext) return { title, message, next: next.insecure };
  return { title, message, next: next.other };
}

/** ICE or DTLS failed. */
export function connectionFailed(message: string): Problem {
  return { title: texts.problem.connectionFailed, message, next: texts.problem.next.failed };
}
