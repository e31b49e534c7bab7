// The page: what is selected, shown and where the map stands; all of it is in the address.
import { $, isEscape, page, phone } from '../../shared/dom.js';
import { t } from '../../shared/i18n.js';
import { request, query } from '../../shared/request.js';
import { buttons, keyboard, watchTiles, whereAmI, whole } from './controls.js';
import { offerCategories, showEmphasis } from './emphasis.js';
import { busy, showArea, showFacility, showPlace, welcome } from './panel.js';
import { searchBox } from '../../shared/search.js';

const { map } = window.wangge;
map.options.zoomSnap = 0.5; // so that the whole fills a large screen
const state = { p: null, address: null, area: null, facility: null, category: null, minutes: 15 };

// ---- the address
function read() {
  const parameters = new URLSearchParams(location.search);
  const point = (parameters.get('p') || '').split(',').map(Number);
  state.p = point.length === 2 && point.every(Number.isFinite) ? point : null;
  for (const key of ['address', 'area', 'facility']) state[key] = parameters.get(key);
  state.category = parameters.get('category') in page.categories ? parameters.get('category') : null;
  state.minutes = page.limits.find((limit) => limit === Number(parameters.get('minutes'))) ?? page.limits.at(-1);
  const view = (parameters.get('c') || '').split(',').map(Number);
  const isStated = view.length === 3 && view.every(Number.isFinite);
  if (isStated) map.setView([view[1], view[0]], view[2], { animate: false });
  else if (page.bbox) whole(false);
  return isStated;
}

function write(push) {
  const c = map.getCenter(),
    parameters = new URLSearchParams(location.search);
  const stored = {
    lang: parameters.get('lang'),
    at: parameters.get('at'),
    compare: parameters.get('compare'),
    layers: parameters.get('layers'),
    category: state.category,
  };
  const next = query({
    ...stored,
    c: `${c.lng.toFixed(6)},${c.lat.toFixed(6)},${map.getZoom()}`,
    p: state.p && state.p.map((n) => n.toFixed(6)).join(','),
    address: state.address,
    area: state.area,
    facility: state.facility,
    minutes: (state.facility || state.category) && state.minutes !== page.limits.at(-1) ? state.minutes : null,
  }).replaceAll('%2C', ',');
  history[push ? 'pushState' : 'replaceState'](null, '', `${location.pathname}?${next}`);
  const other = $('other-language'),
    otherParameters = new URLSearchParams(location.search);
  otherParameters.set('lang', other.lang === 'en' ? 'en' : 'zh');
  other.href = `?${otherParameters}`.replaceAll('%2C', ',');
  const b = map.getBounds();
  const bbox = [b.getWest(), b.getSouth(), b.getEast(), b.getNorth()].map((n) => n.toFixed(6)).join(',');
  $('save').href =
    `${$('save').pathname}?${query({ bbox, zoom: map.getZoom(), layers: stored.layers, category: state.category, minutes: state.minutes, at: stored.at, facility: state.facility })}`;
  const now = new URLSearchParams(location.search);
  now.delete('at');
  now.delete('compare');
  document.querySelectorAll('a.now').forEach((link) => link.setAttribute('href', `?${now}`.replaceAll('%2C', ',')));
}

// Room around what is brought into view; on a phone also above the sheet, which covers the lower half.
const room = (pixels) => ({
  paddingTopLeft: [pixels, pixels],
  paddingBottomRight: [
    pixels,
    pixels + (phone.matches ? Math.max(0, map.getSize().y - $('panel').parentElement.clientHeight * 0.54) : 0),
  ],
});

// ---- what is drawn over the tiles: the selection, loud
const selectionLayer = L.layerGroup().addTo(map);
const colours = page.colours;

const outline = (geometry, options) =>
  L.geoJSON(geometry, {
    interactive: false,
    style: { color: colours.chosen, weight: 3, fillColor: colours.chosen, fillOpacity: 0.06, ...options },
  });
const showPoint = (lon, lat) =>
  L.marker([lat, lon], {
    interactive: false,
    keyboard: false,
    icon: L.divIcon({ className: 'spot', iconSize: [18, 18] }),
  });

async function drawArea(code, fit) {
  const body = await request(`/areas/${encodeURIComponent(code)}?${query({ geometry: true, at: page.at })}`, 'shape');
  if (!body.geometry) return;
  const shape = outline(body.geometry).addTo(selectionLayer);
  if (fit) map.fitBounds(shape.getBounds(), { ...room(40), maxZoom: 18 });
}

async function drawBuilding(code) {
  const collection = await request(`/layers/buildings?${query({ code })}`, 'building');
  collection.features.forEach((feature) =>
    outline(feature.geometry, { weight: 2, fillOpacity: 0.22 }).addTo(selectionLayer),
  );
}

function drawCircle(all, minutes) {
  [15, 10, 5].forEach((limit) => {
    const circle = all.get(limit);
    if (!circle || !circle.geometry.coordinates.length) return;
    const chosen = limit === minutes;
    L.geoJSON(circle.geometry, {
      interactive: false,
      style: {
        color: colours.steps[limit],
        weight: chosen ? 3 : 1.2,
        dashArray: chosen ? null : '4 4',
        fillColor: colours.circle,
        fillOpacity: chosen ? 0.14 : 0,
      },
    }).addTo(selectionLayer);
  });
}

// ---- selecting
export function select(next, { push = true, fit = false } = {}) {
  Object.assign(state, { p: null, address: null, area: null, facility: null }, next);
  write(push);
  return show(fit);
}

async function show(fit = false) {
  selectionLayer.clearLayers();
  if (phone.matches && (state.p || state.area || state.facility)) size('half');
  try {
    if (state.facility) await facility(fit);
    else if (state.area) await area(fit);
    else if (state.p) await showSelection(fit);
    else welcome();
  } catch (error) {
    if (error.name !== 'AbortError') throw error;
  }
}

async function showSelection(fit) {
  const [lon, lat] = state.p;
  showPoint(lon, lat).addTo(selectionLayer);
  if (fit) map.setView([lat, lon], Math.max(map.getZoom(), 17));
  else keepInView(lon, lat);
  const answer = await showPlace({ lon, lat, address: state.address }, actions);
  if (!answer) return;
  const report = $('report-here').content.firstElementChild.cloneNode(true);
  report.setAttribute('href', `${report.getAttribute('href')}?p=${lon.toFixed(6)},${lat.toFixed(6)}`);
  (document.querySelector('#answer .first') ?? document.querySelector('#answer .head'))?.after(report);
  await Promise.all([
    drawArea(answer.areas.findLast((area) => area.level === 'grid').code, false),
    answer.building ? drawBuilding(answer.building.code) : null,
  ]).catch(() => {});
}

async function area(fit) {
  const answer = await showArea(state.area, actions);
  if (answer) await drawArea(state.area, fit).catch(() => {});
}

async function facility(fit) {
  const answer = await showFacility(state.facility, state.minutes, actions);
  if (!answer) return;
  drawCircle(answer.circles, state.minutes);
  showPoint(answer.facility.lon, answer.facility.lat).addTo(selectionLayer);
  if (fit) {
    const shape = answer.circles.get(state.minutes);
    if (shape && shape.geometry.coordinates.length) map.fitBounds(L.geoJSON(shape.geometry).getBounds(), room(30));
    else map.setView([answer.facility.lat, answer.facility.lon], 17);
  }
}

const actions = {
  place: (lon, lat, address = null, fit = true) => select({ p: [lon, lat], address }, { fit }),
  area: (code) => select({ area: code }, { fit: true }),
  facility: (code) => select({ facility: code }, { fit: true }),
  minutes(limit) {
    state.minutes = limit;
    select({ facility: state.facility }, { push: false, fit: true });
    if (state.category) showEmphasis(state, actions);
  },
  // a category alone, or null; what was selected is left
  emphasise(category, minutes = state.minutes) {
    Object.assign(state, { category, minutes, p: null, address: null, area: null, facility: null });
    write(true);
    selectionLayer.clearLayers();
    welcome();
    showEmphasis(category && state, actions);
    if (category) actions.openLayers();
  },
  openLayers() {
    selectTab($('tab-layers'));
    $('panel-body').scrollTop = 0;
  },
  close: () => select({}),
  again: () => show(),
};

// On a phone the sheet covers the lower half: what is selected moves into the upper.
function keepInView(lon, lat) {
  if (!phone.matches) return;
  const at = map.latLngToContainerPoint([lat, lon]),
    middle = map.getSize().y * 0.3;
  if (at.y > map.getSize().y * 0.55) map.panBy([0, at.y - middle]);
}

function ask(latlng) {
  const hit = window.wangge.facilityAt(latlng);
  if (hit) select({ facility: hit.code });
  else select({ p: [latlng.lng, latlng.lat] });
}
map.on('click', ({ latlng }) => ask(latlng));
addEventListener('popstate', () => {
  read();
  show();
  showEmphasis(state.category && state, actions);
});
addEventListener('keydown', (event) => {
  if (!isEscape(event) || document.activeElement.id === 'q') return;
  if (state.p || state.area || state.facility) actions.close();
  else if (state.category) actions.emphasise(null);
});

// ---- hover: soft
const ground = map.getContainer();
const tip = L.tooltip({ className: 'name', direction: 'top', offset: [0, -12] });
let waiting = 0;
map.on('mousemove', ({ latlng }) => {
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(() => {
    const hit = window.wangge.facilityAt(latlng);
    ground.parentElement.classList.toggle('over-facility', Boolean(hit));
    if (hit) tip.setLatLng(latlng).setContent(document.createTextNode('')).setContent(label(hit)).addTo(map);
    else tip.remove();
  });
});
function label(hit) {
  const element = document.createElement('span');
  element.textContent = hit.name || t('Category');
  return element;
}

map.on('moveend zoomend', () => write(false));

// ---- layers and legend
const boxes = [...document.querySelectorAll('input[name="layer"]')];
function chooseLayers() {
  const visibleLayers = boxes.filter((checkbox) => checkbox.checked).map((checkbox) => checkbox.value);
  window.wangge.show(visibleLayers);
  const parameters = new URLSearchParams(location.search);
  parameters.set('layers', visibleLayers.join(','));
  history.replaceState(null, '', `?${parameters}`.replaceAll('%2C', ','));
  write(false);
  showToday();
}
boxes.forEach((checkbox) => checkbox.addEventListener('change', chooseLayers));

// A day and, if wanted, its time; what else stands in the address stays.
document.querySelector('.then-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const parameters = new URLSearchParams(location.search);
  for (const name of ['at', 'compare']) {
    const day = event.target.elements[name].value,
      time = event.target.elements[`${name}_time`].value;
    if (day) parameters.set(name, time && time !== '00:00' ? `${day}T${time}` : day);
    else parameters.delete(name);
  }
  location.search = parameters.toString().replaceAll('%2C', ',');
});

// Who does not show today's incidents does not load them, nor their script.
const todayBox = boxes.find((checkbox) => checkbox.value === 'today');
async function showToday(open = false) {
  if (!todayBox || (!todayBox.checked && $('tab-today').hidden)) return;
  $('tab-today').hidden = !todayBox.checked;
  const today = await import('./today.js');
  today.show(todayBox.checked, { open: () => selectTab($('tab-today')), room });
  if (open) selectTab($('tab-today'));
}

// ---- tabs, and on a phone the sheet's three heights
const tabs = [...document.querySelectorAll('[role="tab"]')];
export function selectTab(chosen) {
  tabs.forEach((tab) => {
    const selected = tab === chosen;
    tab.setAttribute('aria-selected', String(selected));
    tab.tabIndex = selected ? 0 : -1;
    $(tab.getAttribute('aria-controls')).hidden = !selected;
  });
  if (phone.matches && $('panel').dataset.size === 'peek') size('half');
}
tabs.forEach((tab) => {
  tab.onclick = () => selectTab(tab);
  tab.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const offered = tabs.filter((other) => !other.hidden);
    const next = offered.at((offered.indexOf(tab) + step) % offered.length);
    selectTab(next);
    next.focus();
  };
});
busy.onshow = () => selectTab(tabs[0]);

const SIZES = ['peek', 'half', 'full'];
function size(next) {
  $('panel').dataset.size = next;
  $('grip').setAttribute('aria-expanded', next !== 'peek');
  $('grip').setAttribute('aria-label', next === 'full' ? t('Shrink the panel') : t('Open the panel'));
}
let from = null;
$('grip').onclick = () => size(SIZES[(SIZES.indexOf($('panel').dataset.size) + 1) % 3]);
$('grip').addEventListener(
  'touchstart',
  (event) => {
    from = event.touches[0].clientY;
  },
  { passive: true },
);
$('grip').addEventListener('touchend', (event) => {
  const moved = event.changedTouches[0].clientY - from,
    at = SIZES.indexOf($('panel').dataset.size);
  if (Math.abs(moved) < 24) return;
  event.preventDefault();
  size(SIZES[Math.min(2, Math.max(0, at + (moved < 0 ? 1 : -1)))]);
});

// who signs in while looking at something comes back to it; everybody else goes to their own page
const signIn = document.querySelector('a.me-in');
signIn?.addEventListener('click', () => {
  if (state.p || state.area || state.facility || todayBox?.checked)
    signIn.href = `${signIn.pathname}?${query({ next: location.pathname + location.search })}`;
});

searchBox(actions);
offerCategories(actions);
buttons();
keyboard(ask);
whereAmI(ask);
watchTiles();
$('to-categories')?.addEventListener('click', actions.openLayers);
size('peek');
const isStated = read();
show(!isStated); // an address without a view is one of a thing: the map goes there
if (state.category) showEmphasis(state, actions);
if (state.category && !state.p && !state.area && !state.facility) actions.openLayers();
if (todayBox?.checked) showToday(!state.p && !state.area && !state.facility && !state.category);
