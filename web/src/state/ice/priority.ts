/** A candidate's priority taken apart (RFC 8445 §5.1.2.1). */
export interface Priority {
  /** 126 for host, 110 for peer-reflexive, 100 for server-reflexive and 0 for relayed are what the RFC recommends. */
  typePreference: number;
  /** Among the addresses of one type: which interface, which family. */
  localPreference: number;
  /** 1 is RTP, and all that goes with it. */
  component: number;
}

/** priority = 2²⁴ × type preference + 2⁸ × local preference + (256 − component). */
export function decodePriority(priority: number): Priority {
  return {
    typePreference: Math.floor(priority / 2 ** 24),
    localPreference: Math.floor(priority / 2 ** 8) % 2 ** 16,
    component: 256 - (priority % 2 ** 8),
  };
}
