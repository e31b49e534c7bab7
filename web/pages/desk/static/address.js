// The address of the desk: every filter, the state and the open matter.
import { $, page } from '../../shared/dom.js';
import { number } from '../../shared/i18n.js';
import { addDays } from '../../shared/moment.js';
import { query } from '../../shared/request.js';
import { isEnded, states } from '../../shared/workflow.js';
import { inbox } from './inbox.js';

export const FIELDS = [
  'words',
  'area',
  'category',
  'severity',
  'assignee',
  'colour',
  'channel',
  'reopened',
  'way',
  'supervised',
  'pending',
  'queue',
  'since',
  'until',
  'sort',
];
export const TABS = [
  'open',
  ...states.map((state) => state.key),
  'all',
  ...(page.may.dispatch ? ['follow_up'] : []), // the queue of calls, queue.js
];

export const address = () => new URLSearchParams(location.search);
export const state = () => {
  const value = address().get('state') || 'open';
  return TABS.includes(value) ? value : 'open';
};
export const filters = () => Object.fromEntries(FIELDS.map((name) => [name, address().get(name) ?? '']));
// as the API has them: `until` is a moment, the field's day is still within
export const dayAfter = (day) => day && addDays(day, 1);
export const dayBefore = (day) => addDays(day, -1);
// what was chosen, else: what is open by urgency, what is suspended by when it goes on, what has ended by its age
export const order = () => {
  if (filters().sort) return filters().sort;
  if (state() === 'suspended') return 'suspended';
  return isEnded(state()) || state() === 'all' ? 'newest' : 'urgent';
};
const asAsked = () => {
  const values = filters();
  return { ...values, until: dayAfter(values.until), state: state() === 'all' ? '' : state(), sort: order() };
};
export const listQuery = () => query(asAsked());
export const isFiltered = () => FIELDS.some((name) => name !== 'sort' && filters()[name]);
// what is filtered by now, as parameters of the list; the order only where it was chosen
export const saveable = () =>
  Object.fromEntries(new URLSearchParams(query({ ...asAsked(), sort: filters().sort })).entries());

export function updateAddress(changes, { replace = false } = {}) {
  const values = { state: state() === 'open' ? '' : state(), ...filters(), incident: inbox.opened ?? '', ...changes };
  const search = query(values);
  history[replace ? 'replaceState' : 'pushState'](null, '', search ? `?${search}` : location.pathname);
}

export function showFilters() {
  const values = filters(),
    now = state();
  for (const name of FIELDS) {
    const field = $('filters').elements[name],
      value = name === 'sort' ? order() : values[name];
    if (field !== document.activeElement || field.tagName === 'SELECT') field.value = value;
  }
  const extraCount = FIELDS.filter(
    (name) => values[name] && $('more-filters').contains($('filters').elements[name]),
  ).length;
  document.body.classList.toggle('dsk-calls', now === 'follow_up'); // with an order and filters of its own
  $('clear').hidden = !isFiltered();
  $('more-count').textContent = extraCount ? number(extraCount) : '';
  for (const tab of $('tabs').children) {
    if (tab.dataset.state === now) tab.setAttribute('aria-current', 'page');
    else tab.removeAttribute('aria-current');
  }
}

export const fits = (incident) =>
  ['all', 'follow_up'].includes(state()) ||
  state() === incident.state ||
  (state() === 'open' && !isEnded(incident.state));
