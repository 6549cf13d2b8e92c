import type { ProbeRun } from '../../src/generated/ProbeRun';
import type { ProbeState } from '../../src/generated/ProbeState';
import type { ProbeStep } from '../../src/generated/ProbeStep';

export const RUN: ProbeRun;
export const STEP: ProbeStep;
export const PROBE: ProbeState;
