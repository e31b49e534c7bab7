// The address of the desk: every filter, the state and the open matter.
import { $ } from '../../shared/dom.js';
import { number } from '../../shared/i18n.js';
import { query } from '../../shared/request.js';
import { isEnded, states } from '../../shared/workflow.js';
import { inbox } from './inbox.js';

export const FIELDS = [
  'words',
  'area',
  'category',
  'colour',
  'way',
  'supervised',
  'pending',
  'queue',
  'since',
  'until',
  'sort',
];
export const TABS = ['open', ...states.map((state) => state.key), 'all'];

export const address = () => new URLSearchParams(location.search);
export const state = () => {
  const value = address().get('state') || 'open';
  return TABS.includes(value) ? value : 'open';
};
export const filters = () => Object.fromEntries(FIELDS.map((name) => [name, address().get(name) ?? '']));
// as the API has them: `until` is a moment, the field's day is still within
export const dayAfter = (day) => day && new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10);
export const listQuery = () => {
  const values = filters();
  return query({
    ...values,
    until: dayAfter(values.until),
    state: state() === 'all' ? '' : state(),
    sort: values.sort || (isEnded(state()) || state() === 'all' ? 'newest' : 'urgent'),
  });
};

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
      value = values[name];
    if (field !== document.activeElement || field.tagName === 'SELECT') field.value = value;
  }
  const set = FIELDS.filter((name) => name !== 'sort' && values[name]).length;
  const extraCount = FIELDS.filter(
    (name) => values[name] && $('more-filters').contains($('filters').elements[name]),
  ).length;
  $('clear').hidden = !set;
  $('more-count').textContent = extraCount ? number(extraCount) : '';
  for (const tab of $('tabs').children) {
    if (tab.dataset.state === now) tab.setAttribute('aria-current', 'page');
    else tab.removeAttribute('aria-current');
  }
}

export const fits = (incident) =>
  state() === 'all' || state() === incident.state || (state() === 'open' && !isEnded(incident.state));
