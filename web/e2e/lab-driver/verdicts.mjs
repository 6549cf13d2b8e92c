// Runs in every page before its own scripts: keeps each verdict that came on screen, with its time in milliseconds of
// performance.now(), in window.lab.verdicts. It changes nothing that the page sees.
export function keepVerdicts() {
  const verdicts = [];
  window.lab = { verdicts };
  const look = () => {
    const card = document.querySelector('#verdict');
    if (card === null) return;
    const cause = card.querySelector('code')?.textContent ?? null;
    const seen = { outcome: card.dataset.outcome, cause, text: card.querySelector('.summary')?.textContent ?? '' };
    const last = verdicts.at(-1);
    if (['outcome', 'cause', 'text'].some((key) => seen[key] !== last?.[key])) {
      verdicts.push({ at: performance.now(), ...seen });
    }
  };
  const options = { subtree: true, childList: true, attributes: true, characterData: true };
  // The document has no element yet when this runs; the document itself can be watched.
  new MutationObserver(look).observe(document, options);
}
