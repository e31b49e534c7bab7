// The list last seen, kept on this phone for when the server cannot be reached. menu.js removes it when the account
// signs out, or another signs in.
import { page } from '../../shared/dom.js';

const KEY = `wangge.work.${page.me}`;

export function keepList(items, at) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ items, at }));
  } catch {
    /* no room: it is only the last look */
  }
}

/** @returns {{items: any[], at: string} | null} */
export function keptList() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY));
    return kept?.items ? kept : null;
  } catch {
    return null; // nothing kept
  }
}
