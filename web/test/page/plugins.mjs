/** A plugin's state, as the daemon tells it. */
export const PLUGIN = {
  ...{ name: 'bars', id: 'org.icescope.video.gstreamer', kind: 'icescope.video-source/1', version: '0.1.0' },
  ...{ path: 'libicescope_video_gstreamer.so', isolation: 'process', state: 'ready', message: null },
  ...{ restarts: 0, framesDropped: 0, eventsDropped: 0 },
};

/** Another one, in trouble. */
export const PLUGIN_CRASHED = {
  ...PLUGIN,
  ...{ name: 'stun', kind: 'icescope.probe/1', state: 'backing-off', restarts: 2, version: '0.3.1' },
  message: 'the child process ended by signal 11 (SIGSEGV); it is started again in 4 s',
};
