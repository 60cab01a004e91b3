// Which page an address shows; each page is fetched when it is first wanted.
import type { Component } from 'svelte';

type Shown = Component<{ params: Record<string, string> }>;
type Fetch = () => Promise<{ default: unknown }>;

export interface Route {
  pattern: string;
  nav: string;
  fetch: Fetch;
}

export const ROUTES: Route[] = [
  { pattern: '/', nav: '/', fetch: () => import('./pages/Home.svelte') },
  { pattern: '/dashboards', nav: '/dashboards', fetch: () => import('./dashboards/List.svelte') },
  { pattern: '/dashboards/:name', nav: '/dashboards', fetch: () => import('./dashboards/Page.svelte') },
  { pattern: '/data', nav: '/data', fetch: () => import('./pages/Data.svelte') },
  { pattern: '/data/:name', nav: '/data', fetch: () => import('./pages/Table.svelte') },
  { pattern: '/runs', nav: '/runs', fetch: () => import('./pages/Runs.svelte') },
  { pattern: '/runs/:id', nav: '/runs', fetch: () => import('./pages/Run.svelte') },
  { pattern: '/metrics', nav: '/data', fetch: () => import('./pages/Metrics.svelte') },
  { pattern: '/metrics/:name', nav: '/data', fetch: () => import('./pages/Metric.svelte') },
  { pattern: '/lineage', nav: '/data', fetch: () => import('./pages/Lineage.svelte') },
  { pattern: '/sql', nav: '/sql', fetch: () => import('./pages/Sql.svelte') },
];

/** The route of a path and what its parts are called, or nothing. */
export function match(path: string): { route: Route; params: Record<string, string> } | null {
  for (const route of ROUTES) {
    const params = partsOf(route.pattern, path);
    if (params) return { route, params };
  }
  return null;
}

function partsOf(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split('/');
  const found = path.split('/');
  if (wanted.length !== found.length) return null;
  const params: Record<string, string> = {};
  for (const [at, part] of wanted.entries()) {
    const value = found[at] ?? '';
    if (part.startsWith(':')) params[part.slice(1)] = decodeURIComponent(value);
    else if (part !== value) return null;
  }
  return params;
}

const fetched = new Map<Route, Promise<Shown>>();

/** The page's component; the second time at once. A page that could not be fetched is asked for again. */
export function component(route: Route): Promise<Shown> {
  let page = fetched.get(route);
  if (!page) {
    page = route.fetch().then((module) => module.default as Shown);
    page.catch(() => fetched.delete(route));
    fetched.set(route, page);
  }
  return page;
}
