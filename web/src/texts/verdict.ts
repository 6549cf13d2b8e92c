/** The words of the verdict. */
export const verdict = {
  title: 'Verdict',
  outcome: { connected: 'Connected', failed: 'Failed', pending: 'Not decided yet' },
  certainty: { proven: 'proven', likely: 'likely' },
  side: {
    client: 'at the browser’s end',
    daemon: 'at the daemon’s end',
    server: 'at a server',
    both: 'at both ends',
    unknown: 'whose end cannot be told',
  },
  change: 'To change:',
  why: 'Show me why',
  whyOf: (cause: string) => `Show the events of ${cause}`,
  explain: (cause: string) => `icescope explain ${cause}`,
  findings: (number: number) => `${number} more ${number === 1 ? 'finding' : 'findings'}`,
  weight: { fatal: 'fault', degraded: 'weakness', harmless: 'harmless' },
} as const;
