// The time that ages are counted by: one tick a second while a page is looked at.

const state = $state({ now: Date.now() });
let users = 0;
let timer = 0;

/** The moment of the last tick, in milliseconds. */
export const now = (): number => state.now;

/** Keeps the clock going until the returned function is called. */
export function tick(): () => void {
  users += 1;
  if (users === 1) {
    state.now = Date.now();
    timer = window.setInterval(() => !document.hidden && (state.now = Date.now()), 1_000);
  }
  return () => {
    users -= 1;
    if (users === 0) window.clearInterval(timer);
  };
}
