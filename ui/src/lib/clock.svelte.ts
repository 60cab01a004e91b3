// The reader's clock as state: ages grow while one looks, at the pace at which their words change.

const EVERY = 5000;
const state = $state({ now: Date.now() });
let users = 0;
let timer: ReturnType<typeof setInterval> | undefined;

/** Now, in milliseconds, moving on every five seconds. For a component's set-up. */
export function clock(): () => number {
  $effect(() => {
    state.now = Date.now();
    if (users++ === 0) timer = setInterval(() => (state.now = Date.now()), EVERY);
    return () => {
      if (--users === 0) clearInterval(timer);
    };
  });
  return () => state.now;
}
