// What the server is asked and what it answers: JSON, and errors as fields that say what to do.
import type { Project } from './types';

const ROOT = '/api/v1';
const NO_ANSWER = 0;
const FORBIDDEN = 403;

/** The fields of an error of the house, as every one of its doors shows them. */
export interface Fault {
  kind: string;
  subject: string;
  expected?: string | null;
  got?: string | null;
  where?: string | null;
  hint?: string | null;
  excerpt?: string | null;
}

/** An answer that is not the one that was hoped for. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly fault: Fault,
  ) {
    super(fault.subject);
  }
}

let token = '';

/** The project, and with it the word that calls which change something must bring. */
export async function project(): Promise<Project> {
  const found = await get<Project>('/project');
  token = found.csrf;
  return found;
}

/** GET: `path` is below /api/v1 and may carry a query. */
export const get = <T>(path: string, signal?: AbortSignal): Promise<T> => ask<T>(path, { signal });

/** POST with a JSON body: calls that change something, or that are too long for an address. */
export const post = <T>(path: string, body: unknown = {}, signal?: AbortSignal): Promise<T> =>
  ask<T>(path, { method: 'POST', body: JSON.stringify(body), signal });

/** DELETE: cancels what runs under that address. */
export const remove = <T>(path: string): Promise<T> => ask<T>(path, { method: 'DELETE' });

/** The address of a download or of a stream. */
export const address = (path: string): string => ROOT + path;

/** A query string from what is given; what is empty is left out. */
export function queryOf(values: Record<string, string | number | boolean | null | undefined>): string {
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== '');
  return given.length ? `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}` : '';
}

/** POST whose answer may be of another form than JSON, which `read` then reads. */
export const postFor = <T>(path: string, body: unknown, accept: string, read: (response: Response) => Promise<T>): Promise<T> =>
  ask<T>(path, { method: 'POST', body: JSON.stringify(body), headers: { Accept: `${accept}, application/json` } }, read);

const json = async <T>(response: Response): Promise<T> => (response.status === 204 ? (undefined as T) : ((await response.json()) as T));

async function ask<T>(path: string, init: RequestInit, read: (response: Response) => Promise<T> = json<T>): Promise<T> {
  const changes = init.method !== undefined && init.method !== 'GET';
  if (changes && !token) await project();
  let response = await reach(path, init);
  if (changes && response.status === FORBIDDEN) {
    // The server was started again in between and has another token.
    await project();
    response = await reach(path, init);
  }
  if (response.ok) return read(response);
  throw new ApiError(response.status, await faultOf(response));
}

/** The bare response, for what is not JSON; an unreachable server is an error of the house, too. */
export async function reach(path: string, init: RequestInit): Promise<Response> {
  const headers = new Headers(init.headers);
  if (!headers.has('Accept')) headers.set('Accept', 'application/json');
  if (init.body) headers.set('Content-Type', 'application/json');
  if (init.method && init.method !== 'GET') headers.set('X-Penstock-CSRF', token);
  try {
    return await fetch(ROOT + path, { ...init, headers });
  } catch (problem) {
    if (problem instanceof DOMException && problem.name === 'AbortError') throw problem;
    throw new ApiError(NO_ANSWER, {
      kind: 'unreachable',
      subject: 'the server does not answer',
      hint: 'start it again in the project: penstock serve',
    });
  }
}

/** The error's fields; a proxy's page or an empty answer becomes one that says so. */
export async function faultOf(response: Response): Promise<Fault> {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text) as { error?: Fault };
    if (error?.subject) return error;
  } catch (problem) {
    if (!(problem instanceof SyntaxError)) throw problem;
  }
  return { kind: 'answer', subject: `the server answered ${response.status}`, got: text.slice(0, 200) || null };
}
