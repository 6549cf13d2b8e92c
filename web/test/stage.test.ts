import { describe, expect, it } from 'vitest';
import type { ConnectionView } from '../src/rtc/observe';
import { stageOf } from '../src/rtc/stage';

const view = (connection: RTCPeerConnectionState, ice: RTCIceConnectionState): ConnectionView => ({
  connection,
  ice,
  signaling: 'stable',
  gathering: 'complete',
  dtls: undefined,
});

describe('the stage of an attempt', () => {
  it('waits on when the browser calls ICE failed before it was ever up', () => {
    expect(stageOf(view('failed', 'failed'), false)).toBe('late');
    expect(stageOf(view('failed', 'disconnected'), false)).toBe('late');
  });

  it('is connected when a late path comes up after all', () => {
    expect(stageOf(view('connected', 'connected'), false)).toBe('connected');
  });

  it('has failed when a path that was up broke', () => {
    expect(stageOf(view('failed', 'failed'), true)).toBe('failed');
  });

  it('has failed when the handshake failed over a path that works', () => {
    expect(stageOf(view('failed', 'connected'), false)).toBe('failed');
  });

  it('says nothing of states on the way', () => {
    expect(stageOf(view('connecting', 'checking'), false)).toBeUndefined();
    expect(stageOf(view('disconnected', 'disconnected'), true)).toBe('disconnected');
  });
});
