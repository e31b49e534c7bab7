// Questions to the API; every refusal comes as a sentence in the reader's language.
import { page } from './dom.js';
import { t, zh } from './i18n.js';

let offlineText = t('The server cannot be reached. Check the connection and try again.');
// A page may say what it does with what was written.
export const setOfflineText = (text) => {
  offlineText = text;
};

// What a problem says in the reader's language: the server gives the Chinese sentence as `zh`.
export const errorText = (problem) => (zh && problem.zh) || problem.detail || problem.title;

export class RequestError extends Error {
  constructor(problem) {
    super(errorText(problem));
    this.problem = { ...problem, detail: errorText(problem) };
  }
}

// Reads once more where the network broke off: who is on the way often has none for a moment.
const RETRY_MS = 500;
async function read(address, options) {
  try {
    return await fetch(address, options);
  } catch (error) {
    if (options.signal.aborted) throw error;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    return fetch(address, options);
  }
}

// An answer that does not begin within this time, or whose body takes as long again, is none: as if the server had not
// been reached.
export const READ_LIMIT_MS = 20_000;
async function readInTime(path, options, { controller = new AbortController(), limitMs = READ_LIMIT_MS } = {}) {
  let late = false,
    timer;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      late = true;
      controller.abort();
    }, limitMs);
  };
  try {
    wait();
    const response = await read(page.api + path, { ...options, signal: controller.signal });
    wait();
    return await answerOf(response);
  } catch (error) {
    if (error instanceof RequestError) throw error;
    if (error.name === 'AbortError' && !late) throw error;
    throw new RequestError({ status: 0, detail: offlineText });
  } finally {
    clearTimeout(timer);
  }
}

// Asks the API; a newer question of the same kind cancels the older one. What the server itself may take long to
// compute is given a limit of its own.
const pendingRequests = new Map();
export function request(path, kind = path, limitMs = READ_LIMIT_MS) {
  pendingRequests.get(kind)?.abort();
  const controller = new AbortController();
  pendingRequests.set(kind, controller);
  return readInTime(path, { headers: { Accept: 'application/json' } }, { controller, limitMs });
}

// The body of an answer; null where it has none. One that breaks off half-way is no answer, as if the server had not
// been reached, and neither is one that a newer question cancels.
export async function answerOf(response, cutText = offlineText) {
  if (response.status === 204) return null;
  let body;
  try {
    body = await response.json();
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    const problem = { status: response.status, detail: t('This did not work') };
    throw new RequestError(response.ok ? { status: 0, detail: cutText } : problem);
  }
  if (!response.ok) throw new RequestError({ ...body, status: response.status });
  return body;
}

export const query = (values) =>
  new URLSearchParams(Object.entries(values).filter(([, v]) => v !== null && v !== undefined && v !== '')).toString();

// Sends one request with a JSON body.
export async function call(method, path, body, headers = {}) {
  const options = {
    method,
    headers: {
      Accept: 'application/json',
      ...(body ? { 'Content-Type': 'application/json' } : {}),
      ...(page.csrf && method !== 'GET' ? { 'X-CSRFToken': page.csrf } : {}),
      ...headers,
    },
    body: body ? JSON.stringify(body) : undefined,
  };
  if (method === 'GET') return readInTime(path, options);
  let response;
  try {
    response = await fetch(page.api + path, options); // once: it may have arrived
  } catch {
    throw new RequestError({ status: 0, detail: offlineText });
  }
  return answerOf(response);
}
