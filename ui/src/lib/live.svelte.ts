// One connection for what happens: every page that shows a table hears of its commits here.

export interface Happened {
  kind: 'hello' | 'commit' | 'run' | 'step' | 'note' | 'page' | 'project';
  version?: number;
  /** In a hello: events were missed that cannot be told again. */
  lost?: boolean;
  tables?: string[];
  run?: unknown;
  name?: string;
  [more: string]: unknown;
}

type Listener = (event: Happened) => void;

const KINDS: Happened['kind'][] = ['hello', 'commit', 'run', 'step', 'note', 'page', 'project'];
const listeners = new Set<Listener>();
const state = $state({ connected: true, lostAt: 0 });
let source: EventSource | null = null;
let version: number | undefined;

/** Whether the server is heard; the first seconds after opening count as heard. */
export const connected = (): boolean => state.connected;

/** When it was last heard, in milliseconds, once it is lost. */
export const lostAt = (): number => state.lostAt;

/** Calls `listener` for everything that happens, until the returned function is called. */
export function listen(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Opens the connection; the browser opens it again by itself and says which event it saw last. */
export function connect(address: string): () => void {
  source = new EventSource(address);
  source.onopen = () => {
    state.connected = true;
  };
  source.onerror = () => {
    if (state.connected) state.lostAt = Date.now();
    state.connected = false;
  };
  for (const kind of KINDS) source.addEventListener(kind, (event) => heard(kind, event as MessageEvent<string>));
  const close = (): void => source?.close();
  window.addEventListener('pagehide', close);
  return () => {
    window.removeEventListener('pagehide', close);
    close();
  };
}

function heard(kind: Happened['kind'], event: MessageEvent<string>): void {
  const told = { ...(JSON.parse(event.data || '{}') as object), kind } as Happened;
  // A hello with the version that is known already says nothing new: nobody has to ask again.
  const nothingMissed = !told.lost && (version === undefined || version === told.version);
  if (kind === 'hello' && nothingMissed) {
    version = told.version;
    return;
  }
  if (told.version !== undefined) version = told.version;
  for (const listener of [...listeners]) listener(told);
}
