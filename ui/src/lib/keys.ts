// The keyboard of the whole app: one list that both acts and is shown by `?`.
import { go } from './router.svelte';

export interface Key {
  keys: string;
  does: string;
}

const PLACES: Record<string, [string, string]> = {
  h: ['/', 'Home'],
  b: ['/dashboards', 'Dashboards'],
  d: ['/data', 'Data'],
  r: ['/runs', 'Runs'],
  m: ['/metrics', 'Metrics'],
  l: ['/lineage', 'Lineage'],
  s: ['/sql', 'SQL'],
};

export const KEYS: Key[] = [
  { keys: 'Ctrl K', does: 'go anywhere: a table, a column, a page, a metric, a run' },
  { keys: '/', does: 'to the filter of this page' },
  ...Object.entries(PLACES).map(([key, [, name]]) => ({ keys: `g ${key}`, does: `go to ${name}` })),
  { keys: '?', does: 'this list' },
  { keys: 'Esc', does: 'close what is open' },
  { keys: 'Ctrl Enter', does: 'run the query, in the SQL page' },
  { keys: '← ↑ → ↓', does: 'move in a grid or a drawing; Enter opens' },
  { keys: '+ − 0', does: 'zoom a drawing in, out, to all of it' },
];

const SECOND_KEY_WITHIN = 1200; // milliseconds

/** Listens for the keys above; `open` shows the palette or the list. Returns how to stop. */
export function keyboard(open: (what: 'palette' | 'keys') => void): () => void {
  let leader = -Infinity;
  const press = (event: KeyboardEvent): void => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === 'k') {
      event.preventDefault();
      return open('palette');
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || takesText(event.target)) return;
    const led = event.timeStamp - leader < SECOND_KEY_WITHIN;
    leader = -Infinity;
    const place = led ? PLACES[event.key] : undefined;
    if (place) go(place[0]);
    else if (event.key === 'g') leader = event.timeStamp;
    else if (event.key === '?') open('keys');
    else if (event.key === '/' && toFilter()) event.preventDefault();
  };
  document.addEventListener('keydown', press);
  return () => document.removeEventListener('keydown', press);
}

const takesText = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

function toFilter(): boolean {
  const filter = document.querySelector<HTMLInputElement>('[data-filter]');
  filter?.focus();
  filter?.select?.();
  return filter !== null;
}
