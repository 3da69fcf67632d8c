// What is asked of the process: every request, its token, and its errors.

import { kept } from './kept.js';

const PATIENCE = 10_000;

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export const token = kept('sessionStorage', 'plimsoll.token');

function headers(more) {
  const held = token.get();
  return held ? { ...more, authorization: `Bearer ${held}` } : more;
}

async function reason(response) {
  const said = await response.json().catch(() => null);
  return said?.error ?? `the process answered ${response.status} ${response.statusText}`;
}

async function ask(path, options = {}) {
  const response = await fetch(path, { cache: 'no-store', ...options });
  if (!response.ok) throw new Refused(response.status, await reason(response));
  return response;
}

const get = async (path) => {
  const response = await ask(path, {
    headers: headers({ accept: 'application/json' }),
    signal: AbortSignal.timeout(PATIENCE),
  });
  return response.json();
};

const post = async (path, body) => {
  const response = await ask(path, {
    method: 'POST',
    headers: headers({ 'content-type': 'application/json' }),
    body: JSON.stringify(body),
  });
  return response.json();
};

const FIGURES = 'live_bytes,live_objects,process_rss_bytes,usage_bytes,budget_bytes';

export const status = () => get('api/v1/status');
export const health = () => get('api/v1/health');
export const plan = (bytes) => get(`api/v1/plan?target_bytes=${bytes}`);

export const history = (since, points) =>
  get(
    `api/v1/history?figures=${FIGURES}&points=${points}${since == null ? '' : `&since=${since}`}`,
  );

export const events = (since) => get(`api/v1/events${since == null ? '' : `?since=${since}`}`);

export const evict = (bytes, cache) =>
  post('api/v1/evict', cache ? { target_bytes: bytes, cache } : { target_bytes: bytes });

export const purge = () => post('api/v1/purge', {});

export const profile = () => get('api/v1/profile?limit=30');
export const profileAction = (action) => post('api/v1/profile', action);

/** Fetches a file, which a link cannot with a token, and has the browser save it. */
export async function save(path, name) {
  const response = await ask(path, { headers: headers({}) });
  const url = URL.createObjectURL(await response.blob());
  Object.assign(document.createElement('a'), { href: url, download: name }).click();
  URL.revokeObjectURL(url);
}

/** The stream of server-sent events; read by `fetch`, since only that can send the token. */
export const stream = (last, signal) =>
  ask('events', {
    headers: headers({
      accept: 'text/event-stream',
      ...(last == null ? {} : { 'last-event-id': String(last) }),
    }),
    signal,
  });
