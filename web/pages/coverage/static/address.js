// What is measured and looked at; all of it stands in the address.
import { $, h, page } from '../../shared/dom.js';
import { t } from '../../shared/i18n.js';
import { query } from '../../shared/request.js';

export const TABS = ['overview', 'gaps', 'siting'];
const { map } = window.wangge;
const ORDER = [
  'category',
  'minutes',
  'profile',
  'at',
  'area',
  'class',
  'community',
  'view',
  'with',
  'split',
  'tab',
  'gap',
  'sort',
  'sites',
  'model',
  'found',
  'pin',
  'c',
];

export const state = {};

export function readAddress() {
  const parameters = new URLSearchParams(location.search);
  ORDER.forEach((key) => (state[key] = parameters.get(key) || ''));
  state.category ||= page.default.category;
  state.minutes = Number(state.minutes) || page.default.minutes;
  state.profile ||= page.default.profile;
  if (!TABS.includes(state.tab)) state.tab = 'overview';
  state.pin = readPoint(state.pin);
  const view = state.c.split(',').map(Number);
  state.c = view.length === 3 && view.every(Number.isFinite) ? view : null;
}

function readPoint(value) {
  const point = value.split(',').map(Number);
  return point.length === 2 && value && point.every(Number.isFinite) ? point : null;
}

export function writeAddress(change = {}, push = false) {
  Object.assign(state, change);
  const c = map.getCenter();
  const values = Object.fromEntries(ORDER.map((key) => [key, state[key]]));
  const next = query({
    lang: new URLSearchParams(location.search).get('lang'),
    ...values,
    minutes: state.minutes,
    tab: state.tab === 'overview' ? null : state.tab,
    pin: state.pin && state.pin.map((n) => n.toFixed(6)).join(','),
    c: `${c.lng.toFixed(6)},${c.lat.toFixed(6)},${map.getZoom()}`,
  }).replaceAll('%2C', ',');
  history[push ? 'pushState' : 'replaceState'](null, '', `${location.pathname}?${next}`);
  const other = $('other-language'),
    parameters = new URLSearchParams(location.search);
  parameters.set('lang', other.lang === 'en' ? 'en' : 'zh');
  other.href = `?${parameters}`.replaceAll('%2C', ',');
}

// The printed report of an area: the same question, with the new places that were sought.
const MAX_REPORT_SITES = 5;
export const reportAddress = (area) =>
  `${page.root}/coverage/report/${encodeURIComponent(area)}?${query({
    category: state.category,
    minutes: state.minutes,
    profile: state.profile,
    at: state.at,
    sites: page.may.plan && state.found ? Math.min(Number(state.sites), MAX_REPORT_SITES) : null,
  })}`;

/** The report of the area that is asked about; of all areas, that of the one that holds them. */
export const wholeReport = (text) => {
  const area = state.area || page.whole;
  return area
    ? h('p', {}, h('a', { className: 'link', href: reportAddress(area) }, text))
    : h('p', { className: 'quiet' }, t('Choose an area for a report.'));
};

// The question as the API takes it.
export const question = (more = {}) =>
  query({
    category: state.category,
    minutes: state.minutes,
    profile: state.profile,
    at: state.at,
    area: state.area,
    ...more,
  });
