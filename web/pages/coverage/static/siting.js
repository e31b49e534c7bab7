// Where to build: a pin that says at once who would newly be served, the best places, and who loses if one closes.
import { $, h, phone } from '../../shared/dom.js';
import { number, t } from '../../shared/i18n.js';
import { RequestError } from '../../shared/request.js';
import { state, wholeReport, writeAddress } from './address.js';
import { askClosures, askPin, askSites } from './answers.js';
import { curve } from './charts.js';
import { percent } from './overview.js';
import { drawServed } from './outlines.js';
import { drawSites, fitSites, flyTo, map, putPin, removePin } from './drawing.js';

const PIN_EVERY = 120; // milliseconds between questions while it is dragged

const wrong = (error) => h('p', { className: 'cov-wrong', role: 'alert' }, error.message);

async function guarded(room, work) {
  room.setAttribute('aria-busy', 'true');
  try {
    await work();
  } catch (error) {
    if (error.name === 'AbortError') return;
    if (!(error instanceof RequestError)) throw error;
    room.replaceChildren(wrong(error));
  } finally {
    room.removeAttribute('aria-busy');
  }
}

// ---- the planned places: the sites and the pin, as [lon, lat]
let sites = [];
let placesChanged = () => {};
export const onPlaces = (listener) => (placesChanged = listener);
export const plannedPlaces = () => [...sites.map(({ lon, lat }) => [lon, lat]), ...(state.pin ? [state.pin] : [])];

function setSites(list) {
  sites = list;
  placesChanged();
}

// ---- the pin
let asking = false,
  waiting = null,
  lastAsked = 0;

export function startPin() {
  const c = map.getCenter();
  setPin([c.lng, c.lat]);
  if (phone.matches) map.getContainer().scrollIntoView({ block: 'start' });
}

function setPin(place) {
  writeAddress({ pin: place });
  putPin(place, (moved, dropped) => {
    if (dropped) {
      writeAddress({ pin: moved });
      placesChanged();
    }
    ask(moved, dropped);
  });
  placesChanged();
  $('pin-drop').hidden = false;
  $('pin-put').textContent = t('Put the pin in the middle of the map');
  ask(place, true);
}

// One question at a time; the newest place waits for its turn.
async function ask(place, dropped) {
  waiting = place;
  if (asking || (!dropped && performance.now() - lastAsked < PIN_EVERY)) return;
  asking = true;
  const answer = $('pin-answer');
  answer.hidden = false;
  while (waiting) {
    const at = waiting;
    waiting = null;
    lastAsked = performance.now();
    try {
      showPin(await askPin(at));
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      drawServed([]);
      answer.replaceChildren(wrong(error));
    }
  }
  asking = false;
}

function showPin(result) {
  if (!state.pin) return;
  $('pin-answer').replaceChildren(
    h('b', {}, `+${number(result.newly_served.people)}`),
    h(
      'span',
      {},
      t('people newly served'),
      h('small', {}, t('%(households)s households', { households: number(result.newly_served.households) })),
    ),
  );
  drawServed(result.buildings ?? []);
}

export function takePinAway() {
  writeAddress({ pin: null });
  removePin();
  drawServed([]);
  placesChanged();
  $('pin-answer').hidden = true;
  $('pin-drop').hidden = true;
  $('pin-put').textContent = t('Drop a pin on the map');
}

// ---- the best places
export function findSites(fit = true) {
  const room = $('siting-answer');
  room.replaceChildren(h('p', { className: 'cov-wait' }, t('Searching for the best places…')));
  drawSites([]);
  return guarded(room, async () => {
    const result = await askSites();
    room.replaceChildren(...sitesFound(result));
    drawSites(result.sites, (i) => lit(i));
    setSites(result.sites);
    if (fit) fitSites(result.sites);
  });
}

function sureness(result) {
  if (result.status === 'optimal')
    return t('Proven to be the best choice, in %(n)s s', { n: number(result.seconds.toFixed(1)) });
  if (result.status === 'greedy') return t('Too many places for a proof: chosen one after the other');
  return t('The time ran out: at most %(n)s off the best', { n: percent(result.gap) });
}

function sitesFound(result) {
  if (!result.sites.length)
    return [
      h(
        'div',
        { className: 'cov-none' },
        h('h2', {}, t('No place would newly serve anybody')),
        h('p', {}, t('Everybody who can be reached is served already.')),
      ),
    ];
  const total = result.sites.reduce((sum, site) => sum + site.people, 0);
  return [
    h(
      'p',
      { className: 'cov-found' },
      h('b', {}, `+${number(total)}`),
      h('span', {}, t('people newly served'), h('small', {}, sureness(result))),
    ),
    h(
      'ol',
      { className: 'cov-sites' },
      result.sites.map((site, i) =>
        h(
          'li',
          { 'data-site': i },
          h(
            'button',
            { type: 'button', onclick: () => (lit(i), flyTo(site.lon, site.lat)) },
            h('i', { className: 'cov-number' }, String(i + 1)),
            h('span', {}, site.name || site.near || `${site.lat.toFixed(5)}, ${site.lon.toFixed(5)}`),
            h('b', {}, `+${number(site.people)}`),
            h('small', {}, t('%(n)s households', { n: number(site.households) })),
          ),
        ),
      ),
    ),
    ...(result.curve?.length
      ? [
          curve(
            result.curve.map((point) => point.newly_served),
            result.sites.length,
          ),
        ]
      : []),
    wholeReport(t('Report with these places')),
  ];
}

function lit(number_) {
  document.querySelectorAll('.cov-sites li').forEach((line, i) => {
    line.classList.toggle('on', i === number_);
    if (i === number_) line.scrollIntoView({ block: 'nearest' });
  });
}

// ---- closures
export function findClosures() {
  const room = $('closures');
  room.replaceChildren(h('p', { className: 'cov-wait' }, t('Working it out…')));
  return guarded(room, async () => {
    const result = await askClosures();
    const rows = result.items;
    if (!rows.length) {
      room.replaceChildren(h('p', { className: 'quiet' }, t('There is none of this kind here.')));
      return;
    }
    room.replaceChildren(
      h(
        'table',
        { className: 'cov-table' },
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            h('th', { scope: 'col' }, t('If this one closes')),
            h('th', { scope: 'col' }, t('Households')),
            h('th', { scope: 'col' }, t('People who lose it')),
          ),
        ),
        h(
          'tbody',
          {},
          rows.map((row) =>
            h(
              'tr',
              {},
              h(
                'th',
                { scope: 'row' },
                h(
                  'button',
                  { type: 'button', className: 'link', onclick: () => flyTo(row.lon, row.lat) },
                  row.name || row.code,
                ),
              ),
              h('td', {}, number(row.households)),
              h('td', {}, number(row.people)),
            ),
          ),
        ),
      ),
    );
  });
}

// What the address holds, also that of a step back; and what becomes wrong when the question changes.
export function restoreSiting() {
  clearSites();
  if (state.pin) setPin(state.pin);
  else takePinAway();
  if (state.found) findSites(false);
}

export function forgetSites() {
  writeAddress({ found: '' });
  clearSites();
  if (state.pin) setPin(state.pin);
}

function clearSites() {
  drawSites([]);
  sites = [];
  $('siting-answer').replaceChildren();
  $('closures').replaceChildren();
}
