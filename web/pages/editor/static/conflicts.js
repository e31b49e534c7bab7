// Somebody else publishes meanwhile: a bar says what changed and draws the draft on it.
import { $ } from '../../shared/dom.js';
import { t } from '../../shared/i18n.js';
import { busy } from './account.js';
import * as api from './api.js';
import { load } from './load.js';
import { showStatus } from './panel.js';
import { state } from './state.js';

const POLL = 10_000; // milliseconds

export function showConflicts(draft) {
  const bar = $('ed-bar'),
    clashes = draft.conflicts;
  if (clashes.length) {
    const facts = { who: clashes[0].author, n: clashes[0].revision, grids: clashes.map(({ name }) => name).join('、') };
    $('ed-bar-status').textContent =
      clashes[0].change === 'name'
        ? t('%(who)s has renamed or ended %(grids)s meanwhile.', facts)
        : t('%(who)s has redrawn %(grids)s meanwhile (revision %(n)s).', facts);
    $('ed-bar-do').textContent = t('Reapply my changes to the latest boundaries');
    $('ed-bar-do').onclick = rebase;
    bar.hidden = false;
  } else if (state.seen !== undefined && draft.newest !== state.seen) {
    $('ed-bar-status').textContent = t('Newer boundaries were published elsewhere on this map.');
    $('ed-bar-do').textContent = t('Show them');
    $('ed-bar-do').onclick = async () => {
      bar.hidden = true;
      state.seen = undefined;
      await load();
    };
    bar.hidden = false;
  } else bar.hidden = true;
  state.seen ??= draft.newest;
}

async function rebase() {
  busy(t('Saving…'));
  try {
    await api.rebase();
    $('ed-bar').hidden = true;
    state.seen = undefined;
    state.redo = [];
    await load();
    showStatus(t('Your draft is drawn on the newest boundaries.'), 'done');
  } catch (error) {
    busy('');
    showStatus(error.message, 'wrong', true);
  }
}

setInterval(async () => {
  if (document.hidden || !state.editable || state.busy) return;
  try {
    showConflicts(await api.read());
  } catch {
    /* asked again soon */
  }
}, POLL);
