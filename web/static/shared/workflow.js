// The states and moves of incidents, as gis/incidents/workflow.py hands them over.
import { page } from './dom.js';
import { title } from './i18n.js';

export const states = page.workflow.states;
const stateByKey = new Map(states.map((state) => [state.key, state]));
const moveByKey = new Map(page.workflow.moves.map((move) => [move.key, move]));
const moveOrder = [...moveByKey.keys()];

// A state or move of a later release is called by its key.
export const stateOf = (key) => stateByKey.get(key) ?? { key, zh: key, en: key };
export const moveOf = (key) => moveByKey.get(key) ?? { key, zh: key, en: key, button: true };
export const stateLabel = (key) => title(stateOf(key));
// Of a button or a heading, so it begins with a capital letter.
export const moveLabel = (key) => title(moveOf(key)).replace(/^./, (letter) => letter.toUpperCase());
export const isEnded = (key) => Boolean(stateOf(key).ended);
export const keysOf = (condition) => states.filter(condition).map((state) => state.key);

const rank = (key) => (moveByKey.has(key) ? moveOrder.indexOf(key) : moveOrder.length);
export const inOfferedOrder = (keys) => [...keys].sort((a, b) => rank(a) - rank(b));
