// Where one is: the path and the query of the address, as state; every change of it goes through here.

export type Params = Record<string, string | null | undefined>;

const pathOf = (pathname: string): string => pathname.replace(/(.)\/+$/, '$1');
const here = $state({ path: pathOf(location.pathname), query: location.search });

/** The path of the address, without a trailing slash: `/data/raw.orders`. */
export const path = (): string => here.path;

/** The query of the address as it stands: `?kind=sql`, or nothing. */
export const query = (): string => here.query;

/** One parameter of the address, or nothing: state that must survive a reload lives here. */
export const param = (name: string): string => new URLSearchParams(here.query).get(name) ?? '';

/** Goes to an address of the app; `replace` does not leave the one before in the history. */
export function go(to: string, { replace = false, scroll = true } = {}): void {
  const url = new URL(to, location.href);
  if (url.origin !== location.origin) return void location.assign(to);
  history[replace ? 'replaceState' : 'pushState'](null, '', url);
  read();
  if (url.hash) return;
  if (scroll) window.scrollTo(0, 0);
}

/** The address of this page with some parameters changed; an empty one is left out. */
export function withParams(changes: Params, from = here.query): string {
  const next = new URLSearchParams(from);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === '') next.delete(name);
    else next.set(name, value);
  }
  const text = next.toString().replaceAll('%2C', ',').replaceAll('%3A', ':');
  return here.path + (text ? `?${text}` : '');
}

/** Changes parameters in place: typing in a filter makes no history, choosing (`push`) does. */
export function setParams(changes: Params, { push = false } = {}): void {
  const to = withParams(changes);
  if (to !== here.path + here.query) go(to, { replace: !push, scroll: false });
}

let arrived = false;

/** Said when another page takes the place of the one before. */
export function arrive(): void {
  arrived = true;
}

/** Whether a page was just gone to: its heading then takes the focus, once; one that only stands in does not count. */
export function arrival(standsIn = false): boolean {
  const was = arrived;
  if (!standsIn) arrived = false;
  return was;
}

function read(): void {
  here.path = pathOf(location.pathname);
  here.query = location.search;
}

/** Makes plain links of the page client-side ones, and follows back and forward. Returns how to stop. */
export function follow(): () => void {
  const click = (event: MouseEvent): void => {
    const link = (event.target as Element | null)?.closest?.('a[href]') as HTMLAnchorElement | null;
    const plain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
    if (!link || !plain || event.defaultPrevented || link.target || link.hasAttribute('download')) return;
    const url = new URL(link.href, location.href);
    if (url.origin !== location.origin || url.pathname.startsWith('/api/')) return;
    if (url.hash && url.pathname === location.pathname && url.search === location.search) return;
    event.preventDefault();
    go(url.pathname + url.search + url.hash);
  };
  document.addEventListener('click', click);
  window.addEventListener('popstate', read);
  return () => {
    document.removeEventListener('click', click);
    window.removeEventListener('popstate', read);
  };
}
