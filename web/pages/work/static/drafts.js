// What was written and photographed for a move that is not sent yet, per matter and move, for the account that did:
// words in localStorage, which is written at once, photos in IndexedDB. Kept until it is sent or dropped.
import { page } from '../../shared/dom.js';
import { objectStore } from '../../shared/object-store.js';

const ACCOUNT = `wangge.work-draft/${encodeURIComponent(page.me)}/`; // no account's begins with another's
const KEPT_MS = 30 * 86_400_000;
const withPhotos = objectStore('wangge-work-drafts', 'photos'); // without it photos live as long as their form
const keyOf = (id, move) => `${ACCOUNT}${id}/${move}`;

function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}

function write(key, draft) {
  try {
    localStorage.setItem(key, JSON.stringify(draft));
  } catch {
    /* no room or not allowed: the form still has it */
  }
}

function drop(key) {
  try {
    localStorage.removeItem(key);
  } catch {
    /* not allowed: then there is none */
  }
  return withPhotos('readwrite', (photos) => photos.delete(key));
}

// Those of this account: [key, matter, move], the latest last.
function list() {
  try {
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(ACCOUNT))
      .map((key) => [key, ...key.slice(ACCOUNT.length).split('/')])
      .sort(([a], [b]) => (read(a)?.at ?? 0) - (read(b)?.at ?? 0));
  } catch {
    return [];
  }
}

export const dropDraft = (id, move) => drop(keyOf(id, move));
/** The move begun last for each matter. */
export const begunMoves = () => new Map(list().map(([, id, move]) => [id, move]));
export const dropOldDrafts = () =>
  list()
    .filter(([key]) => !((read(key)?.at ?? 0) > Date.now() - KEPT_MS))
    .forEach(([key]) => drop(key));

/** The drafts of one matter, as the forms of its moves use them. */
export const draftsOf = (id) => ({
  read: (move) => read(keyOf(id, move)),
  photos: (move) => withPhotos('readonly', (photos) => photos.get(keyOf(id, move))),
  keep: (move, fields) => write(keyOf(id, move), { ...fields, at: Date.now() }),
  keepPhotos: (move, blobs) => withPhotos('readwrite', (photos) => photos.put(blobs, keyOf(id, move))),
  forget: (move) => dropDraft(id, move),
});
