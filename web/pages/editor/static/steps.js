// Operations sent to the server, taken back and done again.
import { t } from '../../shared/i18n.js';
import { busy, buttons, refresh } from './account.js';
import * as api from './api.js';
import { showStatus } from './panel.js';
import { apply } from './picture.js';
import { state } from './state.js';

export async function operate(op, { again: repeated = false } = {}) {
  if (!state.editable || state.busy) return false;
  busy(t('Saving…'));
  try {
    const done = await api.operate(op);
    if (!repeated) state.redo = [];
    state.steps = [...state.steps, { step: done.step, op: done.op, zh: '…', en: '…' }];
    apply(done.changed);
    busy('');
    showStatus(t('Saved as step %(n)s', { n: done.step }), 'done');
    refresh();
    return true;
  } catch (error) {
    busy('');
    showStatus(error.message, 'wrong');
    return false;
  } finally {
    buttons();
  }
}

export async function undo() {
  if (!state.steps.length || state.busy || !state.editable) return;
  busy(t('Saving…'));
  try {
    const last = state.steps.at(-1),
      done = await api.undo(last.step);
    state.redo.push(...done.undone.reverse());
    state.steps = state.steps.slice(0, -1);
    apply(done.changed);
    busy('');
    refresh();
  } catch (error) {
    busy('');
    showStatus(error.message, 'wrong');
  }
  buttons();
}

export async function redo() {
  const op = state.redo.at(-1);
  if (op && (await operate(op, { again: true }))) {
    state.redo.pop();
    buttons();
  }
}
