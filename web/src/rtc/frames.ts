/** What a browser says of the first frame that it puts on the screen. */
export interface FirstFrame {
  /** `performance.now()`, in milliseconds, when the page was told. */
  at: number;
  width: number;
  height: number;
  /** Of requestVideoFrameCallback; empty where the browser has none. */
  metadata: Partial<VideoFrameCallbackMetadata>;
}

/**
 * Tells the first frame that is decoded (the element has its data) and the first that is presented. What is presented was decoded: the
 * callbacks may come the other way round, and the earlier one counts. Returns a function that gives up.
 */
export function watchFrames(
  video: HTMLVideoElement,
  onDecoded: (at: number) => void,
  onPresented: (frame: FirstFrame) => void,
): () => void {
  const stop = new AbortController();
  const once = { once: true, signal: stop.signal };
  let told = false;
  const decoded = (at: number) => {
    if (!told) onDecoded(at);
    told = true;
  };
  video.addEventListener('loadeddata', () => decoded(performance.now()), once);
  if ('requestVideoFrameCallback' in video) {
    const handle = video.requestVideoFrameCallback((_, metadata) => {
      const at = performance.now();
      decoded(at);
      onPresented({ at, width: metadata.width, height: metadata.height, metadata });
    });
    stop.signal.addEventListener('abort', () => video.cancelVideoFrameCallback(handle));
  } else {
    // Without the callback (Firefox before 132), «playing» is the nearest fact.
    const media = video as HTMLVideoElement;
    media.addEventListener(
      'playing',
      () => onPresented({ at: performance.now(), width: media.videoWidth, height: media.videoHeight, metadata: {} }),
      once,
    );
  }
  return () => stop.abort();
}
