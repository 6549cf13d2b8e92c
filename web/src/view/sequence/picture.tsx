import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { within } from '../../state/sequence/layout';
import { sequence } from '../../state/sequence/view';
import { texts } from '../../texts';
import { Arrow } from './arrow';
import { Backdrop } from './backdrop';
import { geometry, LANES } from './geometry';
import { goesTo, indexAt } from './moves';
import { usePlace } from './place';

/** Pixels drawn beyond what is seen, so that a quick scroll shows no gap. */
const OVERSCAN = 240;
const WHEEL_PER_STEP = 400;

/** The arrows between the lanes; only the part that is seen is in the document. */
export function Picture() {
  const words = texts.sequence;
  const frame = useRef<HTMLDivElement>(null);
  const place = usePlace(frame);
  const layout = sequence.layout.value;
  const { width, height } = sequence.size.value;
  const narrow = sequence.narrow.value;
  const shape = useMemo(() => geometry(width, narrow), [width, narrow]);
  // A picture that has shrunk under a far place shows its end.
  const scroll = Math.min(place.scroll, layout.height - height);
  const top = Math.max(0, scroll - OVERSCAN);
  const bottom = Math.min(layout.height, scroll + height + OVERSCAN);
  const { rows } = layout;
  const { first, end } = within(rows, top, bottom);
  const active = Math.min(sequence.active.value, rows.length - 1);
  const shown = sequence.shown.value;
  const partner = shown === undefined ? undefined : rows[shown]?.partner;

  useWheel(frame);
  const under = (event: MouseEvent) => {
    const box = frame.current?.getBoundingClientRect();
    return indexAt(rows, event.clientY - (box?.top ?? 0) + (frame.current?.scrollTop ?? 0));
  };
  return (
    <>
      <div class="lane-names" aria-hidden="true">
        {LANES.map((lane) => (
          <span key={lane} class="lane" data-lane={lane} style={{ left: `${shape.x[lane]}px` }}>
            {narrow ? words.lane[lane] : texts.lane[lane]}
          </span>
        ))}
      </div>
      <div
        class="frame"
        ref={frame}
        role="listbox"
        tabIndex={0}
        aria-label={words.list}
        aria-activedescendant={active >= first && active < end ? `sequence-row-${active}` : undefined}
        onScroll={place.onScroll}
        onKeyDown={(event) => goesTo(event, height)}
        onFocus={() => {
          sequence.focused.value = true;
        }}
        onBlur={() => {
          sequence.focused.value = false;
        }}
        onPointerMove={(event) => {
          if (event.pointerType === 'mouse') sequence.hovered.value = under(event);
        }}
        onPointerLeave={() => {
          sequence.hovered.value = undefined;
        }}
        onClick={(event) => {
          const index = under(event);
          if (index !== undefined) sequence.toggle(index);
        }}
      >
        <div class="canvas" role="presentation" style={{ height: `${layout.height}px` }}>
          <svg
            role="presentation"
            width={width}
            height={bottom - top}
            viewBox={`0 ${top} ${width} ${bottom - top}`}
            style={{ top: `${top}px` }}
          >
            <Backdrop {...{ layout, geometry: shape, top, bottom, linear: sequence.mode.value === 'linear' }} />
            {rows.slice(first, end).map((row, offset) => {
              const index = first + offset;
              return (
                <Arrow
                  key={row.events[0].sequence}
                  row={row}
                  index={index}
                  of={rows.length}
                  geometry={shape}
                  selected={index === sequence.selected.value}
                  active={index === active}
                  hovered={index === sequence.hovered.value}
                  partner={index === partner}
                />
              );
            })}
          </svg>
        </div>
        {rows.length === 0 && (
          // A list box without an option would be none (WAI-ARIA 1.2, required owned elements).
          <div role="option" aria-selected="false" aria-disabled="true" tabIndex={-1} class="quiet none">
            {words.empty}
          </div>
        )}
      </div>
    </>
  );
}

/** Ctrl and the wheel, or two fingers on a touchpad: closer or further away, at the pointer. */
function useWheel(frame: { current: HTMLDivElement | null }): void {
  useLayoutEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const turn = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      sequence.anchor = event.clientY - element.getBoundingClientRect().top;
      sequence.magnify(2 ** (-event.deltaY / WHEEL_PER_STEP));
    };
    element.addEventListener('wheel', turn, { passive: false });
    return () => element.removeEventListener('wheel', turn);
  }, [frame]);
}
