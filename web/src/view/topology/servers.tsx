import type { Server } from '../../state/topology/servers';
import { texts } from '../../texts';

const ENDS = ['browser', 'daemon'] as const;

/** The servers that were really asked, with what came of it. */
export function Servers({ servers }: { servers: readonly Server[] }) {
  const words = texts.topology.server;
  if (servers.length === 0) return <p class="quiet">{texts.topology.noServers}</p>;
  return (
    <ul class="topology-servers">
      {servers.map(({ place, urls, uses, relayed, isEmbedded }) => (
        <li key={place} data-server={place}>
          <b class="place">{place}</b>
          {isEmbedded && <span class="mark">{words.embedded}</span>}
          {urls.map((url) => (
            <span key={url} class="also">
              {url}
            </span>
          ))}
          {ENDS.flatMap((end) =>
            uses[end].map(({ service, outcome, error }) => (
              <span key={`${end} ${service}`} class="use" data-end={end} data-service={service} data-outcome={outcome}>
                {words.service[service]}, {words.end[end]}: {words.outcome[outcome]}
                {error && ` (${error})`}
              </span>
            )),
          )}
          {relayed.map((one) => (
            <span key={one.place} class="also" data-relayed={one.place}>
              {words.relayed(one.place, words.end[one.end])}
            </span>
          ))}
        </li>
      ))}
    </ul>
  );
}
