// What the editor asks and tells the server.
import { page } from '../../shared/dom.js';
import { call } from '../../shared/request.js';

const draft = `/revisions/${page.revision}`;
export const load = (within) => call('GET', `${draft}/coverage?within=${encodeURIComponent(within)}`);
export const guides = (within) => call('GET', `${draft}/guides?within=${encodeURIComponent(within)}`);
export const buildings = (within) => call('GET', `${draft}/buildings?within=${encodeURIComponent(within)}`);
export const read = () => call('GET', draft);
const changing = (version, key) => ({ 'If-Match': `"${version}"`, 'Idempotency-Key': key });
export const operate = (op, version, key) => call('POST', `${draft}/operations`, op, changing(version, key));
export const undo = (step, version) =>
  call('DELETE', `${draft}/operations/${step}`, undefined, changing(version, crypto.randomUUID()));
export const preview = () => call('GET', `${draft}/preview`);
export const rebase = (version) => call('POST', `${draft}/rebase`, undefined, changing(version, crypto.randomUUID()));
export const publish = (reason, effective) => call('POST', `${draft}/publish`, { reason, effective });
export const figures = (area, since) =>
  call('GET', `/figures?per=grid&area=${encodeURIComponent(area)}&since=${since}`);
