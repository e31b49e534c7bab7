// What the editor asks and tells the server.
import { page } from '../../shared/dom.js';
import { call } from '../../shared/request.js';

const draft = `/revisions/${page.revision}`;
export const load = (within) => call('GET', `${draft}/coverage?within=${encodeURIComponent(within)}`);
export const guides = (within) => call('GET', `${draft}/guides?within=${encodeURIComponent(within)}`);
export const read = () => call('GET', draft);
export const operate = (op) => call('POST', `${draft}/operations`, op);
export const undo = (step) => call('DELETE', `${draft}/operations/${step}`);
export const preview = () => call('GET', `${draft}/preview`);
export const rebase = () => call('POST', `${draft}/rebase`);
export const publish = (reason, effective) => call('POST', `${draft}/publish`, { reason, effective });
