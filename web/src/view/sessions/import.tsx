import { useEffect, useRef, useState } from 'preact/hooks';
import { choose, imports, openFile } from '../../state/import/files';
import type { DumpedConnection } from '../../state/import/internals';
import { texts } from '../../texts';

const words = texts.sessions;

/** Opens files: chosen here, or dropped anywhere on the page. */
export function Import() {
  const input = useRef<HTMLInputElement>(null);
  const { problem, choice } = imports;
  return (
    <div class="sessions-import">
      <p>
        <button type="button" id="import" aria-describedby="import-hint" onClick={() => input.current?.click()}>
          {words.import}
        </button>{' '}
        <span class="quiet" id="import-hint">
          {words.importHint}
        </span>
      </p>
      <input
        ref={input}
        type="file"
        id="import-file"
        hidden
        accept=".json,.txt,.gz,application/json,text/plain,application/gzip"
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          // The same file can be chosen again.
          event.currentTarget.value = '';
          if (file !== undefined) void openFile(file);
        }}
      />
      <div role="alert">
        {problem.value && (
          <section id="import-problem" class="card problem">
            <h3>{words.importFailed(problem.value.file)}</h3>
            <p>{problem.value.message}</p>
          </section>
        )}
      </div>
      {choice.value && <Choice file={choice.value.file} connections={choice.value.connections} />}
      <DropZone />
    </div>
  );
}

function Choice({ file, connections }: { file: string; connections: readonly DumpedConnection[] }) {
  const first = useRef<HTMLButtonElement>(null);
  useEffect(() => first.current?.focus(), []);
  return (
    <section class="import-choice" aria-labelledby="import-choice-title">
      <h3 id="import-choice-title">{words.choose(file)}</h3>
      <ul>
        {connections.map((connection, index) => {
          const { name, url, began, entries, samples, state } = connection;
          return (
            <li key={name}>
              <button
                type="button"
                ref={index === 0 ? first : null}
                data-connection={name}
                onClick={() => choose(file, connection)}
              >
                {words.connection(url, name)}
              </button>
              <span class="quiet">{words.connectionAbout(new Date(began), entries, samples, state)}</span>
            </li>
          );
        })}
      </ul>
      <button type="button" class="plain" onClick={() => choose(file, undefined)}>
        {words.cancel}
      </button>
    </section>
  );
}

/** The whole page takes files; a sheet over it says so while one is held above it. */
function DropZone() {
  const [over, setOver] = useState(false);
  useEffect(() => {
    const takes = ({ dataTransfer }: DragEvent) => dataTransfer?.types.includes('Files') === true;
    const drag = (event: DragEvent) => {
      if (!takes(event)) return;
      event.preventDefault();
      setOver(event.type === 'dragover');
    };
    const drop = (event: DragEvent) => {
      if (!takes(event)) return;
      event.preventDefault();
      setOver(false);
      const file = event.dataTransfer?.files[0];
      if (file !== undefined) void openDropped(file);
    };
    // Only the leaving of the page itself has no other target.
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false);
    };
    document.addEventListener('dragover', drag);
    document.addEventListener('dragleave', leave);
    document.addEventListener('drop', drop);
    return () => {
      document.removeEventListener('dragover', drag);
      document.removeEventListener('dragleave', leave);
      document.removeEventListener('drop', drop);
    };
  }, []);
  return over ? <p class="drop-sheet">{words.drop}</p> : null;
}

/** What came of it is shown at the top, or said beside the button: the reader is taken there. */
async function openDropped(file: File): Promise<void> {
  await openFile(file);
  const where = imports.problem.value || imports.choice.value ? '#import' : '#shown';
  document.querySelector(where)?.scrollIntoView({ block: 'center' });
}
