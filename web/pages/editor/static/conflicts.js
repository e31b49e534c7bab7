// Somebody else publishes, or this draft changes in another tab: a bar says what changed and shows it.
import { $ } from '../../shared/dom.js';
import { t, zh } from '../../shared/i18n.js';
import { busy } from './account.js';
import * as api from './api.js';
import { load } from './load.js';
import { showStatus } from './panel.js';
import { state } from './state.js';

const POLL = 10_000; // milliseconds

function bar(message, label, act) {
  $('ed-bar-status').textContent = message;
  $('ed-bar-do').textContent = label;
  $('ed-bar-do').onclick = act;
  $('ed-bar').hidden = false;
}

// Show the newest of the draft; what was drawn here and not saved stays.
async function show() {
  $('ed-bar').hidden = true;
  state.seen = undefined;
  state.version = null;
  state.redo = [];
  await load();
}

// What the draft has that this page does not show: its state, steps and boundaries published since.
export function showConflicts(draft) {
  const clashes = draft.conflicts;
  if (state.version !== null && draft.state !== 'draft' && state.editable) {
    state.editable = false;
    bar(t('This draft was published or withdrawn elsewhere.'), t('Look at it'), () => location.reload());
  } else if (state.version !== null && draft.version > state.version) {
    bar(elsewhere(draft), t('Show the changes'), show);
  } else if (clashes.length) {
    const facts = { who: clashes[0].author, n: clashes[0].revision, grids: clashes.map(({ name }) => name).join('、') };
    const message =
      clashes[0].change === 'name'
        ? t('%(who)s has renamed or ended %(grids)s meanwhile.', facts)
        : t('%(who)s has redrawn %(grids)s meanwhile (revision %(n)s).', facts);
    bar(message, t('Reapply my changes to the latest boundaries'), rebase);
  } else if (state.seen !== undefined && draft.newest !== state.seen) {
    bar(t('Newer boundaries were published elsewhere on this map.'), t('Show them'), show);
  } else $('ed-bar').hidden = true;
  state.seen ??= draft.newest;
}

export const showElsewhere = async () => showConflicts(await api.read());

// In words: the steps that were added or taken back in another tab or by a colleague.
function elsewhere(draft) {
  const ours = state.steps.length,
    added = draft.operations.slice(ours);
  const steps = added.map((step) => `${step.step}. ${zh ? step.zh : step.en}`).join('; ');
  return added.length
    ? t('This draft was changed elsewhere: %(steps)s.', { steps })
    : t('This draft was changed elsewhere: it has %(n)s steps now, %(ours)s here.', {
        n: draft.operations.length,
        ours,
      });
}

async function rebase() {
  busy(t('Saving…'));
  try {
    await api.rebase(state.version);
    await show();
    showStatus(t('Your draft is drawn on the newest boundaries.'), 'done');
  } catch (error) {
    busy('');
    showStatus(error.message, 'wrong', true);
  }
}

setInterval(async () => {
  if (document.hidden || !state.editable || state.busy) return;
  try {
    await showElsewhere();
  } catch {
    /* asked again soon */
  }
}, POLL);
