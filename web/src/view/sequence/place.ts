import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { between } from '../../state/sequence/axis';
import { sequence } from '../../state/sequence/view';

/** So near to the end the reader follows what comes, in pixels. */
const NEAR_END = 40;

/**
 * Where the picture is scrolled to. It follows what comes while the reader is at its end, keeps the time in the middle where the
 * axis changes, and shows what is selected elsewhere.
 */
export function usePlace(frame: { current: HTMLDivElement | null }) {
  const [scroll, setScroll] = useState(0);
  const layout = sequence.layout.value;
  const { height } = sequence.size.value;
  const before = useRef(layout);
  const axis = `${sequence.mode.value} ${sequence.zoom.value} ${sequence.folding.value}`;
  const axisBefore = useRef(axis);
  const atEnd = useRef(true);

  /** Takes note of what is seen now. */
  const look = (element: HTMLElement) => {
    const end = element.scrollTop + element.clientHeight;
    atEnd.current = end >= sequence.layout.peek().height - NEAR_END;
    sequence.below.value = atEnd.current ? undefined : end;
    setScroll(element.scrollTop);
  };
  useSize(frame);
  useLayoutEffect(() => {
    const element = frame.current;
    const old = before.current;
    before.current = layout;
    if (element === null || old === layout) return;
    const changed = axisBefore.current !== axis;
    axisBefore.current = axis;
    if (changed) {
      const offset = sequence.anchor ?? height / 2;
      const places = old.rows.map((row) => row.y);
      const time = between(places, timesOf(old.rows), element.scrollTop + offset);
      const y = between(
        timesOf(layout.rows),
        layout.rows.map((row) => row.y),
        time,
      );
      element.scrollTop = y - offset;
      sequence.anchor = undefined;
    } else if (atEnd.current && layout.height - old.height < height) {
      // What comes all at once (a whole set-up, drawn when it is over) is read from its beginning.
      element.scrollTop = layout.height;
    }
    look(element);
  }, [layout, axis, height, frame]);

  const wanted = sequence.revealed.value;
  const selected = sequence.selected.value;
  // The row is drawn with this turn, not with the scroll event that comes later: its name is read out now.
  useLayoutEffect(() => setScroll((now) => reveal(frame.current, wanted?.row) ?? now), [wanted, frame]);
  useLayoutEffect(() => setScroll((now) => reveal(frame.current, selected) ?? now), [selected, frame]);

  const onScroll = () => {
    const element = frame.current;
    if (element === null) return;
    sequence.hovered.value = undefined;
    look(element);
  };
  return { scroll, onScroll };
}

/** Brings a row into view, if it is not; answers where the picture is then. */
function reveal(element: HTMLElement | null, index: number | undefined): number | undefined {
  const row = index === undefined ? undefined : sequence.layout.peek().rows[index];
  if (element === null || row === undefined) return undefined;
  const [top, bottom] = [element.scrollTop, element.scrollTop + element.clientHeight];
  if (row.y - NEAR_END < top) element.scrollTop = row.y - NEAR_END;
  else if (row.y + NEAR_END > bottom) element.scrollTop = row.y + NEAR_END - element.clientHeight;
  return element.scrollTop;
}

function timesOf(rows: readonly { time: number }[]): number[] {
  return rows.map((row) => row.time);
}

/** Keeps the frame's size up to date. */
function useSize(frame: { current: HTMLDivElement | null }): void {
  useLayoutEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const measure = () => {
      const { clientWidth: width, clientHeight: height } = element;
      const was = sequence.size.peek();
      if (width > 0 && height > 0 && (was.width !== width || was.height !== height))
        sequence.size.value = { width, height };
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [frame]);
}
