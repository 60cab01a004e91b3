// The states of tables, steps, checks and runs: each has a word and a shape, and then a colour.

export type Level = 'ok' | 'warn' | 'bad' | 'none' | 'busy';

const LEVELS: Record<string, Level> = {
  ok: 'ok',
  done: 'ok',
  fresh: 'ok',
  passed: 'ok',
  pass: 'ok',
  changed: 'ok',
  unchanged: 'ok',
  succeeded: 'ok',
  warn: 'warn',
  warned: 'warn',
  late: 'warn',
  partial: 'warn',
  'rolled back': 'warn',
  cancelled: 'warn',
  interrupted: 'warn',
  stopped: 'warn',
  rejects: 'warn',
  failed: 'bad',
  fail: 'bad',
  error: 'bad',
  bad: 'bad',
  mistake: 'bad',
  crashed: 'bad',
  running: 'busy',
  building: 'busy',
  started: 'busy',
};

/** How much a state matters; one that is not known, such as `skipped` or `empty`, asks for nothing. */
export const levelOf = (state: string | null | undefined): Level => LEVELS[state ?? ''] ?? 'none';

const WEIGHT: Record<Level, number> = { bad: 0, warn: 1, busy: 2, none: 3, ok: 4 };

/** For sorting: trouble first. */
export const weightOf = (state: string | null | undefined): number => WEIGHT[levelOf(state)];
