// What the browser keeps of a draft over a reload: steps to do again and drawings that are not saved.
import { page } from '../../shared/dom.js';
import { state } from './state.js';

const KEY = `editor.${page.revision}`;

const shown = new Set(); // drawings that were ever on this page; those of other tabs are left to them

function read() {
  return { version: null, redo: [], pending: [], ...JSON.parse(localStorage.getItem(KEY)) };
}

export function store() {
  try {
    const kept = read();
    const pending = state.pending.map(({ op, reason }) => ({ op, reason }));
    pending.forEach(({ op }) => shown.add(JSON.stringify(op)));
    pending.push(...kept.pending.filter(({ op }) => !shown.has(JSON.stringify(op))));
    // a page that has fallen behind has nothing to do again
    const { version, redo } = kept.version > state.version ? kept : state;
    if (redo.length || pending.length) localStorage.setItem(KEY, JSON.stringify({ version, redo, pending }));
    else localStorage.removeItem(KEY);
  } catch {
    /* a full or forbidden store: they are kept while the page is open */
  }
}

// Steps to do again fit the version they were taken back from only; a drawing fits any.
export function stored(version) {
  try {
    const kept = read();
    return { redo: kept.version === version ? kept.redo : [], pending: kept.pending };
  } catch {
    return { redo: [], pending: [] };
  }
}
