// The rows of the list: how they look, and what changes in them.
import { $, h, page } from '../../shared/dom.js';
import { number, t, zh } from '../../shared/i18n.js';
import {
  clockBadge,
  gridOf,
  inLanguage,
  locationText,
  SEVERITY_LABELS,
  tags,
  timeLeft,
  when,
} from '../../shared/incident.js';
import { releaseOf } from '../../shared/press.js';
import { stateLabel, stateOf } from '../../shared/workflow.js';
import { fits, state } from './address.js';
import { inbox } from './inbox.js';
import { isQueue, nameColumns, queueCells } from './queue.js';

export const holder = (incident) =>
  incident.role || incident.assigned_to
    ? [
        h('span', {}, incident.assigned_to ?? inLanguage(incident, 'role')),
        incident.assigned_to && h('small', {}, inLanguage(incident, 'role')),
      ]
    : [
        h(
          'small',
          {},
          incident.way === 'order' && incident.offered
            ? t('offered to %(n)s', { n: incident.offered })
            : incident.queue
              ? zh
                ? incident.queue.zh
                : incident.queue.en
              : t('nobody yet'),
        ),
      ];

function row(incident) {
  const result = inbox.results.get(incident.id);
  return h(
    'tr',
    {
      'data-id': incident.id,
      className: fits(incident) ? null : 'old',
      'aria-current': incident.id === inbox.opened ? 'true' : null,
    },
    ...(isQueue() ? queueCells(incident) : cells(incident, result)),
  );
}

// a column of moments: minutes of working time and of the wall clock are not to be compared
export const clockCell = (incident) =>
  incident.due && !stateOf(incident.state).paused
    ? [clockBadge(incident, when(incident.due)), h('small', {}, timeLeft(incident))]
    : [clockBadge(incident)];

function cells(incident, result) {
  return [
    h(
      'td',
      { className: 'dsk-pick' },
      h('input', {
        type: 'checkbox',
        checked: inbox.chosen.has(incident.id),
        'aria-label': t('Choose %(what)s', { what: `${inLanguage(incident, 'category')} ${locationText(incident)}` }),
      }),
    ),
    h('td', { className: `dsk-severity ${incident.severity}` }, h('b', {}, SEVERITY_LABELS[incident.severity])),
    h('td', { className: 'dsk-clock' }, ...clockCell(incident)),
    h(
      'td',
      { className: 'dsk-what' },
      h('button', { type: 'button', className: 'dsk-open' }, inLanguage(incident, 'category')),
      ...tags(incident, { severity: false }).filter(Boolean),
      h('small', {}, incident.description),
      result && h('p', { className: result.ok ? 'dsk-went' : 'dsk-failed' }, result.words),
    ),
    h(
      'td',
      { className: 'dsk-where' },
      h('span', {}, locationText(incident)),
      incident.address && h('small', {}, gridOf(incident)),
    ),
    h(
      'td',
      { className: 'dsk-state' },
      h('b', { className: `inc-state ${stateOf(incident.state).tone}` }, stateLabel(incident.state)),
    ),
    h('td', { className: 'dsk-held' }, ...holder(incident).filter(Boolean)),
    h('td', { className: 'dsk-when' }, when(incident.reported_at)),
  ];
}

/** Waits until no row is pressed: before what comes from the server is drawn. */
export const rowsReleased = releaseOf($('rows'));

let drawn = () => {};
/** Calls a function each time the rows are drawn anew. */
export const onDrawn = (listener) => {
  drawn = listener;
};

export function draw() {
  nameColumns();
  $('rows').replaceChildren(...inbox.rows.map(row));
  const filtered = !$('clear').hidden;
  $('none').hidden = inbox.rows.length > 0;
  if (!inbox.rows.length) {
    const byOperator = !filtered && !inbox.totals?.all && page.unanswered;
    const empty = isQueue()
      ? t('Nobody is to be called.')
      : filtered || inbox.totals?.all
        ? t('Nothing fits these filters.')
        : byOperator
          ? t('Nothing waits here: every open matter is with somebody of its place. See also:')
          : t('Nothing has been reported here yet.');
    $('none').replaceChildren(
      h('p', {}, empty, byOperator && [' ', h('a', { href: page.unanswered }, t('Places nobody answers for'))]),
      filtered ? h('button', { type: 'button', className: 'inc-do', 'data-clear': '' }, t('Clear the filters')) : '',
    );
  }
  $('more').hidden = !inbox.next;
  foot();
  drawn();
}

export function redraw(incident, mark = true) {
  const index = inbox.rows.findIndex((other) => other.id === incident.id);
  if (index < 0 || isQueue()) return false; // a call is drawn when the queue is asked again
  inbox.rows[index] = incident;
  const old = $('rows').children[index],
    replacement = row(incident),
    hadFocus = old.contains(document.activeElement);
  old.replaceWith(replacement);
  if (hadFocus) replacement.querySelector('.dsk-open').focus({ preventScroll: true });
  replacement.classList.toggle('marked', mark);
  drawn();
  return true;
}

export function foot() {
  const all =
    inbox.totals &&
    (isQueue()
      ? inbox.totals.follow_up
      : state() === 'open'
        ? inbox.totals.open
        : state() === 'all'
          ? inbox.totals.all
          : inbox.totals.states[state()]);
  $('list-count').textContent = inbox.rows.length
    ? t('%(n)s shown, %(all)s in all', {
        n: number(inbox.rows.length),
        all: number(Math.max(all ?? 0, inbox.rows.length)),
      })
    : '';
}

export function showStatus(content, bad = false) {
  $('status').classList.toggle('bad', bad);
  $('status').replaceChildren(...[content].flat());
}

export function bar() {
  $('news').hidden = !inbox.news.size;
  $('news').textContent = t('%(n)s new: show them', { n: number(inbox.news.size) });
}
