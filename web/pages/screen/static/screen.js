// The big screen: seven numbers, what is most urgent, and a map that moves only when something happens.
import { clustersOf, latlng } from '../../shared/clusters.js';
import { $, h, page } from '../../shared/dom.js';
import { number, t } from '../../shared/i18n.js';
import {
  inLanguage,
  SEVERITY_LABELS,
  shape,
  subscribe,
  timeLeft,
  urgency,
  URGENCY_LABELS,
} from '../../shared/incident.js';
import { clock, compactTime, longDay } from '../../shared/moment.js';
import { query, request } from '../../shared/request.js';
import { stateLabel } from '../../shared/workflow.js';

const REFRESH_MS = 60_000; // clocks run out without an event
const SETTLE_MS = 1000; // events come in groups, in a city without a pause between them
const LOOK_MS = 15_000; // the map stays at what happened
const LOOK_ZOOM = 17;
const MAX_WAITING = 3; // more news than this is on the map, but not gone to
const MAX_HEARD = 100; // events that wait for a server that does not answer
const RELEASE_MS = 3_600_000;
const PATIENCE_MS = 10_000; // an event may be heard before its matter can be read, from a replica
const LISTED = 12; // asked for; as many are shown as there is room for
const markPx = () => Math.max(28, Math.round(innerWidth / 52)); // the size of the screen
// what the map goes to: a move, how it is called, and the severities for which it does; for what can wait it stays
const NEWS = {
  report: { label: t('New report'), severities: ['urgent'] },
  supervise: { label: t('Supervised'), severities: ['urgent', 'high', 'normal', 'low'] },
  escalate: { label: t('Overdue: one level up'), severities: ['urgent', 'high'], clocks: ['red'] },
};
const isNews = (move, { severity, colour }) =>
  NEWS[move].severities.includes(severity) && (NEWS[move].clocks?.includes(colour) ?? true);
const CLOCKS = Object.keys(URGENCY_LABELS); // the worst first

const { map } = window.wangge;
const markLayer = L.layerGroup().addTo(map),
  lookLayer = L.layerGroup().addTo(map);
const waiting = []; // what the map is to go to
let features = []; // open incidents, the most urgent first
let heard = [], // events that are not settled
  looking = 0,
  settling = 0,
  shownAt = 0;

// ---- the ground: nobody's hand is on it
for (const handler of ['dragging', 'touchZoom', 'doubleClickZoom', 'scrollWheelZoom', 'boxZoom', 'keyboard', 'tapHold'])
  map[handler]?.disable();
map.options.zoomSnap = 0; // the whole fills the screen
function whole(animate) {
  if (!page.bbox) return;
  const [west, south, east, north] = page.bbox;
  const bounds = L.latLngBounds([south, west], [north, east]);
  if (animate) map.flyToBounds(bounds, { padding: [24, 24] });
  else map.fitBounds(bounds, { padding: [24, 24], animate: false });
}

// ---- what stands there now
async function readAll() {
  try {
    const [numbers, today, listed] = await Promise.all([
      request('/incidents/situation', 'situation'),
      request('/incidents/today', 'today'),
      request(`/incidents?${query({ state: 'open', sort: 'urgent', limit: LISTED })}`, 'list'),
    ]);
    features = today.features.filter(({ properties }) => properties.exact && !properties.closed);
    showNumbers(numbers);
    showMarks();
    showList(listed.items);
    showMissing(today);
    shownAt = Date.now();
    showLoss('');
    return true;
  } catch (error) {
    showLoss(error.problem?.status === 401 ? 'signed out' : error.message);
    return false;
  }
}

// Whether it succeeded; one after the other: a reading that a later one cut short would lose the news it was for
let reading = Promise.resolve(false);
const load = () => (reading = reading.then(readAll));

function showNumbers(numbers) {
  for (const element of document.querySelectorAll('[data-number]')) {
    const value = numbers[element.dataset.number];
    element.querySelector('dd').textContent = number(value);
    element.classList.toggle('some', value > 0);
  }
  $('numbers').removeAttribute('aria-busy');
}

const colourOf = ({ properties }) => properties.colour ?? 'none';
const isUrgent = ({ properties }) => properties.severity === 'urgent';

function showMarks() {
  markLayer.clearLayers();
  const size = markPx();
  for (const group of clustersOf(map, features, 1.2 * size)) {
    const worst = CLOCKS.find((colour) => group.some((feature) => colourOf(feature) === colour));
    const className = `scr-mark${group.some(isUrgent) ? ' urgent' : ''}`;
    const html = shape(worst, group.length > 1 ? number(group.length) : '');
    const icon = L.divIcon({ className, html, iconSize: [size, size] });
    L.marker(latlng(group[0]), { icon, interactive: false, keyboard: false }).addTo(markLayer);
  }
}

const titleOf = (incident) =>
  h(
    'span',
    { className: 'scr-what' },
    h('b', {}, inLanguage(incident, 'category')),
    incident.severity === 'urgent' && h('span', { className: 'scr-urgent' }, SEVERITY_LABELS.urgent),
  );
const placeOf = ({ areas }) =>
  areas
    .filter(({ level }) => ['community', 'grid'].includes(level))
    .map(({ name }) => name)
    .join(' ');

function showList(incidents) {
  const list = $('list');
  list.replaceChildren(
    ...incidents.map((incident) =>
      h(
        'li',
        {},
        shape(urgency(incident)),
        h('p', {}, titleOf(incident), h('small', {}, placeOf(incident))),
        h(
          'p',
          { className: `scr-left ${urgency(incident)}` },
          h('b', {}, timeLeft(incident)),
          h('small', {}, stateLabel(incident.state)),
        ),
      ),
    ),
  );
  fitList();
  $('none').hidden = incidents.length > 0;
}

/** Leaves out the rows for which there is no room: a half one would be read as whole. */
function fitList() {
  const list = $('list');
  while (list.lastElementChild && list.scrollHeight > list.clientHeight + 1) list.lastElementChild.remove();
}

function showMissing({ total, truncated }) {
  $('missing').hidden = !truncated;
  $('missing').textContent = t('The most urgent %(n)s of %(total)s are marked.', {
    n: number(features.length),
    total: number(total),
  });
}

function showLoss(reason) {
  const note = $('lost');
  note.hidden = !reason;
  document.body.classList.toggle('scr-old', Boolean(reason));
  if (!reason) return;
  const signIn = `${page.sign_in}?${query({ next: location.pathname + location.search })}`;
  note.replaceChildren(
    ...(reason === 'signed out'
      ? [h('span', {}, t('The session has ended.')), h('a', { href: signIn }, t('Sign in'))]
      : [h('span', {}, reason)]),
    ...(shownAt ? [h('span', {}, t('What you see is of %(time)s.', { time: compactTime(shownAt) }))] : []),
  );
  fitList();
}

// ---- what happens
function onEvent(event) {
  heard.push({ ...event, heardAt: Date.now() }); // nothing: after a break
  settling ||= setTimeout(settle, SETTLE_MS);
}

async function settle() {
  const events = heard;
  heard = [];
  const isRead = await load();
  for (const event of events.filter(({ move }) => NEWS[move])) {
    const feature = features.find(({ id }) => id === event.id);
    if (isRead && feature) {
      if (isNews(event.move, feature.properties)) waiting.push({ feature, move: event.move });
    } else if (Date.now() - event.heardAt < PATIENCE_MS || !isRead) heard.push(event);
  }
  waiting.splice(0, waiting.length - MAX_WAITING); // the newest
  heard.splice(0, heard.length - MAX_HEARD);
  if (!looking) look();
  settling = 0;
  if (heard.length) settling = setTimeout(settle, SETTLE_MS);
}

/** Goes to what happened, stays, and goes on to the next or back to the whole. */
function look() {
  lookLayer.clearLayers();
  const next = waiting.shift();
  $('news').replaceChildren();
  if (!next) {
    if (looking) whole(true);
    looking = 0;
    return;
  }
  const { feature, move } = next;
  const { properties } = feature;
  map.flyTo(latlng(feature), LOOK_ZOOM);
  const icon = L.divIcon({ className: 'scr-ring', iconSize: [120, 120] });
  L.marker(latlng(feature), { icon, interactive: false, keyboard: false }).addTo(lookLayer);
  $('news').replaceChildren(
    h(
      'article',
      {},
      h('small', {}, NEWS[move].label),
      titleOf(properties),
      h('p', {}, properties.place),
      h('small', {}, compactTime(properties.reported_at)),
    ),
  );
  looking = setTimeout(look, LOOK_MS);
}

// ---- a screen that stays on
function tick() {
  const now = Date.now();
  $('clock').textContent = clock(now);
  $('date').textContent = longDay(now);
}

/** Takes over a new release, once the server gives it; a page of an error takes no screen away. */
async function renew() {
  try {
    const answer = await fetch(location.href, { cache: 'no-store' });
    const html = answer.ok && !answer.redirected ? await answer.text() : '';
    if (html.includes('scr-page') && !html.includes(page.release)) location.reload();
  } catch {
    /* not now */
  }
}

const stayAwake = () => {
  if (!document.hidden) navigator.wakeLock?.request('screen').catch(() => {});
};

$('full').hidden = !document.fullscreenEnabled;
$('full').onclick = () =>
  document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen();
$('legend').replaceChildren(
  ...CLOCKS.map((colour) => h('li', {}, shape(colour), URGENCY_LABELS[colour])),
  h('li', { className: 'urgent' }, h('i', { 'aria-hidden': 'true' }), SEVERITY_LABELS.urgent),
);

tick();
setInterval(tick, 1000);
whole(false);
map.on('zoomend', showMarks);
addEventListener('resize', () => {
  map.invalidateSize();
  if (!looking) whole(false);
  onEvent(null); // as many rows as there is room for
});
document.addEventListener('visibilitychange', stayAwake);
stayAwake();
subscribe(onEvent);
setInterval(load, REFRESH_MS);
setInterval(renew, RELEASE_MS);
await load();
document.body.dataset.ready = 'yes';
