// Today's incidents: marks by severity and time, one mark for those that stand close, and a list of those in view.
import { clustersOf, latlng } from '../../shared/clusters.js';
import { $, h, page } from '../../shared/dom.js';
import { number, t, zh } from '../../shared/i18n.js';
import { dateTime } from '../../shared/moment.js';
import { request, query } from '../../shared/request.js';

const CLOSE_PX = 40; // marks nearer than this become one
const MARK_PX = 26;
const LISTED = 100; // rows until all are asked for
const REFRESH_MS = 60_000;

const SEVERITIES = {
  urgent: { label: t('Urgent'), path: 'M12 1l3.2 7.2 7.8.8-5.9 5.2 1.7 7.8-6.8-4-6.8 4 1.7-7.8L1 9l7.8-.8z' },
  high: { label: t('Serious'), path: 'M12 1.5 22.5 12 12 22.5 1.5 12z' },
  normal: { label: t('Normal'), path: 'M4 4h16v16H4z' },
  low: { label: t('Low'), path: 'M2.5 4h19L12 21.5z' },
};
const ROUNDED = 'M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18zm0 5a4 4 0 1 0 0 8 4 4 0 0 0 0-8z'; // a ring: somewhere here
const TIMES = { red: t('Overdue'), amber: t('Nearly due'), green: t('In time'), none: t('No clock runs') };

const { map } = window.wangge;
const markLayer = L.layerGroup();
const state = {
  shown: false,
  asked: false, // whether an answer has come
  error: '',
  features: [],
  total: 0,
  truncated: false, // ever: from then on only what is in view is asked for
  missing: false,
  rows: new Map(),
  all: false,
  chosen: [], // ids
};
let clusters = [];
let panel; // of the page: how it opens the list, and the room it leaves on the map
let timer = 0;

const loadStyle = (href) =>
  new Promise((resolve) =>
    document.head.append(h('link', { rel: 'stylesheet', href, onload: resolve, onerror: resolve })),
  );
const styled = loadStyle(page.today.style);

// ---- show, hide, keep fresh
export async function show(shown, openedPanel) {
  panel = openedPanel;
  if (shown === state.shown) return;
  state.shown = shown;
  clearInterval(timer);
  map[shown ? 'on' : 'off']({ zoomend: regroup, moveend: moved });
  if (!shown) {
    markLayer.remove();
    return;
  }
  markLayer.addTo(map);
  timer = setInterval(() => !document.hidden && load(), REFRESH_MS);
  await styled;
  load();
}

async function load() {
  const b = map.getBounds();
  const view = [b.getWest(), b.getSouth(), b.getEast(), b.getNorth()].map((n) => n.toFixed(6)).join(',');
  try {
    // all at once, while they are few enough
    const collection = await request(`/incidents/today?${query({ bbox: state.truncated ? view : null })}`, 'today');
    state.features = collection.features;
    state.total = state.truncated ? Math.max(state.total, collection.total) : collection.total;
    state.missing = collection.truncated;
    state.truncated ||= collection.truncated;
    state.rows = new Map(state.features.map((feature) => [feature.id, row(feature)]));
    state.error = '';
  } catch (error) {
    if (error.name === 'AbortError') return;
    state.error = error.message; // what was there before stays
  }
  state.asked = true;
  if (state.shown) regroup();
}

function moved() {
  if (state.truncated) load();
  else place();
}

// ---- marks
const timeOf = ({ properties }) => properties.colour ?? 'none';
const timeRank = (feature) => Object.keys(TIMES).indexOf(timeOf(feature));

function symbol(path, time) {
  return h(
    'svg',
    { className: `today-symbol ${time}`, viewBox: '0 0 24 24', 'aria-hidden': 'true' },
    h('path', { d: path }),
  );
}
const symbolOf = (feature) =>
  symbol(SEVERITIES[feature.properties.severity]?.path ?? ROUNDED, feature.properties.exact ? timeOf(feature) : 'open');

// The most urgent come first, and each takes what stands close to it.
function regroup() {
  const focused = clusters.find(({ marker }) => marker?.getElement() === document.activeElement)?.features[0].id;
  clusters = clustersOf(map, state.features, CLOSE_PX).map((features) => ({ features, marker: null }));
  markLayer.clearLayers();
  place();
  if (focused) elementOf(focused)?.focus({ preventScroll: true });
}

function markerOf(features) {
  const [first] = features,
    single = features.length === 1;
  const worst = features.reduce((a, b) => (timeRank(b) < timeRank(a) ? b : a));
  const time = features.some(({ properties }) => properties.exact) ? timeOf(worst) : 'open';
  const title = single ? [name(first), ...facts(first)].join(' · ') : t('%(n)s incidents', { n: features.length });
  const result = L.marker(latlng(first), {
    title,
    riseOnHover: true,
    zIndexOffset: single ? 0 : 500,
    icon: L.divIcon({
      className: `today-mark ${single ? 'single' : `several ${time}`}`,
      html: single ? symbolOf(first) : h('b', {}, number(features.length)),
      iconSize: single ? [MARK_PX, MARK_PX] : [34, 34],
    }),
  });
  const open = () => (single ? choose(features, { list: true }) : enter(features));
  result.on({
    click: open,
    mouseover: () => point(features, true),
    mouseout: () => point(features, false),
  });
  return result;
}

// Closer, until they stand apart; where they cannot, the list tells them apart.
function enter(features) {
  const bounds = L.latLngBounds(features.map(latlng));
  const apart = map.getBoundsZoom(bounds) > map.getZoom() && !bounds.getNorthEast().equals(bounds.getSouthWest());
  if (apart) map.fitBounds(bounds, panel.room(48));
  else choose(features, { list: true });
}

// Only what is in view is drawn; a mark that stays in view stays as it is.
function place() {
  const view = map.getBounds().pad(0.1);
  clusters.forEach((cluster) => {
    if (view.contains(latlng(cluster.features[0]))) markLayer.addLayer((cluster.marker ??= markerOf(cluster.features)));
    else if (cluster.marker) markLayer.removeLayer(cluster.marker);
  });
  draw();
}

const elementOf = (id) =>
  clusters.find(({ features }) => features.some((feature) => feature.id === id))?.marker?.getElement();
const point = (features, on) => features.forEach(({ id }) => state.rows.get(id)?.classList.toggle('pointed', on));

function mark() {
  clusters.forEach(({ features, marker }) =>
    marker?.getElement()?.classList.toggle(
      'chosen',
      features.some(({ id }) => state.chosen.includes(id)),
    ),
  );
  state.rows.forEach((element, id) =>
    element.firstChild.setAttribute('aria-pressed', String(state.chosen.includes(id))),
  );
}

// From a mark to its rows, or from a row to its mark.
function choose(features, { list = false } = {}) {
  state.chosen = features.map(({ id }) => id);
  const [first] = features;
  if (list) {
    panel.open();
    if (!state.rows.get(first.id)?.isConnected) draw(true);
    state.rows.get(first.id)?.scrollIntoView({ block: 'nearest' });
  } else {
    const at = latlng(first);
    map.fitBounds(L.latLngBounds(at, at), { ...panel.room(60), maxZoom: Math.max(map.getZoom(), 17) });
  }
  mark();
}

// ---- the list
const name = ({ properties }) => (zh ? properties.category_zh : properties.category_en || properties.category_zh);
const severityOf = ({ properties }) => SEVERITIES[properties.severity]?.label;
function facts(feature) {
  const { exact, closed } = feature.properties;
  return [
    exact && ['urgent', 'high'].includes(feature.properties.severity) && severityOf(feature),
    zh ? feature.properties.state_zh : feature.properties.state_en,
    exact && !closed && TIMES[timeOf(feature)],
  ].filter(Boolean);
}

function row(feature) {
  const { exact, place, reported_at: reported } = feature.properties;
  const hover = (on) => () => elementOf(feature.id)?.classList.toggle('pointed', on);
  return h(
    'li',
    { 'data-incident': feature.id, onmouseenter: hover(true), onmouseleave: hover(false) },
    h(
      'button',
      {
        type: 'button',
        'aria-pressed': 'false',
        onclick: () => choose([feature]),
        onfocus: hover(true),
        onblur: hover(false),
      },
      symbolOf(feature),
      h(
        'span',
        {},
        h('b', {}, name(feature)),
        h('span', {}, facts(feature).join(' · ')),
        h(
          'small',
          {},
          [place, h('time', { datetime: reported }, dateTime(reported))].flatMap((part) => (part ? [part, ' '] : [])),
        ),
      ),
    ),
    exact && page.today.incident
      ? h('a', { className: 'link', href: page.today.incident.replace('{id}', feature.id) }, t('Details'))
      : null,
  );
}

const legend = () =>
  h(
    'div',
    { className: 'today-legend' },
    h(
      'p',
      {},
      Object.values(SEVERITIES).map(({ label, path }) => h('span', {}, symbol(path, 'none'), label)),
    ),
    h(
      'p',
      {},
      Object.entries(TIMES).map(([time, label]) => h('span', {}, symbol(SEVERITIES.normal.path, time), label)),
    ),
  );

const failure = () => [
  h('p', { className: 'note', role: 'alert' }, state.error),
  h('button', { className: 'button', type: 'button', onclick: load }, t('Try again')),
];

function notes(inView) {
  const some = (exact) => state.features.some(({ properties }) => properties.exact === exact);
  return [
    ...(state.error ? failure() : []),
    h(
      'p',
      { className: 'quiet', role: 'status' },
      t('%(n)s in view of %(total)s', { n: number(inView), total: number(state.total) }),
    ),
    state.missing &&
      h(
        'p',
        { className: 'note' },
        t('More than %(n)s: the most urgent are shown. Zoom in to see all of a place.', {
          n: number(state.features.length),
        }),
      ),
    some(true) && legend(),
    some(false) &&
      h(
        'p',
        { className: 'today-rounded quiet' },
        symbol(ROUNDED, 'open'),
        t('Of public space; the place is rounded to about ten metres.'),
      ),
  ];
}

// All rows; the focus goes to the first of those that were not listed.
function showAll(listed) {
  draw(true);
  $('today').querySelectorAll('[data-incident]')[listed]?.querySelector('button').focus();
}

// The list anew; what had the focus has it still.
function draw(all = state.all) {
  if (!state.asked) return;
  state.all = all;
  const view = map.getBounds();
  const isInView = (feature) => view.contains(latlng(feature));
  const inView = state.features.filter(isInView).length;
  // what is chosen is listed wherever it is: of a mark at the edge only half is in view
  const rows = state.features.filter((feature) => isInView(feature) || state.chosen.includes(feature.id));
  const listed = all ? rows : rows.slice(0, LISTED);
  const focused = document.activeElement?.closest('[data-incident]') && document.activeElement;
  $('today').replaceChildren(
    ...[
      h('h1', {}, t("Today's incidents")),
      ...notes(inView),
      h(
        'ul',
        { className: 'today-list' },
        listed.map(({ id }) => state.rows.get(id)),
      ),
      rows.length > listed.length &&
        h('button', { className: 'link', type: 'button', onclick: () => showAll(listed.length) }, t('Show all')),
      !rows.length &&
        !state.error &&
        h('p', { className: 'lead' }, t('Nothing here is open, and nothing was reported today.')),
    ].filter(Boolean),
  );
  if (focused)
    state.rows.get(focused.closest('[data-incident]').dataset.incident)?.querySelector(focused.localName)?.focus();
  mark();
}
