import type { PluginStatus } from '../generated/PluginStatus';
import { store } from '../state/store';
import { texts } from '../texts';

/** The plugins' states; those with a problem first and in full. */
export function Plugins() {
  const plugins = [...store.plugins.value].sort((a, b) => Number(a.state === 'ready') - Number(b.state === 'ready'));
  // The strip is there before the list is, so that nothing moves when it comes.
  return (
    <section class="strip" aria-labelledby="plugins-title">
      <h2 id="plugins-title">{texts.plugins.title}</h2>
      <ul id="plugins" class="plugins" aria-live="polite">
        {plugins.map((plugin) => (
          <Plugin key={plugin.name} plugin={plugin} />
        ))}
      </ul>
    </section>
  );
}

function Plugin({ plugin }: { plugin: PluginStatus }) {
  const { name, kind, version, state, message, restarts, framesDropped, path } = plugin;
  const nature = [kind, version].filter((fact) => fact !== null);
  const isReady = state === 'ready';
  // Of one that is well the strip says no more than that; the rest is in its tip.
  const facts = isReady ? [] : [...nature];
  if (restarts > 0) facts.push(texts.plugins.restarts(restarts));
  if (framesDropped > 0) facts.push(texts.plugins.dropped(framesDropped));
  return (
    <li data-plugin={name} data-state={state} title={[path, ...nature, message].filter(Boolean).join('\n')}>
      <span class="name">{name}</span>
      <span class="tag">{texts.plugins.state[state]}</span>
      <span class="facts">{facts.join(' · ')}</span>
      {message !== null && !isReady && <p>{message}</p>}
    </li>
  );
}
