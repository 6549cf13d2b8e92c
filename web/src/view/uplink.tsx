import type { UplinkStats } from '../generated/UplinkStats';
import { sent } from '../state/figures/view';
import { switchUplink, uplink } from '../state/uplink';
import { texts } from '../texts';
import { bitRate } from './format';
import { PlotGroup } from './plots/group';
import { SENT_PLOTS } from './plots/words';

/** The switch that sends the browser's own picture, and what arrived of it. */
export function Uplink() {
  const words = texts.uplink;
  const on = uplink.on.value;
  const origin = uplink.origin.value;
  const why = uplink.why.value;
  const status = [origin && words[origin], on ? texts.stageName[uplink.stage.value] : undefined, why].filter(Boolean);
  return (
    <section class="card" aria-labelledby="uplink-title">
      <h2 id="uplink-title">{words.title}</h2>
      <label class="switch">
        <input
          id="uplink"
          type="checkbox"
          role="switch"
          checked={on}
          aria-checked={on}
          aria-describedby="uplink-about"
          onChange={(event) => void switchUplink(event.currentTarget.checked)}
        />
        <span>{words.switch}</span>
      </label>
      <p id="uplink-about" class="quiet">
        {words.about}
      </p>
      <p
        id="uplink-state"
        class={uplink.stage.value === 'failed' ? 'bad' : 'quiet'}
        role="status"
        data-state={uplink.stage.value}
      >
        {status.join(' · ')}
      </p>
      {on && <Arrived stats={uplink.arrived.value} />}
      {on && <Sent />}
    </section>
  );
}

/** The same over time. */
function Sent() {
  const plotted = sent.value;
  if (plotted.figures.time.length < 2) return null;
  return (
    <details class="uplink-plots">
      <summary>{texts.plots.sent}</summary>
      <PlotGroup name="sent" specs={SENT_PLOTS} plotted={plotted} />
    </details>
  );
}

function Arrived({ stats }: { stats: UplinkStats | undefined }) {
  const words = texts.uplink;
  if (stats === undefined) {
    return (
      <p id="uplink-stats" data-frames="0" class="quiet">
        {words.arrived}: {words.nothing}
      </p>
    );
  }
  const rows: [string, string][] = [
    [words.codec, stats.mimeType.replace(/^video\//, '')],
    [words.size, stats.frameWidth > 0 ? `${stats.frameWidth}×${stats.frameHeight}` : '–'],
    [words.frameRate, words.framesPerSecond(stats.framesPerSecond, 1)],
    [words.bitRate, bitRate(stats.bitsPerSecond)],
    [words.frames, String(stats.framesReceived)],
    [words.lost, String(stats.packetsLost)],
  ];
  return (
    <dl id="uplink-stats" class="facts figures" data-frames={stats.framesReceived}>
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
