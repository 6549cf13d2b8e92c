import type { Path } from '../../state/topology/paths';
import { texts } from '../../texts';
import { candidateName, wayWords } from '../pairs/words';

/** The pair of a path by its two candidates. */
export function pathName({ pair }: Path): string {
  return `${candidateName(pair.local)} – ${candidateName(pair.remote)}`;
}

/** Why a path stands as it does, by both ends' counters. */
export function pathWhy(path: Path): string {
  const { pair, role, stop, refusal } = path;
  const words = texts.topology;
  if (role === 'broken') return words.brokenWhy;
  if (role === 'selected') {
    const { browser, daemon } = pair.selectedBy;
    return browser === daemon ? '' : browser ? words.oneEnd.browser : words.oneEnd.daemon;
  }
  const { browser, daemon } = pair;
  const counts = [
    browser && browser.requestsSent > 0 && words.browserSent(browser.requestsSent, daemon?.requestsReceived ?? 0),
    daemon && daemon.requestsSent > 0 && words.daemonSent(daemon.requestsSent, browser?.requestsReceived),
  ].filter(Boolean);
  return [stop && words.stop[stop], [refusal, daemon?.error, ...counts].filter(Boolean).join('; ')]
    .filter(Boolean)
    .join(' ');
}

/** The paths in words, each in the colour of its line. */
export function PathList({ paths, more }: { paths: readonly Path[]; more: number }) {
  const words = texts.topology;
  return (
    <div class="topology-paths">
      <h3>{words.paths}</h3>
      {paths.length === 0 && <p class="quiet">{words.noPaths}</p>}
      <ul>
        {paths.map((path, index) => (
          <li key={path.pair.id} data-role={path.role}>
            <span class="swatch">{words.role[path.role]}</span>{' '}
            <span>
              <b class="way">{wayWords(path.pair)}</b>{' '}
              <span class="place" data-number={index + 1}>
                {pathName(path)}
              </span>{' '}
              <span class="quiet">{pathWhy(path)}</span>
            </span>
          </li>
        ))}
      </ul>
      {more > 0 && <p class="quiet">{words.more(more)}</p>}
    </div>
  );
}
