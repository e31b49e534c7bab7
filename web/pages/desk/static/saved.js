// Saved filters: what the address filters by, kept under a name of one's own, with how many fit.
import { $, h } from '../../shared/dom.js';
import { number, t } from '../../shared/i18n.js';
import { call, query, request } from '../../shared/request.js';
import { dayBefore, isFiltered, saveable } from './address.js';
import { showStatus } from './rows.js';

let items = [];

// An address of the desk for what was saved; `until` of the API is the first day that is out.
const addressOf = ({ filters }) => {
  const { state, until, ...values } = filters;
  return query({
    ...values,
    until: until && dayBefore(until),
    state: (state ?? 'all') === 'open' ? '' : (state ?? 'all'),
  });
};

const isShown = (item) => {
  const address = new URLSearchParams(location.search);
  address.delete('incident');
  const shown = new URLSearchParams(addressOf(item));
  shown.sort();
  address.sort();
  return shown.toString() === address.toString();
};

/** Asks for the saved filters and their counts, and draws them. */
export async function loadSaved() {
  try {
    items = (await request('/me/filters', 'saved')).items;
  } catch (error) {
    if (error.name === 'AbortError') return;
  }
  drawSaved();
}

/** Draws them; `go(search)` is told which address to show. */
export function drawSaved() {
  $('saved').replaceChildren(
    ...items.map((item) =>
      h(
        'li',
        { 'aria-current': isShown(item) ? 'true' : null },
        h(
          'button',
          { type: 'button', 'data-search': addressOf(item) },
          item.name,
          h('b', {}, item.count === null ? '?' : number(item.count)),
        ),
        isShown(item) &&
          h(
            'button',
            {
              type: 'button',
              className: 'dsk-forget',
              'aria-label': t('Delete the saved filter %(name)s', { name: item.name }),
              onclick: () => forget(item),
            },
            '×',
          ),
      ),
    ),
  );
  $('save').hidden = !isFiltered() || items.some(isShown);
}

async function forget(item) {
  try {
    await call('DELETE', `/me/filters/${item.id}`);
    await loadSaved();
  } catch (error) {
    showStatus(error.message, true);
  }
}

function askName() {
  const name = h('input', { maxlength: 40, required: true, 'aria-label': t('Name of the filter') });
  const form = h(
    'form',
    {
      className: 'dsk-naming',
      onsubmit: async (event) => {
        event.preventDefault();
        try {
          await call('POST', '/me/filters', { name: name.value, filters: saveable() });
          form.replaceWith($('save'));
          await loadSaved();
        } catch (error) {
          showStatus(error.message, true);
          name.focus();
        }
      },
    },
    name,
    h('button', { type: 'submit', className: 'inc-go' }, t('Save')),
    h('button', { type: 'button', className: 'inc-do', onclick: () => form.replaceWith(save) }, t('Cancel')),
  );
  const save = $('save');
  save.replaceWith(form);
  name.focus();
}
$('save').addEventListener('click', askName);
