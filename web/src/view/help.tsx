import { texts } from '../texts';

/** What a newcomer is told of a view. */
export function Help({ lines }: { lines: readonly string[] }) {
  return (
    <details class="help">
      <summary>{texts.help}</summary>
      {lines.map((line) => (
        <p key={line}>{line}</p>
      ))}
    </details>
  );
}
