import { effect, signal } from '@preact/signals';

/** Whose colours: the system's wish, or the user's own. */
export type Theme = 'auto' | 'light' | 'dark';

const KEY = 'icescope-theme';

function remembered(): Theme {
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
  effect(() => {
    const value = theme.value;
    if (value === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = value;
    try {
      localStorage.setItem(KEY, value);
    } catch {
      // It is not remembered then.
    }
  });
}
