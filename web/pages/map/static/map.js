// The page: what is selected, shown and where the map stands; all of it is in the address.
import { $, page, phone } from '../../shared/dom.js';
import { t } from '../../shared/i18n.js';
import { ask, query } from '../../shared/request.js';
import { busy, showArea, showFacility, showPlace, welcome } from './panel.js';
import { searchBox } from '../../shared/search.js';

const { map, layer } = window.wangge;
const state = { p: null, address: null, area: null, facility: null, minutes: 15 };

// ---- the address
function read() {
  const given = new URLSearchParams(location.search);
  const point = (given.get('p') || '').split(',').map(Number);
  state.p = point.length === 2 && point.every(Number.isFinite) ? point : null;
  for (const key of ['address', 'area', 'facility']) state[key] = given.get(key);
  state.minutes = [5, 10, 15].includes(Number(given.get('minutes'))) ? Number(given.get('minutes')) : 15;
  const view = (given.get('c') || '').split(',').map(Number);
  if (view.length === 3 && view.every(Number.isFinite)) map.setView([view[1], view[0]], view[2], { animate: false });
  else if (page.bbox) whole(false);
}

function write(push) {
  const c = map.getCenter(),
    given = new URLSearchParams(location.search);
  const kept = {
    lang: given.get('lang'),
    at: given.get('at'),
    compare: given.get('compare'),
    layers: given.get('layers'),
    off: given.get('off'),
  };
  const next = query({
    ...kept,
    c: `${c.lng.toFixed(6)},${c.lat.toFixed(6)},${map.getZoom()}`,
    p: state.p && state.p.map((n) => n.toFixed(6)).join(','),
    address: state.address,
    area: state.area,
    facility: state.facility,
    minutes: state.facility && state.minutes !== 15 ? state.minutes : null,
  }).replaceAll('%2C', ',');
  history[push ? 'pushState' : 'replaceState'](null, '', `${location.pathname}?${next}`);
  const other = $('other-language'),
    there = new URLSearchParams(location.search);
  there.set('lang', other.lang === 'en' ? 'en' : 'zh');
  other.href = `?${there}`.replaceAll('%2C', ',');
  const b = map.getBounds();
  const box = [b.getWest(), b.getSouth(), b.getEast(), b.getNorth()].map((n) => n.toFixed(6)).join(',');
  $('save').href =
    `${$('save').pathname}?${query({ bbox: box, zoom: map.getZoom(), layers: kept.layers, off: kept.off, at: kept.at, facility: state.facility })}`;
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
const drawn = L.layerGroup().addTo(map);
const colours = page.colours;

function whole(animate = true) {
  const [west, south, east, north] = page.bbox;
  map.fitBounds(
    [
      [south, west],
      [north, east],
    ],
    { padding: [24, 24], animate },
  );
}

const outline = (geometry, options) =>
  L.geoJSON(geometry, {
    interactive: false,
    style: { color: colours.chosen, weight: 3, fillColor: colours.chosen, fillOpacity: 0.06, ...options },
  });
const spot = (lon, lat) =>
  L.marker([lat, lon], {
    interactive: false,
    keyboard: false,
    icon: L.divIcon({ className: 'spot', iconSize: [18, 18] }),
  });

async function drawArea(code, fit) {
  const body = await ask(`/areas/${encodeURIComponent(code)}?${query({ geometry: true, at: page.at })}`, 'shape');
  if (!body.geometry) return;
  const shape = outline(body.geometry).addTo(drawn);
  if (fit) map.fitBounds(shape.getBounds(), { ...room(40), maxZoom: 18 });
}

async function drawBuilding(code) {
  const found = await ask(`/layers/buildings?${query({ code })}`, 'building');
  found.features.forEach((one) => outline(one.geometry, { weight: 2, fillOpacity: 0.22 }).addTo(drawn));
}

function drawCircle(all, minutes) {
  [15, 10, 5].forEach((limit) => {
    const one = all.get(limit);
    if (!one || !one.geometry.coordinates.length) return;
    const chosen = limit === minutes;
    L.geoJSON(one.geometry, {
      interactive: false,
      style: {
        color: colours.steps[limit],
        weight: chosen ? 3 : 1.2,
        dashArray: chosen ? null : '4 4',
        fillColor: colours.circle,
        fillOpacity: chosen ? 0.14 : 0,
      },
    }).addTo(drawn);
  });
}

// ---- selecting
export function select(next, { push = true, fit = false } = {}) {
  Object.assign(state, { p: null, address: null, area: null, facility: null }, next);
  write(push);
  return show(fit);
}

async function show(fit = false) {
  drawn.clearLayers();
  if (phone.matches && (state.p || state.area || state.facility)) size('half');
  try {
    if (state.facility) await facility(fit);
    else if (state.area) await area(fit);
    else if (state.p) await place(fit);
    else welcome();
  } catch (error) {
    if (error.name !== 'AbortError') throw error;
  }
}

async function place(fit) {
  const [lon, lat] = state.p;
  spot(lon, lat).addTo(drawn);
  if (fit) map.setView([lat, lon], Math.max(map.getZoom(), 17));
  else keepInView(lon, lat);
  const answer = await showPlace({ lon, lat, address: state.address }, actions);
  if (!answer) return;
  const report = $('report-here').content.firstElementChild.cloneNode(true);
  report.setAttribute('href', `${report.getAttribute('href')}?p=${lon.toFixed(6)},${lat.toFixed(6)}`);
  (document.querySelector('#answer .first') ?? document.querySelector('#answer .head'))?.after(report);
  await Promise.all([
    drawArea(answer.areas.findLast((one) => one.level === 'grid').code, false),
    answer.building ? drawBuilding(answer.building.code) : null,
  ]).catch(() => {});
}

async function area(fit) {
  const found = await showArea(state.area, actions);
  if (found) await drawArea(state.area, fit).catch(() => {});
}

async function facility(fit) {
  const found = await showFacility(state.facility, state.minutes, actions);
  if (!found) return;
  drawCircle(found.circles, state.minutes);
  spot(found.facility.lon, found.facility.lat).addTo(drawn);
  if (fit) {
    const shape = found.circles.get(state.minutes);
    if (shape && shape.geometry.coordinates.length) map.fitBounds(L.geoJSON(shape.geometry).getBounds(), room(30));
    else map.setView([found.facility.lat, found.facility.lon], 17);
  }
}

const actions = {
  place: (lon, lat, address = null, fit = true) => select({ p: [lon, lat], address }, { fit }),
  area: (code) => select({ area: code }, { fit: true }),
  facility: (code) => select({ facility: code }, { fit: true }),
  minutes(limit) {
    state.minutes = limit;
    select({ facility: state.facility }, { push: false, fit: true });
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

map.on('click', ({ latlng }) => {
  const hit = window.wangge.facilityAt(latlng);
  if (hit) select({ facility: hit.code });
  else select({ p: [latlng.lng, latlng.lat] });
});
addEventListener('popstate', () => {
  read();
  show();
});
addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && document.activeElement.id !== 'q' && (state.p || state.area || state.facility))
    actions.close();
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
  const made = document.createElement('span');
  made.textContent = hit.name || t('Category');
  return made;
}

// ---- progress and failures of the tiles
const drawing = (on) => {
  $('drawing').hidden = !on;
  document.body.dataset.map = on ? 'drawing' : 'drawn';
};
layer.on('loading', () => drawing(true));
layer.on('load', () => drawing(false));
drawing(layer.isLoading());
addEventListener('offline', () => said(t('The server cannot be reached. Check the connection and try again.')));
addEventListener('online', () => {
  said('');
  layer.redraw();
});
function said(words) {
  $('map-said').textContent = words;
  $('map-said').hidden = !words;
}

// ---- the map's own buttons, scale, print
$('zoom-in').onclick = () => map.zoomIn();
$('zoom-out').onclick = () => map.zoomOut();
$('whole').onclick = () => page.bbox && whole();
$('print').onclick = () => print();
map.on('moveend zoomend', () => {
  write(false);
  scale();
});
map.on('zoomend', limits);
function limits() {
  $('zoom-in').disabled = map.getZoom() >= map.getMaxZoom();
  $('zoom-out').disabled = map.getZoom() <= map.getMinZoom();
}
function scale() {
  const y = map.getSize().y / 2;
  const metres = map.containerPointToLatLng([0, y]).distanceTo(map.containerPointToLatLng([100, y]));
  const power = 10 ** Math.floor(Math.log10(metres));
  const nice = [5, 2, 1].map((n) => n * power).find((n) => n <= metres);
  $('scale').style.width = `${Math.round((nice / metres) * 100)}px`;
  $('scale').textContent = nice >= 1000 ? `${nice / 1000} km` : `${nice} m`;
}

// ---- layers and legend
const boxes = [...document.querySelectorAll('input[name="layer"]')],
  kinds = [...document.querySelectorAll('input[name="category"]')];
function chooseLayers() {
  const shown = boxes.filter((box) => box.checked).map((box) => box.value);
  const off = kinds.filter((box) => !box.checked).map((box) => box.value);
  window.wangge.show(shown);
  window.wangge.hide(off);
  const given = new URLSearchParams(location.search);
  given.set('layers', shown.join(','));
  off.length ? given.set('off', off.join(',')) : given.delete('off');
  history.replaceState(null, '', `?${given}`.replaceAll('%2C', ','));
  write(false);
}
[...boxes, ...kinds].forEach((box) => box.addEventListener('change', chooseLayers));
const every = (checked) => () => {
  kinds.forEach((box) => {
    box.checked = checked;
  });
  chooseLayers();
};
$('all-categories').onclick = every(true);
$('no-categories').onclick = every(false);

// ---- tabs, and on a phone the sheet's three heights
const tabs = [$('tab-who'), $('tab-layers')];
export function tab(chosen) {
  tabs.forEach((one) => {
    const on = one === chosen;
    one.setAttribute('aria-selected', on);
    one.tabIndex = on ? 0 : -1;
    $(one.getAttribute('aria-controls')).hidden = !on;
  });
  if (phone.matches && $('panel').dataset.size === 'peek') size('half');
}
tabs.forEach((one, i) => {
  one.onclick = () => tab(one);
  one.onkeydown = (event) => {
    if (event.key !== 'ArrowRight' && event.key !== 'ArrowLeft') return;
    tab(tabs[1 - i]);
    tabs[1 - i].focus();
  };
});
busy.onshow = () => tab(tabs[0]);

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

searchBox(actions);
size('peek');
read();
limits();
scale();
show();
