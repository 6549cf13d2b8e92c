import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Event } from '../generated/Event';
import { store } from '../state/store';
import { texts } from '../texts';
import { Details } from './details';
import { Filters } from './filters';
import { Help } from './help';
import { Row } from './row';
import { Export } from './sessions/export';
import { drawn } from './window';

/** As the style sheet has it, for wide and for narrow pages. */
const ROW_HEIGHT = 30;
const NARROW_ROW_HEIGHT = 58;
const narrow = matchMedia('(max-width: 899px)');

/** The events of both ends on one clock. */
export function TimelineCard() {
  const { timeline } = store;
  const words = texts.timeline;
  const all = timeline.all.value;
  const visible = timeline.visible.value;
  const opened = timeline.opened.value;
  const dropped = timeline.dropped.value + (store.session.value?.eventsDropped ?? 0);
  return (
    <section class="card timeline-card" data-empty={all.length === 0 || undefined} aria-labelledby="timeline-title">
      <div class="head">
        <h2 id="timeline-title">{words.title}</h2>
        <p class="quiet">{words.about}</p>
        <p class="count" role="status" aria-live="off">
          {words.shown(visible.length, all.length)}
          {dropped > 0 && ` · ${words.dropped(dropped)}`}
        </p>
      </div>
      <Help lines={words.help} />
      <Filters timeline={timeline} />
      <Export />
      <Table />
      {opened !== undefined && (
        <Details
          event={opened}
          onClose={() => {
            timeline.open.value = undefined;
          }}
        />
      )}
    </section>
  );
}

function Table() {
  const { timeline } = store;
  const words = texts.timeline;
  const visible = timeline.visible.value;
  const open = timeline.open.value;
  const cited = timeline.cited.value;
  const body = useRef<HTMLDivElement>(null);
  const { scroll, onScroll, rowHeight } = useFollowing(body, visible.length);
  useShowing(body, cited, visible, rowHeight);
  const part = drawn(visible.length, rowHeight, scroll.top, scroll.height);
  const openRow = visible.findIndex((event) => event.sequence === open);
  const reachable = openRow >= part.first && openRow < part.end ? openRow : part.first;

  return (
    <div id="timeline" role="table" aria-labelledby="timeline-title" aria-rowcount={visible.length + 1}>
      <div role="row" class="row head-row" aria-rowindex={1}>
        {[words.time, words.delta, words.seenBy, words.lanes, words.evidence, words.summary].map((name) => (
          <span key={name} role="columnheader">
            {name}
          </span>
        ))}
      </div>
      <div role="rowgroup" class="rows" ref={body} onScroll={onScroll} onKeyDown={onKey}>
        {visible.length === 0 && (
          <div role="row" class="quiet none">
            <span role="cell">{timeline.all.value.length === 0 ? words.empty : words.nothingFits}</span>
          </div>
        )}
        <div class="gap" aria-hidden="true" style={{ height: `${part.before}px` }} />
        {visible.slice(part.first, part.end).map((event, offset) => {
          const index = part.first + offset;
          return (
            <Row
              key={event.sequence}
              event={event}
              before={visible[index - 1]?.time}
              index={index + 2}
              open={event.sequence === open}
              cited={cited.has(event.sequence)}
              reachable={index === reachable}
              onOpen={toggle}
            />
          );
        })}
        <div class="gap" aria-hidden="true" style={{ height: `${part.after}px` }} />
      </div>
    </div>
  );
}

/** Follows the newest event as long as the reader is at the end, and keeps still otherwise. */
function useFollowing(body: { current: HTMLDivElement | null }, rows: number) {
  const [scroll, setScroll] = useState({ top: 0, height: 600 });
  const [rowHeight, setRowHeight] = useState(narrow.matches ? NARROW_ROW_HEIGHT : ROW_HEIGHT);
  const atEnd = useRef(true);
  useLayoutEffect(() => {
    const change = () => setRowHeight(narrow.matches ? NARROW_ROW_HEIGHT : ROW_HEIGHT);
    narrow.addEventListener('change', change);
    return () => narrow.removeEventListener('change', change);
  }, []);
  useLayoutEffect(() => {
    const element = body.current;
    if (element !== null && rows >= 0 && atEnd.current) element.scrollTop = element.scrollHeight;
  }, [rows, body]);
  const onScroll = () => {
    const element = body.current;
    if (element === null) return;
    atEnd.current = element.scrollTop + element.clientHeight >= element.scrollHeight - rowHeight;
    setScroll({ top: element.scrollTop, height: element.clientHeight });
  };
  return { scroll, onScroll, rowHeight };
}

/** Brings the first of the events that are cited into view, once they are. */
function useShowing(
  body: { current: HTMLDivElement | null },
  cited: ReadonlySet<number>,
  visible: readonly Event[],
  rowHeight: number,
) {
  const shown = useRef(cited);
  useLayoutEffect(() => {
    if (shown.current === cited) return;
    shown.current = cited;
    const index = visible.findIndex((event) => cited.has(event.sequence));
    const element = body.current;
    if (element === null || index < 0) return;
    element.scrollTop = Math.max(0, (index - 2) * rowHeight);
    element.scrollIntoView({ block: 'nearest' });
  }, [body, cited, visible, rowHeight]);
}

/** One function for all rows, so that a row whose event is unchanged is not drawn again. */
function toggle(sequence: number): void {
  const { open } = store.timeline;
  open.value = open.peek() === sequence ? undefined : sequence;
}

function onKey(event: KeyboardEvent): void {
  const row = (event.target as HTMLElement).closest<HTMLElement>('[data-sequence]');
  if (row === null) return;
  if (event.key === 'Enter' || event.key === ' ') toggle(Number(row.dataset.sequence));
  else if (event.key === 'ArrowDown') focus(row.nextElementSibling);
  else if (event.key === 'ArrowUp') focus(row.previousElementSibling);
  else if (event.key === 'Escape') store.timeline.open.value = undefined;
  else return;
  event.preventDefault();
}

function focus(element: Element | null): void {
  if (element instanceof HTMLElement && element.dataset.sequence !== undefined) element.focus();
}
