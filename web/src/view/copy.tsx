import { useState } from 'preact/hooks';
import { texts } from '../texts';

/** A button that copies a text, and says whether it did. */
export function Copy({ text, label }: { text: () => string; label: string }) {
  const [outcome, setOutcome] = useState<'done' | 'refused' | undefined>(undefined);
  const copy = async () => setOutcome((await copied(text())) ? 'done' : 'refused');
  return (
    <button type="button" class="copy" data-outcome={outcome} onClick={() => void copy()}>
      {outcome === undefined ? label : texts.copy[outcome]}
    </button>
  );
}

/** Puts a text onto the clipboard. Outside a secure context there is only the old way, by a selection. */
async function copied(text: string): Promise<boolean> {
  if (isSecureContext) {
    return navigator.clipboard.writeText(text).then(
      () => true,
      () => false,
    );
  }
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'hidden';
  const before = document.activeElement;
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  if (before instanceof HTMLElement) before.focus();
  return done;
}
