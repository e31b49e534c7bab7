// Operations sent to the server, taken back and done again.
import { t } from '../../shared/i18n.js';
import { busy, buttons, refresh } from './account.js';
import * as api from './api.js';
import { showElsewhere } from './conflicts.js';
import { showStatus } from './panel.js';
import { isDrawn, keep } from './pending.js';
import { apply } from './picture.js';
import { named, state } from './state.js';
import { store } from './stored.js';
import { renewTheme } from './theme.js';

const STALE = 'draft.stale_version';

/** @type {Promise<unknown>} */
let last = Promise.resolve();

/**
 * What the hand does while another step is on its way waits for it: each is sent with the version the last one left.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
function inTurn(work) {
  const result = last.then(work);
  last = result.catch(() => {}); // its caller hears of it; the next comes all the same
  return result;
}

/**
 * again: whether it is done again, which leaves the other steps to do again. key: of a sending that may have arrived.
 * @returns {Promise<boolean>} whether it was done; a drawing that was not stays on the map
 */
export const operate = (op, options) => inTurn(() => send(op, options));
export const undo = () => inTurn(takeBack);
export const redo = () => inTurn(doAgain);

async function send(op, { again: repeated = false, key = null } = {}) {
  if (!state.editable) return false;
  const sending = key ?? crypto.randomUUID();
  busy(t('Saving…'));
  try {
    const done = await api.operate(op, state.version, sending);
    if (!repeated) state.redo = [];
    state.version = done.version;
    state.steps = [...state.steps, { step: done.step, op: done.op, zh: '…', en: '…' }];
    apply(done.changed);
    busy('');
    showStatus(t('Saved as step %(n)s', { n: done.step }), 'done');
    refresh();
    renewTheme();
    store();
    return true;
  } catch (error) {
    busy('');
    if (!repeated && isDrawn(op)) keep(op, error, sending);
    else showStatus(named(error.message), 'wrong', true);
    if (error.problem?.code === STALE) await showElsewhere();
    return false;
  } finally {
    buttons();
  }
}

async function takeBack() {
  if (!state.steps.length || !state.editable) return;
  busy(t('Saving…'));
  try {
    const last = state.steps.at(-1),
      done = await api.undo(last.step, state.version);
    state.version = done.version;
    // of a file only the number of its grids comes back: it is loaded again, not done again
    state.redo.push(...done.undone.reverse().filter((op) => typeof op.grids !== 'number'));
    state.steps = state.steps.slice(0, -1);
    apply(done.changed);
    busy('');
    refresh();
    renewTheme();
    store();
  } catch (error) {
    busy('');
    showStatus(named(error.message), 'wrong', true);
    if (error.problem?.code === STALE) await showElsewhere();
  }
  buttons();
}

async function doAgain() {
  const op = state.redo.at(-1);
  if (op && (await send(op, { again: true }))) {
    state.redo.pop();
    store();
    buttons();
  }
}
