// What was typed for a move and not sent: kept for this tab, by matter and move, until it is sent or given up.
import { page } from '../../shared/dom.js';

const KEY = `wangge.unsent.${page.account}`; // another account in this tab sees nothing of it

function read() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? {};
  } catch {
    return {}; // not allowed, or not ours
  }
}
const unsent = read(); // number of a matter -> move -> values; the move typed for last stands last

function write() {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(unsent));
  } catch {
    /* no room or not allowed: the page still has it */
  }
}

/** The move of a matter that was typed for last, null where there is none. */
export const unsentMove = (id) => Object.keys(unsent[id] ?? {}).at(-1) ?? null;

/** Forgets what was typed for a move: it was sent, or given up. */
export function forget(id, move) {
  if (!unsent[id]?.[move]) return;
  delete unsent[id][move];
  if (!unsentMove(id)) delete unsent[id];
  write();
}

/** The store of one matter, for `moveButtons`. */
export const unsentOf = (id) => ({
  read: (move) => unsent[id]?.[move] ?? null,
  keep: (move, values) => {
    forget(id, move);
    unsent[id] = { ...unsent[id], [move]: values };
    write();
  },
  forget: (move) => forget(id, move),
});
