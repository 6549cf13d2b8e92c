/** What part of a long list is drawn. */
export interface Drawn {
  /** First row drawn. */
  first: number;
  /** Row after the last one drawn. */
  end: number;
  /** Pixels that stand for the rows before. */
  before: number;
  /** Pixels that stand for the rows after. */
  after: number;
}

/** Rows drawn beyond what is seen, so that a quick scroll shows no gap. */
const OVERSCAN = 12;

/** Lists up to this length are drawn whole: cheap, and a search in the page finds everything. */
export const WHOLE = 250;

/** Which rows of a list with rows of one height are to be drawn. */
export function drawn(rows: number, rowHeight: number, scrollTop: number, height: number): Drawn {
  if (rows <= WHOLE) return { first: 0, end: rows, before: 0, after: 0 };
  const seenFirst = Math.floor(Math.max(0, scrollTop) / rowHeight);
  const seen = Math.ceil(height / rowHeight) + 1;
  // A list that has shrunk under a far scroll position still shows its last rows.
  const first = Math.max(0, Math.min(seenFirst - OVERSCAN, rows - seen - OVERSCAN));
  const end = Math.min(rows, Math.max(seenFirst + seen + OVERSCAN, first));
  return { first, end, before: first * rowHeight, after: (rows - end) * rowHeight };
}
