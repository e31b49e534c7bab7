// What the editor asks and tells the server; every refusal comes as a sentence in the reader's language.
import { page, Refused, t } from './dom.js';

export async function call(method, path, body) {
  let response;
  try {
    response = await fetch(page.api + path, {
      method,
      headers: { Accept: 'application/json', ...(body ? { 'Content-Type': 'application/json' } : {}), ...(page.csrf && method !== 'GET' ? { 'X-CSRFToken': page.csrf } : {}) },
      body: body ? JSON.stringify(body) : undefined,
    });
  } catch {
    throw new Refused({ status: 0, detail: t('offline') });
  }
  const answer = await response.json().catch(() => ({ status: response.status, detail: t('error') }));
  if (!response.ok) throw new Refused(answer);
  return answer;
}

const draft = `/revisions/${page.revision}`;
export const load = (within) => call('GET', `${draft}/coverage?within=${encodeURIComponent(within)}`);
export const guides = (within) => call('GET', `${draft}/guides?within=${encodeURIComponent(within)}`);
export const read = () => call('GET', draft);
export const operate = (op) => call('POST', `${draft}/operations`, op);
export const undo = (step) => call('DELETE', `${draft}/operations/${step}`);
export const preview = () => call('GET', `${draft}/preview`);
export const rebase = () => call('POST', `${draft}/rebase`);
export const publish = (reason, effective) => call('POST', `${draft}/publish`, { reason, effective });
