import { computed } from '@preact/signals';
import { probes } from '../probes';
import { store } from '../store';
import { readTopology } from '../topology/topology';
import { readIce } from './ice';

/** What the events that are shown tell of ICE; held back with them while a connection comes up. */
export const ice = computed(() => readIce(store.timeline.all.value));

/** What lies between the ends, from the same events and the newest reports. */
export const topology = computed(() => readTopology(store.timeline.all.value, probes.value, ice.value));
