// Short messages at the edge: an action that failed, or that was taken up. Errors stay until they are closed.
import { ApiError } from './api';

export interface Toast {
  id: number;
  level: 'bad' | 'ok';
  text: string;
  hint: string;
}

const STAYS = 6000;
const state = $state<{ list: Toast[] }>({ list: [] });
let next = 1;

export const toasts = (): Toast[] => state.list;

export function say(text: string, { level = 'ok', hint = '' }: { level?: Toast['level']; hint?: string } = {}): void {
  const id = next++;
  state.list = [...state.list.filter((toast) => toast.text !== text), { id, level, text, hint }];
  if (level === 'ok') setTimeout(() => close(id), STAYS);
}

export function close(id: number): void {
  state.list = state.list.filter((toast) => toast.id !== id);
}

/** Says what an action's error says; anything that is not an answer of the server is a fault of ours and goes on. */
export function complain(problem: unknown): void {
  if (!(problem instanceof ApiError)) throw problem;
  const { subject, expected, got, hint } = problem.fault;
  const detail = [expected && `expected ${expected}`, got && `got ${got}`].filter(Boolean).join(', ');
  say(detail ? `${subject}: ${detail}` : subject, { level: 'bad', hint: hint ?? '' });
}
