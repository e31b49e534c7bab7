// The queue of follow-up calls: whom to call, by when, and how it went before.
import { $, h, page } from '../../shared/dom.js';
import { number, t } from '../../shared/i18n.js';
import { inLanguage, SEVERITY_LABELS, shape, when } from '../../shared/incident.js';
import { request } from '../../shared/request.js';
import { stateLabel, stateOf } from '../../shared/workflow.js';
import { filters, state } from './address.js';

export const QUEUE = 'follow_up'; // in place of a state

export const isQueue = () => state() === QUEUE;

/** Asks for part of the queue: as a list of incidents is answered, with `counts`. */
export const askQueue = (query) => request(`/incidents/follow-ups?${query}`, 'list');

/** Asks how many are to be called; 0 where the account calls nobody. */
export async function countQueue() {
  if (!page.may.dispatch) return 0;
  const area = filters().area ? `&area=${filters().area}` : '';
  const { counts } = await request(`/incidents/follow-ups?limit=1${area}`, 'queue');
  return counts.waiting;
}

const HEADS = {
  due: [t('Due'), t('Call by')],
  held: [t('Held by'), t('Calls')],
  at: [t('Reported'), t('Handled')],
};

/** Names the columns of the list as what is shown in them. */
export function nameColumns() {
  for (const [name, texts] of Object.entries(HEADS)) $(`head-${name}`).textContent = texts[Number(isQueue())];
  $('all').hidden = isQueue();
}

/** The cells of one call. */
export function queueCells(call) {
  const calls = call.attempts ? t('%(n)s calls', { n: number(call.attempts) }) : t('not called yet');
  const colour = call.overdue ? 'red' : 'green';
  return [
    h('td', { className: 'dsk-pick' }),
    h('td', { className: `dsk-severity ${call.severity}` }, h('b', {}, SEVERITY_LABELS[call.severity])),
    h('td', { className: 'dsk-clock' }, h('span', { className: `inc-clock ${colour}` }, shape(colour), when(call.due))),
    h(
      'td',
      { className: 'dsk-what' },
      h('button', { type: 'button', className: 'dsk-open' }, inLanguage(call, 'category')),
      call.reopened > 0 &&
        h('b', { className: 'inc-tag watch' }, t('Reopened %(n)s times', { n: number(call.reopened) })),
      h('small', {}, call.description),
    ),
    h('td', { className: 'dsk-where' }, h('span', {}, call.address || call.area_name || '')),
    h(
      'td',
      { className: 'dsk-state' },
      h('b', { className: `inc-state ${stateOf(call.state).tone}` }, stateLabel(call.state)),
    ),
    h(
      'td',
      { className: 'dsk-held' },
      h('span', {}, calls),
      call.last_outcome && h('small', {}, new Map(page.outcomes).get(call.last_outcome) ?? call.last_outcome),
    ),
    h('td', { className: 'dsk-when' }, call.handled_at ? when(call.handled_at) : ''),
  ];
}
