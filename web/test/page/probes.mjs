/** A run that goes on. */
export const RUN = {
  ...{ id: 2, trigger: 'demand', startedUnixMs: 1_764_000_000_000, duration: null, outcome: null, error: null },
  ...{ steps: [], stepsDropped: 0 },
};

/** One packet of it. */
export const STEP = {
  ...{
    time: 12_345,
    level: 'info',
    schema: 'icescope.stun.transaction/1',
    summary: 'Binding request to 192.0.2.1:3478',
  },
  ...{ span: 2, parent: 1, outcome: null, from: 'peer', to: 'stun', evidence: 'packet', attributes: {} },
};

/** A probe that has run, as the daemon tells it. */
export const PROBE = {
  instance: 'nat',
  probe: 'probe-nat',
  run: { ...RUN, id: 1, trigger: 'start', duration: 812_000, outcome: 'pass' },
  reports: [
    {
      ...{ probe: 'nat', schema: 'icescope.nat/1', subject: 'ipv4', outcome: 'pass', unixMs: 1_764_000_000_812 },
      document: {
        family: 'ipv4',
        summary: 'Behind a NAT that keeps its mappings',
        public_address: '192.0.2.7',
        nat: true,
        hairpin: null,
        servers: [
          { url: 'stun:192.0.2.1', answered: true, error: null },
          { url: 'stun:192.0.2.2', answered: false, error: 'no answer within 2 s' },
        ],
        observations: { mapping: [{ from: '10.0.0.2:40000', to: '192.0.2.1:3478', rtt_ms: 12.3456, ports: [1, 2] }] },
      },
    },
  ],
  past: [
    { id: 0, startedUnixMs: 1_763_999_000_000, duration: 900_000, outcome: 'failed' },
    { id: 1, startedUnixMs: 1_764_000_000_000, duration: 812_000, outcome: 'pass' },
  ],
};
