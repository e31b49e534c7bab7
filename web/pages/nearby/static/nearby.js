// What a place reaches on foot: by category, with rings on the map, and the walk to what is chosen.
import { $, colour, h, page, phone, pin } from '../../shared/dom.js';
import { distanceText } from '../../shared/distance.js';
import { number, t, zh } from '../../shared/i18n.js';
import { fieldValue } from '../../shared/moment.js';
import { query, request } from '../../shared/request.js';
import { searchBox } from '../../shared/search.js';

const { map, config } = window.wangge;
const WIDEST = Math.max(...page.rings);
const FEW = 3; // facilities of a category that are listed before "all"
const who = $('who'),
  when = $('when'),
  time = $('at');
const state = { point: null, answer: null, minutes: WIDEST, openOnly: false, to: null, at: '', expanded: new Set() };
const ringLayer = L.layerGroup().addTo(map),
  dotLayer = L.layerGroup().addTo(map),
  walkLayer = L.layerGroup().addTo(map), // above the dots
  startLayer = L.layerGroup().addTo(map);
map.createPane('walk').style.zIndex = '450';
let askNumber = 0;

// ---- the address of the page keeps the place and the chosen facility
function writeAddress() {
  const values = new URLSearchParams(location.search);
  if (state.point) values.set('p', `${state.point.lon},${state.point.lat}`);
  values.set('profile', who.value);
  if (state.at) values.set('at', state.at);
  else values.delete('at');
  if (state.to) values.set('to', state.to);
  else values.delete('to');
  const written = `?${values}`.replaceAll('%3A', ':');
  history.replaceState(null, '', written);
  values.set('lang', zh ? 'en' : 'zh');
  $('other-language').href = `?${values}`;
}

// ---- asking
// `label` names the place where the map has no name for it: the address that was sought.
async function start(lon, lat, { status = '', label = '' } = {}) {
  const asked = ++askNumber;
  state.point = { lon: Number(lon.toFixed(7)), lat: Number(lat.toFixed(7)) };
  Object.assign(state, { answer: null, to: null, label, expanded: new Set() });
  $('status').textContent = status;
  [ringLayer, dotLayer, walkLayer, startLayer].forEach((layer) => layer.clearLayers());
  $('legend').hidden = true;
  mark(lat, lon);
  writeAddress();
  settle();
  $('h-result').textContent = t('Working out the walks…');
  $('result').replaceChildren(skeleton());
  $('result').setAttribute('aria-busy', 'true');
  const place = { ...state.point, crs: 'cgcs2000', profile: who.value };
  try {
    const rings = request(`/nearby/reach?${query({ ...place, at: state.at })}`, 'reach').catch(() => null);
    const answer = await request(`/nearby?${query({ ...place, at: state.at })}`, 'nearby');
    if (asked !== askNumber) return;
    state.answer = answer;
    startLayer.clearLayers();
    mark(answer.start.lat, answer.start.lon);
    draw();
    const reach = await rings;
    if (asked === askNumber && reach) drawRings(reach.features);
  } catch (error) {
    if (error.name === 'AbortError' || asked !== askNumber) return;
    $('h-result').textContent = t('This did not work');
    const empty = error.problem?.code === 'network.not_loaded'; // nothing that who lives here can do
    $('result').replaceChildren(
      h(
        'p',
        { className: 'acc-wrong', role: 'alert' },
        empty ? t('No paths are loaded yet, so no walk can be worked out.') : error.message,
      ),
      empty
        ? ''
        : h(
            'button',
            { type: 'button', className: 'button', onclick: () => start(lon, lat, { label }) },
            t('Try again'),
          ),
    );
  } finally {
    if (asked === askNumber) {
      $('result').removeAttribute('aria-busy');
      document.body.dataset.ready = '';
    }
  }
}

// The map makes room for the list, once there is one.
function settle() {
  if (!$('nearby').classList.contains('fresh')) return;
  $('nearby').classList.remove('fresh');
  map.invalidateSize({ pan: false });
}

const skeleton = () =>
  h('div', { className: 'nby-skeleton', 'aria-hidden': 'true' }, h('i'), h('i'), h('i'), h('i'), h('i'));

const mark = (lat, lon) =>
  L.marker([lat, lon], {
    interactive: false,
    keyboard: false,
    zIndexOffset: 1000,
    icon: L.divIcon({
      className: 'nby-home',
      iconSize: [30, 30],
      html: h(
        'svg',
        { viewBox: '0 0 24 24', 'aria-hidden': 'true' },
        h('path', { d: 'M4 11.5 12 5l8 6.5M6.5 10v9h11v-9' }),
      ),
    }),
  }).addTo(startLayer);

// ---- the list
const isVisible = (item) => item.minutes <= state.minutes && (!state.openOnly || item.open === true);
const isReached = () => state.answer && !state.answer.off_network && !state.answer.island;

function draw() {
  const { start: from, categories } = state.answer;
  $('h-result').textContent = from.name || state.label || t('The place on the map');
  if (!isReached()) {
    $('legend').hidden = true;
    $('result').replaceChildren(
      h(
        'div',
        { className: 'nby-none' },
        h('p', {}, h('b', {}, t('No walk begins here'))),
        h(
          'p',
          {},
          state.answer.island
            ? t('The only ways within 100 m lead nowhere, such as a platform that nothing joins.')
            : t('There is no street within 100 m of this place.'),
        ),
        h('p', {}, t('Tap a place nearer to a street, or type an address.')),
        page.bbox && h('button', { type: 'button', className: 'link', onclick: showMapped }, t('Show what is mapped')),
      ),
    );
    return;
  }
  const all = categories.flatMap((category) => category.items);
  const reached = categories.filter((category) => category.items.some(isVisible));
  const missing = categories.filter((category) => !category.items.some(isVisible));
  $('result').replaceChildren(
    rings(all),
    openSwitch(all),
    reached.length
      ? h('div', { className: 'nby-groups' }, reached.map(group))
      : h('p', { className: 'nby-none' }, nothingText(all)),
    reached.length && missing.length
      ? h(
          'div',
          { className: 'nby-missing' },
          h(
            'h3',
            {},
            state.openOnly
              ? state.at
                ? t('Not open then within %(n)s minutes', { n: state.minutes })
                : t('Not open now within %(n)s minutes', { n: state.minutes })
              : t('Not within %(n)s minutes', { n: state.minutes }),
          ),
          h(
            'ul',
            {},
            missing.map((category) => h('li', {}, name(category))),
          ),
        )
      : '',
    h(
      'p',
      { className: 'nby-note' },
      t(
        'Times are for walking at %(speed)s km/h on the paths that are mapped, from door to door. Call before you go.',
        {
          speed: number(page.speeds[state.answer.profile]),
        },
      ),
      ' ',
      state.answer.flat ? t('Slopes are not counted: no elevations are loaded') : t('Slopes are counted'),
    ),
  );
  drawDots();
}

function showMapped() {
  const [west, south, east, north] = page.bbox;
  map.fitBounds([
    [south, west],
    [north, east],
  ]);
}

const places = (n) => (n === 1 ? t('1 place') : t('%(n)s places', { n: number(n) }));
const name = (category) => (zh ? category.category_zh : sentence(category.category_en));
const sentence = (text) => text[0].toUpperCase() + text.slice(1);

function nothingText(all) {
  if (state.openOnly && all.some((item) => item.minutes <= state.minutes))
    return state.at
      ? t('Nothing within %(n)s minutes is known to be open then.', { n: state.minutes })
      : t('Nothing within %(n)s minutes is known to be open now.', { n: state.minutes });
  return t('No facility is known within %(n)s minutes on foot.', { n: state.minutes });
}

function rings(all) {
  return h(
    'div',
    { className: 'nby-rings', role: 'group', 'aria-label': t('Within how many minutes') },
    page.rings.map((minutes) =>
      h(
        'button',
        {
          type: 'button',
          className: `nby-ring ring-${minutes}`,
          'data-minutes': minutes,
          'aria-pressed': String(minutes === state.minutes),
          onclick: () => {
            state.minutes = minutes;
            redraw(`.nby-ring[data-minutes="${minutes}"]`);
            styleRings();
          },
        },
        h('b', {}, t('%(n)s min', { n: minutes })),
        h('small', {}, places(all.filter((item) => item.minutes <= minutes).length)),
      ),
    ),
  );
}

function openSwitch(all) {
  const within = all.filter((item) => item.minutes <= state.minutes);
  const open = within.filter((item) => item.open === true).length;
  const unknown = within.filter((item) => item.open === null).length;
  return h(
    'div',
    { className: 'nby-open' },
    h(
      'label',
      {},
      h('input', {
        id: 'open-only',
        type: 'checkbox',
        checked: state.openOnly,
        onchange: ({ target }) => {
          state.openOnly = target.checked;
          redraw('#open-only');
        },
      }),
      h('span', {}, state.at ? t('Only what is open then') : t('Only what is open now')),
    ),
    h(
      'small',
      {},
      state.at
        ? t('%(open)s open then, %(unknown)s without known hours', { open, unknown })
        : t('%(open)s open now, %(unknown)s without known hours', { open, unknown }),
    ),
  );
}

function redraw(focus) {
  draw();
  markChosen();
  /** @type {HTMLElement | null} */ (document.querySelector(focus))?.focus();
}

function group(category) {
  const items = category.items.filter(isVisible);
  const expanded = state.expanded.has(category.category);
  const shown = items.filter((item, i) => expanded || i < FEW || item.code === state.to);
  return h(
    'section',
    { className: 'nby-group', 'aria-labelledby': `c-${category.category}` },
    h(
      'h3',
      { id: `c-${category.category}` },
      pin(category.category),
      h('span', {}, name(category)),
      h('small', {}, places(items.length)),
    ),
    h(
      'ul',
      {},
      shown.map((item) => row(item, category)),
    ),
    items.length > FEW
      ? h(
          'button',
          {
            type: 'button',
            className: 'link nby-all',
            'data-category': category.category,
            'aria-expanded': String(expanded),
            onclick: () => {
              if (expanded) state.expanded.delete(category.category);
              else state.expanded.add(category.category);
              redraw(`.nby-all[data-category="${category.category}"]`);
            },
          },
          expanded ? t('Show fewer') : t('All %(n)s', { n: number(items.length) }),
        )
      : '',
  );
}

const OPEN_TEXTS = { true: t('Open now'), false: t('Closed now'), null: t('Hours not known') };
const THEN_TEXTS = { ...OPEN_TEXTS, true: t('Open then'), false: t('Closed then') };

function row(item, category) {
  const label = item.name || name(category);
  return h(
    'li',
    { className: 'nby-item', 'data-code': item.code },
    h(
      'button',
      { type: 'button', className: 'nby-walk', 'aria-pressed': 'false', onclick: () => choose(item.code) },
      h(
        'span',
        { className: 'nby-time' },
        h('b', {}, number(Math.max(1, Math.ceil(item.minutes)))),
        h('small', {}, t('minutes')),
      ),
      h(
        'span',
        { className: 'nby-what' },
        h('b', {}, label),
        h(
          'small',
          {},
          h('span', { className: `nby-state ${item.open}` }, (state.at ? THEN_TEXTS : OPEN_TEXTS)[item.open]),
          h('span', {}, distanceText(item.walk_m)),
          item.address && h('span', {}, item.address),
        ),
        item.opening_hours &&
          h('small', { className: 'nby-hours' }, t('Hours: %(hours)s', { hours: item.opening_hours })),
      ),
    ),
    item.telephone
      ? h(
          'a',
          {
            className: 'nby-call',
            href: `tel:${item.telephone.split(/[;,；，、/]/)[0].replace(/[^\d+*#]/g, '')}`,
            'aria-label': t('Call %(name)s: %(number)s', { name: label, number: item.telephone }),
            title: item.telephone,
          },
          h(
            'svg',
            { viewBox: '0 0 20 20', 'aria-hidden': 'true' },
            h('path', {
              d: 'M6.5 3.5 8.6 7 7 8.9a9 9 0 0 0 4.1 4.1L13 11.4l3.5 2.1-.6 2.7a1.3 1.3 0 0 1-1.5 1A14.5 14.5 0 0 1 2.8 5.6a1.3 1.3 0 0 1 1-1.5z',
            }),
          ),
        )
      : '',
  );
}

// ---- the walk
async function choose(code, { focus = true } = {}) {
  walkLayer.clearLayers();
  if (state.to === code && focus) {
    state.to = null;
    $('status').textContent = '';
    markChosen();
    return writeAddress();
  }
  state.to = code;
  markChosen();
  writeAddress();
  const from = state.answer.start;
  try {
    const walk = await request(
      `/walk?${query({ from_lon: from.lon, from_lat: from.lat, crs: 'cgcs2000', to: code, profile: who.value, at: state.at })}`,
      'walk',
    );
    if (state.to !== code) return;
    const line = (options) => L.geoJSON(walk.geometry, { pane: 'walk', interactive: false, style: options });
    line({ color: colour('white'), weight: 9, opacity: 0.95 }).addTo(walkLayer);
    const drawn = line({ color: config.colours.chosen, weight: 5, opacity: 1 }).addTo(walkLayer);
    const end = walk.geometry.coordinates.at(-1);
    L.circleMarker([end[1], end[0]], {
      pane: 'walk',
      radius: 7,
      interactive: false,
      color: colour('white'),
      weight: 2.5,
      fillColor: config.colours.chosen,
      fillOpacity: 1,
    }).addTo(walkLayer);
    const edge = phone.matches ? 28 : 60;
    map.fitBounds(drawn.getBounds(), { padding: [edge, edge], maxZoom: 18 });
    $('status').textContent = t('The walk to %(name)s is on the map: %(n)s min, %(distance)s.', {
      name: walk.properties.name || code,
      n: number(Math.max(1, Math.ceil(walk.properties.minutes))),
      distance: distanceText(walk.properties.walk_m),
    });
  } catch (error) {
    if (error.name === 'AbortError' || state.to !== code) return;
    $('status').textContent = error.message;
  }
}

function markChosen() {
  document.querySelectorAll('.nby-item').forEach((item) => {
    const chosen = /** @type {HTMLElement} */ (item).dataset.code === state.to;
    item.classList.toggle('chosen', chosen);
    item.querySelector('.nby-walk').setAttribute('aria-pressed', String(chosen));
    if (chosen) item.scrollIntoView({ block: 'nearest' });
  });
}

// ---- the map
function drawRings(features) {
  ringLayer.clearLayers();
  for (const feature of features)
    L.geoJSON(feature, { interactive: false, minutes: feature.properties.minutes }).addTo(ringLayer);
  styleRings();
  $('legend').hidden = features.length === 0;
  const widest = ringLayer.getLayers()[0];
  if (widest && !state.to) map.fitBounds(widest.getBounds(), { padding: [8, 8], maxZoom: 17 });
}

function styleRings() {
  ringLayer.eachLayer((ring) => {
    const { minutes } = ring.options,
      chosen = minutes === state.minutes;
    ring.setStyle({
      color: config.colours.steps[minutes],
      weight: chosen ? 3 : 1.5,
      dashArray: chosen ? null : '5 5',
      fillColor: config.colours.circle,
      fillOpacity: 0.07,
    });
  });
}

function drawDots() {
  dotLayer.clearLayers();
  const styles = config.layers.find((layer) => layer.name === 'facilities').styles;
  for (const category of [...state.answer.categories].reverse())
    for (const item of category.items.filter(isVisible))
      L.circleMarker([item.lat, item.lon], {
        radius: phone.matches ? 4.5 : 6,
        color: colour('white'),
        weight: 1.5,
        fillColor: styles[category.category]?.fill || colour('mark'),
        fillOpacity: 1,
        bubblingMouseEvents: false,
      })
        .bindTooltip(document.createTextNode(item.name || name(category)), { direction: 'top', offset: [0, -6] })
        .on('click', () => showRow(item, category))
        .addTo(dotLayer);
}

function showRow(item, category) {
  state.expanded.add(category.category);
  redraw('#none');
  const found = document.querySelector(`.nby-item[data-code="${CSS.escape(item.code)}"]`);
  found?.scrollIntoView({ block: 'center' });
  if (state.to !== item.code) choose(item.code);
}

map.on('click', ({ latlng }) => start(latlng.lng, latlng.lat));
$('zoom-in').onclick = () => map.zoomIn();
$('zoom-out').onclick = () => map.zoomOut();
$('middle').onclick = () => {
  const { lng, lat } = map.getCenter();
  start(lng, lat);
};

// ---- address and position
const toPlace = (lon, lat, _address, hit) => {
  map.setView([lat, lon], 16, { animate: false });
  start(lon, lat, { label: hit?.detail || hit?.name || '' });
};
searchBox({
  first: 'building',
  place: toPlace,
  facility: async (code) => {
    const facility = await request(`/facilities/${encodeURIComponent(code)}`, 'place').catch(() => null);
    if (facility) toPlace(facility.lon, facility.lat, null, facility);
  },
  area: async (code) => {
    const area = await request(`/areas/${encodeURIComponent(code)}`, 'place').catch(() => null);
    if (area?.point) toPlace(area.point[0], area.point[1], null, area);
  },
});

$('gps').onclick = () => {
  const lost = t('No position could be found. Type an address, or tap your building on the map.');
  if (!navigator.geolocation) {
    $('status').textContent = lost;
    return;
  }
  $('status').textContent = t('Looking for your position…');
  $('gps').setAttribute('aria-busy', 'true');
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      $('gps').removeAttribute('aria-busy');
      map.setView([coords.latitude, coords.longitude], 16, { animate: false });
      start(coords.longitude, coords.latitude, {
        status: t('Your position, accurate to about %(distance)s.', {
          distance: distanceText(Math.max(1, coords.accuracy)),
        }),
      });
    },
    (error) => {
      $('gps').removeAttribute('aria-busy');
      $('status').textContent =
        error.code === error.PERMISSION_DENIED
          ? t('The browser may not use your position. Type an address, or tap your building on the map.')
          : lost;
    },
    { enableHighAccuracy: true, timeout: 15_000, maximumAge: 10_000 },
  );
};

function askAgain() {
  if (state.point) start(state.point.lon, state.point.lat, { label: state.label });
  else writeAddress();
}
who.onchange = askAgain;

// ---- the time at which facilities are to be open: now, or one that is stated
when.onchange = () => {
  $('then').hidden = when.value !== 'then';
  if (when.value === 'then' && !time.value) return time.focus();
  state.at = when.value === 'then' ? time.value : '';
  askAgain();
};
time.onchange = () => {
  if (!time.value) return;
  state.at = time.value;
  askAgain();
};

function showTime(at) {
  state.at = at === 'now' ? '' : at;
  when.value = state.at ? 'then' : '';
  $('then').hidden = !state.at;
  time.value = state.at && fieldValue(state.at);
}

// ---- a place in the address of the page
const parameters = new URLSearchParams(location.search);
showTime(parameters.get('at') ?? '');
const [lon, lat] = (parameters.get('p') ?? '').split(',').map(Number);
const to = parameters.get('to');
if (parameters.get('p') && Number.isFinite(lon) && Number.isFinite(lat)) {
  if (Math.abs(lat) <= 90 && Math.abs(lon) <= 180) map.setView([lat, lon], map.getZoom(), { animate: false });
  start(lon, lat).then(() => {
    if (to && isReached()) choose(to, { focus: false });
  });
} else document.body.dataset.ready = '';
