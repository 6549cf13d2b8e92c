import type { ComponentChildren } from 'preact';
import { texts } from '../texts';

/** Lists of facts as wide as this are shown as a table. */
const MOST_COLUMNS = 7;
/** What is longer than this is folded up. */
const MOST_ROWS = 6;

type Facts = Record<string, unknown>;

/** Any document: facts with their names, lists of alike things as tables, what is long or deep folded up. */
export function Value({ value, depth = 0 }: { value: unknown; depth?: number }) {
  if (Array.isArray(value)) return <List items={value} depth={depth} />;
  if (isFacts(value)) return <Facts facts={value} depth={depth} />;
  return <>{word(value)}</>;
}

function Facts({ facts, depth }: { facts: Facts; depth: number }) {
  const entries = Object.entries(facts);
  if (entries.length === 0) return <>{texts.value.none}</>;
  return (
    <table class="value">
      <tbody>
        {entries.map(([name, value]) => (
          <tr key={name}>
            <th scope="row">{label(name)}</th>
            <td>
              {depth > 0 && isFacts(value) ? (
                <Folded title={texts.value.facts(Object.keys(value).length)}>
                  <Value value={value} depth={depth + 1} />
                </Folded>
              ) : (
                <Named name={name} value={value} depth={depth} />
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A fact that is not known says so; a fault that is not there is none. */
function Named({ name, value, depth }: { name: string; value: unknown; depth: number }) {
  if (value === null && /(^|[_a-z])(error|fault|note|message)$/i.test(name)) return <>{texts.value.none}</>;
  return <Value value={value} depth={depth + 1} />;
}

function List({ items, depth }: { items: unknown[]; depth: number }) {
  if (items.length === 0) return <>{texts.value.none}</>;
  if (!items.some((item) => typeof item === 'object' && item !== null)) return <>{items.map(word).join(', ')}</>;
  const body = <Items items={items} depth={depth} />;
  if (items.length <= MOST_ROWS && depth < 3) return body;
  return <Folded title={texts.value.entries(items.length)}>{body}</Folded>;
}

function Items({ items, depth }: { items: unknown[]; depth: number }) {
  const columns = columnsOf(items);
  if (columns === undefined) {
    return (
      <ol class="value">
        {items.map((item, index) => (
          <li key={index}>
            <Value value={item} depth={depth + 1} />
          </li>
        ))}
      </ol>
    );
  }
  return (
    <table class="value list">
      <thead>
        <tr>
          {columns.map((column) => (
            <th key={column} scope="col">
              {label(column)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {(items as Facts[]).map((item, index) => (
          <tr key={index}>
            {columns.map((column) => (
              <td key={column}>{column in item && <Named name={column} value={item[column]} depth={depth} />}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Folded({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <details>
      <summary>{title}</summary>
      {children}
    </details>
  );
}

/** The names of all items' facts, if the items are alike and their facts simple enough for a row each. */
export function columnsOf(items: unknown[]): string[] | undefined {
  if (!items.every(isFacts)) return undefined;
  const columns = [...new Set(items.flatMap((item) => Object.keys(item)))];
  const simple = items.every((item) => Object.values(item).every((value) => !isFacts(value)));
  return columns.length <= MOST_COLUMNS && simple ? columns : undefined;
}

function isFacts(value: unknown): value is Facts {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `public_address` and `publicAddress` as people write it. */
export function label(name: string): string {
  return name
    .replaceAll('_', ' ')
    .replace(/([a-z0-9])([A-Z])/g, (_, before, after) => `${before} ${after.toLowerCase()}`);
}

/** Unknown is never «no». */
export function word(value: unknown): string {
  if (value === null || value === undefined) return texts.value.unknown;
  if (typeof value === 'boolean') return value ? texts.value.yes : texts.value.no;
  if (typeof value === 'number' && !Number.isInteger(value)) return String(Number(value.toFixed(3)));
  return String(value);
}
