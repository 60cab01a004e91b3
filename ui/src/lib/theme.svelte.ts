// Light or dark: the system's, until the reader chooses; and colours for drawings that are not CSS.

export type Theme = 'system' | 'light' | 'dark';

const dark = matchMedia('(prefers-color-scheme: dark)');
const chosen = document.documentElement.dataset.theme;
const state = $state({
  theme: (chosen === 'light' || chosen === 'dark' ? chosen : 'system') as Theme,
  systemDark: dark.matches,
});
dark.addEventListener('change', () => (state.systemDark = dark.matches));

/** What the reader chose. */
export const theme = (): Theme => state.theme;

/** Whether the page is dark now; a drawing that reads this is drawn again when it changes. */
export const isDark = (): boolean => (state.theme === 'system' ? state.systemDark : state.theme === 'dark');

/** Chooses, and remembers it in this browser. */
export function setTheme(next: Theme): void {
  state.theme = next;
  if (next === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  try {
    if (next === 'system') localStorage.removeItem('theme');
    else localStorage.setItem('theme', next);
  } catch {
    // Storage may be forbidden: the choice then lasts as long as the page.
  }
}

/** A colour of the theme as canvas understands it: `color('series-1')` is `rgb(…)` for light or dark as it is now. */
export function color(name: string): string {
  const probe = document.createElement('i');
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
