import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { exportSession, handOver } from '../../state/export';
import { rememberedId } from '../../state/open';
import { makeLink } from '../../state/share';
import { store } from '../../state/store';
import { texts } from '../../texts';
import { Copy } from '../copy';

const words = texts.sessions;

/** Hands the session that is shown to others: as a file, or by a link. */
export function Export() {
  const id = rememberedId();
  const redacted = useSignal(false);
  const outcome = useSignal('');
  const pseudonyms = id !== undefined;
  if (store.session.value === undefined) return null;
  const save = async (form: 'json' | 'text') => {
    try {
      const made = await exportSession(form, pseudonyms && redacted.value);
      handOver(made);
      outcome.value = made.isOwnCopy ? words.exportedHere(made.name) : words.exported(made.name);
    } catch (error) {
      outcome.value = words.exportFailed(texts.describe(error));
    }
  };
  return (
    <details class="export">
      <summary>{words.export}</summary>
      <p class="choices">
        <button type="button" id="export-json" onClick={() => void save('json')}>
          {words.exportJson}
        </button>
        <button type="button" id="export-text" onClick={() => void save('text')}>
          {words.exportText}
        </button>
        <label class="check">
          <input
            type="checkbox"
            id="export-redacted"
            checked={pseudonyms && redacted.value}
            disabled={!pseudonyms}
            onChange={(event) => {
              redacted.value = event.currentTarget.checked;
            }}
          />
          <span>{words.pseudonyms}</span>
        </label>
        {!pseudonyms && <span class="quiet">{words.pseudonymsOnly}</span>}
      </p>
      <p class="quiet" role="status" id="export-outcome">
        {outcome.value}
      </p>
      {id !== undefined && <Share key={id} id={id} />}
    </details>
  );
}

function Share({ id }: { id: string }) {
  const link = useSignal<string | undefined>(undefined);
  const problem = useSignal<string | undefined>(undefined);
  const field = useRef<HTMLInputElement>(null);
  const made = link.value;
  useEffect(() => {
    if (made !== undefined) field.current?.select();
  }, [made]);
  const make = async () => {
    problem.value = undefined;
    try {
      link.value = await makeLink(id);
    } catch (error) {
      problem.value = words.shareFailed(texts.describe(error));
    }
  };
  return (
    <div class="share">
      <p class="choices">
        {made === undefined ? (
          <button type="button" id="share" onClick={() => void make()}>
            {words.share}
          </button>
        ) : (
          <>
            <input ref={field} id="share-link" type="text" readOnly value={made} aria-label={words.link} />
            <Copy text={() => made} label={words.copy} />
          </>
        )}
        <span class="quiet">{words.shareAbout}</span>
      </p>
      {problem.value && (
        <p class="bad" role="status">
          {problem.value}
        </p>
      )}
    </div>
  );
}
