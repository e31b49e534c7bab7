// The dispatcher's desk: what is open, filtered by what the address says, one matter beside it, and what can be done.
import { $, h, isEscape, page, phone } from '../../shared/dom.js';
import { number, t } from '../../shared/i18n.js';
import { SEVERITY_LABELS, subscribe } from '../../shared/incident.js';
import { query, request } from '../../shared/request.js';
import { hasWords } from '../../shared/typed.js';
import { stateLabel } from '../../shared/workflow.js';
import { address, FIELDS, listQuery, showFilters, TABS, updateAddress } from './address.js';
import { choose } from './bulk.js';
import { close, mark, openForm, part, show, writing } from './detail.js';
import { groups } from './kinds.js';
import { inbox } from './inbox.js';
import { load, PAGE } from './list.js';
import { hear } from './live.js';
import { isQueue, QUEUE } from './queue.js';
import { clockCell, draw } from './rows.js';
import { drawSaved, loadSaved } from './saved.js';
import './templates.js';

const EVERY = 60_000;
const { map } = window.wangge;

// ---- by hand
const clear = () => {
  updateAddress(Object.fromEntries(FIELDS.map((name) => [name, ''])));
  reload();
};
const reload = () => {
  showFilters();
  drawSaved();
  load();
};
let typing;
$('filters').addEventListener('submit', (event) => event.preventDefault());
$('filters').addEventListener('input', ({ target }) => {
  clearTimeout(typing);
  const apply = () => {
    updateAddress({ [target.name]: target.value.trim() }, { replace: target.name === 'words' });
    reload();
  };
  if (target.name === 'words') typing = setTimeout(apply, 350);
  else apply();
});
const tabLabel = (name) => ({ open: t('Open'), all: t('All states'), [QUEUE]: t('To call') })[name] ?? stateLabel(name);
$('tabs').append(
  ...TABS.map((name) =>
    h(
      'button',
      {
        type: 'button',
        'data-state': name,
        onclick: () => {
          updateAddress({ state: name === 'open' ? '' : name });
          reload();
        },
      },
      tabLabel(name),
      h('b', {}),
    ),
  ),
);
$('clear').addEventListener('click', clear);
$('saved').addEventListener('click', ({ target }) => {
  const search = target.closest('[data-search]')?.dataset.search;
  if (search === undefined) return;
  history.pushState(null, '', search ? `?${search}` : location.pathname);
  reload();
});
$('export')?.addEventListener('click', ({ target }) => {
  target.href = `${page.root}/desk/list.xlsx?${listQuery()}`;
});
// of the queue, the form of the call is opened with the matter
async function open(id) {
  await show(id);
  if (isQueue() && inbox.full?.moves.includes('follow_up')) openForm('follow_up');
}
$('rows').addEventListener('click', ({ target }) => {
  const row = target.closest('tr'),
    cell = target.closest('.dsk-pick');
  if (!cell || isQueue()) open(row.dataset.id);
  else if (target === cell) cell.firstChild.click(); // beside the box, as a thumb does
});
$('rows').addEventListener('change', ({ target }) => choose(target.closest('tr').dataset.id, target.checked));
$('none').addEventListener('click', ({ target }) => {
  if (target.closest('[data-clear]')) clear();
});
$('more').addEventListener('click', () => load({ append: true }));
$('news').addEventListener('click', () => load({ keep: true }));
$('all').addEventListener('change', ({ target }) => {
  inbox.chosen = new Set(target.checked ? inbox.rows.map((incident) => incident.id) : []);
  draw();
});
addEventListener('popstate', () => {
  const id = address().get('incident');
  reload();
  if (id && id !== inbox.opened) show(id, { quiet: true });
  else if (!id && inbox.opened) close();
});

addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
  if (isEscape(event) && writing()) {
    const form = writing().querySelector('.inc-form');
    const isFilled = form && (hasWords(form) || form.querySelector('.inc-photos li'));
    if (!isFilled || confirm(t('Discard what you wrote?'))) form?.querySelector('.inc-pair .inc-do').click();
    return;
  }
  if (event.target.closest('textarea, select, input:not([type="checkbox"])')) {
    if (isEscape(event)) event.target.blur();
    return;
  }
  const step = { j: 1, k: -1 }[event.key];
  if (step && inbox.rows.length) {
    inbox.at = Math.min(inbox.rows.length - 1, Math.max(0, inbox.at + step));
    mark();
    const link = $('rows').children[inbox.at].querySelector('.dsk-open');
    link.focus({ preventScroll: true });
    link.closest('tr').scrollIntoView({ block: 'nearest' });
    if (inbox.opened && !writing() && !phone.matches) show(inbox.rows[inbox.at].id);
  } else if (
    event.key === 'Enter' &&
    inbox.rows[inbox.at] &&
    (event.target === document.body || event.target.closest('tr'))
  ) {
    event.preventDefault();
    open(inbox.rows[inbox.at].id);
  } else if (event.key === 'x' && inbox.rows[inbox.at] && !isQueue()) {
    choose(inbox.rows[inbox.at].id, !inbox.chosen.has(inbox.rows[inbox.at].id));
    $('rows').children[inbox.at].querySelector('input').checked = inbox.chosen.has(inbox.rows[inbox.at].id);
  } else if (event.key === '/') {
    event.preventDefault();
    $('filters').elements.words.focus();
  } else if (event.key === 'r' && inbox.news.size) load({ keep: true });
  else if (event.key === '?') $('help').showModal();
  else if (isEscape(event) && inbox.opened) close();
});

// ---- begin
$('filters').elements.area.append(
  h('option', { value: '' }, t('All areas')),
  ...page.areas.map((area) => h('option', { value: area.code }, '\u3000'.repeat(area.depth) + area.name)),
);
$('filters').elements.severity.append(
  ...[...page.severities].reverse().map((key) => h('option', { value: key }, SEVERITY_LABELS[key])),
);
$('filters').elements.category.append(h('option', { value: '' }, t('All kinds')), ...groups());
for (const way of [map.scrollWheelZoom, map.keyboard]) way.disable();
showFilters();
request('/incidents/holders', 'holders')
  .then(({ items }) => {
    $('filters').elements.assignee.append(
      ...items.map((person) => h('option', { value: person.code }, `${person.name} · ${number(person.open)}`)),
    );
    showFilters();
  })
  .catch(() => {}); // the filter then offers nobody
loadSaved();
const initialIncident = address().get('incident');
await load();
if (initialIncident) show(initialIncident, { quiet: true });
subscribe(hear);
// the clocks of the rows run on, also where nothing happens; nothing moves
setInterval(async () => {
  if (!document.hidden) loadSaved();
  if (document.hidden || isQueue() || !inbox.rows.length || part.moves.hasAttribute('aria-busy')) return;
  const answer = await request(
    `/incidents?${listQuery()}&${query({ limit: Math.min(200, Math.max(PAGE, inbox.rows.length)) })}`,
    'tick',
  ).catch(() => null);
  for (const incident of answer?.items ?? []) {
    const index = inbox.rows.findIndex((other) => other.id === incident.id);
    if (index >= 0 && inbox.rows[index].version <= incident.version) {
      inbox.rows[index] = incident;
      $('rows')
        .children[index].querySelector('.dsk-clock')
        .replaceChildren(...clockCell(incident));
    }
  }
}, EVERY);
document.body.dataset.ready = 'yes';
