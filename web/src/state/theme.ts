import { effect, signal } from '@preact/signals';

/** Whose colours: the system's wish, or the user's own. */
export type Theme = 'auto' | 'light' | 'dark';

const KEY = 'icescope-theme';

/** The address's own wish (`?theme=dark`), for a page in a frame of another: it is not remembered. */
const wished = new URLSearchParams(location.search).get('theme');

function remembered(): Theme {
  if (wished === 'light' || wished === 'dark') return wished;
  try {
    const value = localStorage.getItem(KEY);
    return value === 'light' || value === 'dark' ? value : 'auto';
  } catch {
    // Storage may be forbidden; the system's wish holds then.
    return 'auto';
  }
}

export const theme = signal<Theme>(remembered());

/** Keeps the document in the chosen colours. */
export function applyTheme(): void {
  let first = true;
  effect(() => {
    const value = theme.value;
    if (value === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = value;
    // The wish of the address alone is not remembered.
    const isWish = first && value === wished;
    first = false;
    if (isWish) return;
    try {
      localStorage.setItem(KEY, value);
    } catch {
      // It is not remembered then.
    }
  });
}
