import { computed } from '@preact/signals';
import { probes } from '../probes';
import { shown, store } from '../store';
import { readTopology } from '../topology/topology';
import { readIce } from './ice';

/** What the events that are shown tell of ICE; held back with them while a connection comes up. */
export const ice = computed(() => readIce(store.timeline.all.value));

/** What lies between the ends, from the same events and the session's reports. */
export const topology = computed(() => {
  const reports = shown.value.reports.value;
  return readTopology(store.timeline.all.value, reports === undefined ? probes.value : [{ reports }], ice.value);
});
