import { useEffect } from 'preact/hooks';
import { SPEEDS, sequence } from '../../state/sequence/view';
import { isGrowing } from '../../state/store';
import { texts } from '../../texts';

/** Shows once more how it went, when it is over. */
export function Replay() {
  const words = texts.sequence;
  const all = sequence.drawable.value.length;
  const playing = sequence.playing.value;
  useEffect(() => {
    if (!playing) return;
    let last = performance.now();
    let frame = requestAnimationFrame(function next(now) {
      sequence.tick(now - last);
      last = now;
      frame = requestAnimationFrame(next);
    });
    return () => cancelAnimationFrame(frame);
  }, [playing]);
  if (isGrowing.value || all === 0) return null;
  const shown = sequence.replay.value?.shown ?? all;
  return (
    <div class="replay">
      <button
        type="button"
        onClick={() => {
          sequence.replay.value ??= { shown: 0, waited: 0 };
          sequence.playing.value = !playing;
        }}
      >
        {playing ? words.pause : words.replay}
      </button>
      <input
        type="range"
        min={0}
        max={all}
        value={shown}
        aria-label={words.position}
        onInput={(event) => {
          const place = Number(event.currentTarget.value);
          sequence.replay.value = place >= all ? undefined : { shown: place, waited: 0 };
        }}
      />
      <label>
        <span>{words.speed}</span>
        <select
          value={sequence.speed.value}
          onChange={(event) => {
            sequence.speed.value = Number(event.currentTarget.value);
          }}
        >
          {SPEEDS.map((speed) => (
            <option key={speed} value={speed}>
              {words.speedOf(speed)}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}
