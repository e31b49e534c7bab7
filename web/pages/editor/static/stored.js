// What the browser keeps of a draft over a reload: steps to do again and drawings that are not saved.
import { page } from '../../shared/dom.js';
import { state } from './state.js';

const KEY = `editor.${page.revision}`;

export function store() {
  const { version, redo, pending } = state;
  const kept = { version, redo, pending: pending.map(({ op, reason }) => ({ op, reason })) };
  try {
    if (redo.length || pending.length) localStorage.setItem(KEY, JSON.stringify(kept));
    else localStorage.removeItem(KEY);
  } catch {
    /* a full or forbidden store: they are kept while the page is open */
  }
}

// Steps to do again fit the version they were taken back from only; a drawing fits any.
export function stored(version) {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY)) ?? {};
    return { redo: kept.version === version ? (kept.redo ?? []) : [], pending: kept.pending ?? [] };
  } catch {
    return { redo: [], pending: [] };
  }
}
