// The grid worker's page: my matters by urgency, the map of my patch, and moves that wait for a connection.
import { $, colour, h, page, phone, updateList } from '../../shared/dom.js';
import { number, t } from '../../shared/i18n.js';
import { jointParts } from '../../shared/joint.js';
import { request, query, RequestError } from '../../shared/request.js';
import {
  URGENCY_LABELS,
  clockBadge,
  subscribe,
  moveButtons,
  newKey,
  photoList,
  inLanguage,
  locationText,
  send,
  shape,
  tags,
  timeline,
  urgency,
  when,
} from '../../shared/incident.js';
import { inOfferedOrder, keysOf, moveLabel, moveOf, stateLabel, stateOf } from '../../shared/workflow.js';
import { objectStore } from '../../shared/object-store.js';
import { begunMoves, draftsOf, dropDraft, dropOldDrafts } from './drafts.js';
import { keepList, keptList } from './kept-list.js';

const EMPTY_LABELS = {
  new: t('Nothing to take. New matters appear here by themselves.'),
  doing: t('Nothing in hand.'),
  done: t('Nothing done in the last 30 days.'),
};

const { map } = window.wangge;
const TABS = Object.keys(EMPTY_LABELS);
const RANK = { red: 0, amber: 1, green: 2, none: 3 };
const EVERY = 60_000,
  RETRY_MS = 20_000, // after a list that could not be read
  SLOW_MS = 2_000; // a move that waits longer is told
let items = [],
  seenAt = null, // when the list was read; null: there is none yet
  listFailure = '',
  retryTimer = null,
  sendFailure = '',
  tab = 'new',
  position = null,
  opened = null,
  waiting = [],
  sending = false,
  flushAgain = false,
  lastMove = { words: '', at: 0 };

const showStatus = (message, bad = false) => {
  $('status').textContent = message;
  $('status').classList.toggle('bad', bad);
};

// ---- moves not sent yet: in IndexedDB with their photos, so that nothing written is lost
// without IndexedDB they wait as long as the page
const withWaiting = objectStore('wangge-work', 'waiting', { keyPath: 'key' });
const store = {
  put: (entry) => withWaiting('readwrite', (objects) => objects.put(entry)),
  all: () => withWaiting('readonly', (objects) => objects.getAll()),
  drop: (key) => withWaiting('readwrite', (objects) => objects.delete(key)),
};

const TAP_MS = 1500; // a second tap on the same button within it is the same move
async function act(incident, name, body, photos) {
  const entry = {
    key: newKey(),
    who: page.me,
    id: incident.id,
    about: inLanguage(incident, 'category'),
    version: incident.version,
    name,
    body: { move: name, ...body },
    photos,
    at: Date.now(),
  };
  const words = JSON.stringify([entry.id, entry.body]);
  if (lastMove.words === words && entry.at - lastMove.at < TAP_MS) return undefined;
  lastMove = { words, at: entry.at };
  waiting.push(entry);
  await store.put(entry);
  dropDraft(incident.id, name); // what waits has it now
  closeSheet();
  showStatus('');
  draw();
  setTimeout(draw, SLOW_MS);
  return flush();
}

// A call while another sends is not lost: the connection may have come back behind a request that failed.
async function flush() {
  flushAgain = true;
  if (sending) return;
  sending = true;
  try {
    while (flushAgain) {
      flushAgain = false;
      await sendWaiting();
    }
  } finally {
    sending = false;
    draw();
  }
}

const STALE = 'incident.version_changed';
async function attempt({ id, body, photos, version, key }) {
  try {
    return { answer: await send(`/incidents/${id}/moves`, { body, photos, version, key }) };
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    return { problem: error.problem };
  }
}

// Whether a move is still possible in what the matter is by now; it is then one of that version: a note by the desk
// takes nothing from work that is done. Nothing is known where the matter could not be read.
async function isStillPossible(entry) {
  try {
    const incident = await request(`/incidents/${entry.id}`, `again ${entry.id}`);
    if (!incident.moves.includes(entry.name)) return false;
    entry.version = incident.version;
  } catch (error) {
    if (![403, 404].includes(error.problem?.status)) throw error;
    return false;
  }
  await store.put(entry);
  return true;
}

async function deliver(entry) {
  let result = await attempt(entry);
  try {
    for (let turn = 0; turn < 3 && result.problem?.code === STALE && (await isStillPossible(entry)); turn += 1)
      result = await attempt(entry);
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    return { problem: error.problem };
  }
  return result;
}

async function sendWaiting() {
  for (const entry of waiting.filter((each) => !each.refused)) {
    const { answer, problem } = await deliver(entry);
    sendFailure = '';
    if (problem && (problem.status === 0 || problem.status === 429 || problem.status >= 500)) {
      sendFailure = problem.detail;
      break;
    }
    if (problem && problem.status === 401) {
      $('status').replaceChildren(
        t('Your session has ended. Sign in again: what you wrote is kept and sent then.'),
        ' ',
        h('a', { href: `${page.sign_in}?${query({ next: location.pathname })}` }, '→'),
      );
      break;
    }
    if (answer) {
      await drop(entry);
      items = items.map((incident) => (incident.id === answer.id ? answer : incident));
      // what waits behind it was written knowing of it
      waiting
        .filter((other) => other.id === entry.id)
        .forEach((other) => {
          other.version = answer.version;
          store.put(other);
        });
      showStatus(t('Sent: %(move)s', { move: moveLabel(entry.name) }));
    } else {
      entry.refused =
        problem.status === 409
          ? t('Someone else updated this first: %(reason)s', { reason: problem.detail })
          : t('Not accepted: %(why)s', { why: problem.detail });
      // what was written or photographed stays until its author deals with it; a tap alone is told
      if (entry.body.note || entry.photos.length) await store.put(entry);
      else await drop(entry);
      showStatus(entry.refused, true);
    }
    await load(true);
  }
}

async function drop(entry) {
  waiting = waiting.filter((other) => other !== entry);
  await store.drop(entry.key);
}

async function again(entry) {
  if (!(await isStillPossible(entry).catch(() => false))) return show(entry.id); // what became of it, beside what was written
  entry.refused = '';
  await store.put(entry);
  return flush();
}

const refusedMove = (entry) =>
  h(
    'li',
    { className: 'wrk-refused', 'data-id': entry.id },
    h('b', {}, `${t('Not sent')} · ${moveLabel(entry.name)} · ${entry.about ?? ''}`),
    h('p', {}, entry.refused),
    entry.body.note && h('blockquote', {}, entry.body.note),
    entry.photos.length ? h('p', {}, t('With %(n)s photos', { n: entry.photos.length })) : null,
    h(
      'p',
      { className: 'wrk-foot' },
      h('button', { type: 'button', className: 'inc-go', onclick: () => again(entry) }, t('Try again')),
      h('button', { type: 'button', className: 'link', onclick: () => drop(entry).then(draw) }, t('Drop it')),
    ),
  );

// ---- the list
async function load(quiet = false) {
  clearTimeout(retryTimer);
  try {
    const since = new Date(Date.now() - 30 * 86_400_000).toISOString();
    const [open, done] = await Promise.all([
      request(`/incidents?${query({ mine: true, state: 'open', sort: 'urgent', limit: 200 })}`, 'open'),
      request(
        `/incidents?${query({ mine: true, state: keysOf((state) => state.ended).join(), since, limit: 50 })}`,
        'done',
      ),
    ]);
    showList([...open.items, ...done.items], new Date().toISOString());
    listFailure = '';
    keepList(items, seenAt);
    if (!quiet) showStatus('');
  } catch (error) {
    if (error.name === 'AbortError') return;
    if (error.problem?.status === 401) {
      location.href = `${page.sign_in}?${query({ next: location.pathname })}`;
      return;
    }
    listFailure = error.message;
    const kept = seenAt ? null : keptList();
    if (kept) showList(kept.items, kept.at);
    retryTimer = setTimeout(() => document.hidden || load(true), RETRY_MS);
  }
  draw();
}

function showList(incidents, at) {
  const first = !seenAt;
  items = incidents;
  seenAt = at;
  // nothing to take: what is at hand
  if (first && !inTab('new').length && inTab('doing').length) tab = 'doing';
}

function retry() {
  listFailure = '';
  draw();
  $('panel').focus({ preventScroll: true }); // the button is gone
  load();
}

// A line above the list; while it says the same it stays as it is, for a finger may be on it.
function drawLine(id, text, ...more) {
  if ($(id).dataset.text === text) return;
  $(id).dataset.text = text;
  $(id).replaceChildren(...(text ? [text, ...more] : []));
}

function drawLines() {
  drawLine(
    'unlisted',
    !listFailure
      ? ''
      : seenAt
        ? t('This is the list of %(time)s. It could not be renewed (%(why)s); it is asked again by itself.', {
            time: when(seenAt).textContent,
            why: listFailure,
          })
        : t('The list could not be loaded: %(why)s', { why: listFailure }),
    ' ',
    h('button', { type: 'button', className: 'link', onclick: retry }, t('Try again')),
  );
  const unsent = waiting.filter((entry) => !entry.refused);
  const late = unsent.some((entry) => Date.now() - entry.at >= SLOW_MS);
  drawLine(
    'unsent',
    unsent.length && sendFailure
      ? t('Moves not sent yet, sent again by themselves: %(n)s (%(why)s)', { n: unsent.length, why: sendFailure })
      : late
        ? t('Moves waiting to be sent: %(n)s', { n: unsent.length })
        : '',
  );
}

const unsentMove = (incident) => waiting.find((entry) => entry.id === incident.id && !entry.refused);
const inTab = (name) =>
  items
    .filter((incident) => stateOf(incident.state).tab === name)
    .sort(
      (a, b) =>
        Number(b.supervised) - Number(a.supervised) ||
        RANK[urgency(a)] - RANK[urgency(b)] ||
        Date.parse(b.reported_at) - Date.parse(a.reported_at),
    );

function metres(incident) {
  if (!position) return null;
  const [a, b] = [position.lat, incident.point.lat].map((degrees) => (degrees * Math.PI) / 180);
  const x = (((incident.point.lon - position.lon) * Math.PI) / 180) * Math.cos((a + b) / 2);
  return Math.hypot(x, b - a) * 6_371_000;
}
const distance = (incident) => {
  const m = metres(incident);
  return m === null
    ? ''
    : m < 950
      ? t('%(n)s m', { n: Math.round(m / 10) * 10 })
      : t('%(n)s km', { n: (m / 1000).toFixed(1) });
};

function card(incident, number, begun) {
  const unsent = unsentMove(incident);
  const mainMove = inOfferedOrder(incident.moves).find((name) => moveOf(name).by_worker && moveOf(name).primary);
  return h(
    'li',
    {
      className: `wrk-card ${urgency(incident)}${unsent ? ' waits' : ''}`,
      'data-id': incident.id,
      'data-version': incident.version,
    },
    h(
      'button',
      { type: 'button', className: 'wrk-open', onclick: () => show(incident.id) },
      h(
        'span',
        { className: 'wrk-line' },
        shape(urgency(incident), String(number)),
        h('b', {}, inLanguage(incident, 'category')),
        ...tags(incident).filter(Boolean),
      ),
      incident.description && h('span', { className: 'wrk-words' }, incident.description),
      h(
        'span',
        { className: 'wrk-where' },
        locationText(incident),
        distance(incident) && h('i', {}, distance(incident)),
      ),
    ),
    h(
      'div',
      { className: 'wrk-foot' },
      clockBadge(incident),
      h('span', { className: 'wrk-state' }, stateLabel(incident.state)),
      begun && h('span', { className: 'wrk-begun' }, t('Begun, not sent: %(move)s', { move: moveLabel(begun) })),
      unsent
        ? h('span', { className: 'wrk-wait' }, t('Waits for a connection: %(move)s', { move: moveLabel(unsent.name) }))
        : mainMove &&
            h(
              'button',
              {
                type: 'button',
                className: 'inc-go',
                'data-move': mainMove,
                onclick: () =>
                  moveOf(mainMove).one_tap ? act(incident, mainMove, {}, []) : show(incident.id, mainMove),
              },
              moveLabel(mainMove),
            ),
    ),
  );
}

function draw() {
  for (const name of TABS) {
    const button = document.querySelector(`[data-tab="${name}"]`);
    button.setAttribute('aria-selected', String(name === tab));
    button.tabIndex = name === tab ? 0 : -1;
    button.querySelector('b').textContent = name === 'done' || !seenAt ? '' : number(inTab(name).length);
  }
  const incidents = inTab(tab),
    begun = begunMoves();
  $('panel').setAttribute('aria-labelledby', `tab-${tab}`);
  $('panel').setAttribute('aria-busy', String(!seenAt && !listFailure));
  drawLines();
  $('refused').replaceChildren(...waiting.filter((entry) => entry.refused).map(refusedMove));
  updateList(
    $('cards'),
    incidents.length
      ? incidents.map((incident, i) => card(incident, i + 1, begun.get(incident.id)))
      : [
          h(
            'li',
            { className: 'wrk-empty' },
            seenAt
              ? EMPTY_LABELS[tab]
              : listFailure
                ? t('There is no list yet; it is asked again by itself.')
                : t('Loading…'),
          ),
        ],
  );
  drawMap(incidents);
}

// ---- one matter; the step Back of the phone closes it
let returning = false; // the step back over the address of a matter that was closed is on its way
function setAddress(id) {
  if (returning) return;
  const address = `?${query({ incident: id })}`;
  if (history.state?.matter) return history.replaceState(history.state, '', address);
  history.replaceState(null, '', location.pathname);
  history.pushState({ matter: true }, '', address);
}

function leave() {
  opened = null;
  if (history.state?.matter) {
    returning = true;
    history.back();
  } else history.replaceState(null, '', location.pathname);
}

// Forgets the matter at once: what is on its way for it would open it again before the browser tells that it closed.
function closeSheet() {
  opened = null;
  $('sheet').close();
}

addEventListener('popstate', () => {
  const closed = returning,
    id = new URLSearchParams(location.search).get('incident');
  returning = false;
  if (closed && opened)
    setAddress(opened); // another was opened meanwhile
  else if (!closed && id && id !== opened) show(id);
  else if (!closed && !id && opened) closeSheet();
});

// What was begun for a move that is not possible any more: to be read, and dropped.
function leftDraft(incident) {
  const move = begunMoves().get(incident.id);
  if (!move || incident.moves.includes(move) || unsentMove(incident)) return null;
  return h(
    'section',
    { className: 'wrk-left' },
    h('p', {}, h('b', {}, t('Begun, not sent: %(move)s', { move: moveLabel(move) }))),
    h('blockquote', {}, draftsOf(incident.id).read(move)?.['inc-note'] ?? ''),
    h(
      'button',
      { type: 'button', className: 'link', onclick: () => dropDraft(incident.id, move).then(() => show(incident.id)) },
      t('Drop it'),
    ),
  );
}

async function show(id, move = '') {
  opened = id;
  const sheet = $('sheet'),
    loaded = items.find((incident) => incident.id === id);
  const fill = (incident, full) => {
    const [lon, lat] = [incident.point.lon, incident.point.lat];
    const moves = moveButtons(
      incident,
      (name, body, photos) => act(incident, name, body, photos),
      {},
      { drafts: draftsOf(incident.id) },
    );
    const focused = sheet.contains(document.activeElement) ? document.activeElement.dataset.move : '';
    sheet.replaceChildren(
      h(
        'header',
        {},
        shape(urgency(incident)),
        h('h2', { id: 'sheet-title', tabindex: -1 }, inLanguage(incident, 'category')),
        h('button', { type: 'button', className: 'wrk-x', 'aria-label': t('Close'), onclick: closeSheet }, '×'),
      ),
      h(
        'div',
        { className: 'wrk-body' },
        h(
          'p',
          { className: 'wrk-line' },
          h('b', { className: 'inc-state' }, stateLabel(incident.state)),
          clockBadge(incident),
          ...tags(incident).filter(Boolean),
        ),
        incident.description && h('blockquote', {}, incident.description),
        photoList(incident.photos),
        leftDraft(incident),
        h(
          'dl',
          {},
          h('dt', {}, t('Where')),
          h(
            'dd',
            {},
            locationText(incident),
            distance(incident) && ` · ${distance(incident)}`,
            ' ',
            h('a', { href: `geo:${lat},${lon}?q=${lat},${lon}`, className: 'wrk-nav' }, t('Navigate there')),
          ),
          h('dt', {}, t('Reported')),
          h('dd', {}, when(incident.reported_at)),
          h('dt', {}, t('Why it came here')),
          h(
            'dd',
            {},
            incident.how.length
              ? inLanguage({ x_zh: incident.how.at(-1).zh, x_en: incident.how.at(-1).en }, 'x')
              : incident.rule,
          ),
        ),
        full && jointParts(incident),
        full ? [h('h3', {}, t('What happened')), timeline(full.timeline)] : h('p', { className: 'quiet' }, '…'),
      ),
      h(
        'footer',
        {},
        unsentMove(incident)
          ? h(
              'p',
              { className: 'wrk-wait' },
              t('Waits for a connection: %(move)s', { move: moveLabel(unsentMove(incident).name) }),
            )
          : moves,
      ),
    );
    if (!sheet.open) sheet.showModal();
    if (move) {
      moves.querySelector(`[data-move="${move}"]`)?.click();
      move = '';
    }
    if (!writing())
      (moves.querySelector(`[data-move="${focused}"]`) ?? $('sheet-title')).focus({ preventScroll: true });
  };
  const writing = () => sheet.querySelector('.inc-form');
  setAddress(id);
  if (loaded) fill(loaded, null);
  await readMatter();

  async function readMatter() {
    try {
      const full = await request(`/incidents/${id}`, 'one');
      if (opened !== id) return;
      if (writing()) {
        // not under the thumb: only what happened
        sheet.querySelector('.wrk-body > .quiet')?.remove();
        sheet.querySelector('.wrk-body').append(h('h3', {}, t('What happened')), timeline(full.timeline));
      } else fill(full, full);
    } catch (error) {
      if (error.name === 'AbortError' || opened !== id) return;
      const gone = error.problem?.status === 404;
      if (gone) showStatus(t('This matter is no longer yours to see.'), true);
      else if (!loaded) showStatus(error.message, true);
      else
        sheet
          .querySelector('.wrk-body > .quiet')
          ?.replaceChildren(
            error.message,
            ' ',
            h('button', { type: 'button', className: 'link', onclick: readMatter }, t('Try again')),
          );
      if (sheet.open && gone) closeSheet();
      else if (!sheet.open) leave();
    }
  }
}
$('sheet').addEventListener('cancel', () => (opened = null)); // Escape closes it
$('sheet').addEventListener('close', () => {
  if (!$('sheet').open) leave(); // told with the next frame: another may have been opened before
  draw(); // what was begun is marked
});
$('sheet').addEventListener('click', (event) => {
  if (event.target === $('sheet')) closeSheet();
});

// ---- the map
const pins = L.layerGroup().addTo(map);
let framed = false;
function drawMap(incidents) {
  pins.clearLayers();
  incidents.forEach((incident, i) =>
    L.marker([incident.point.lat, incident.point.lon], {
      keyboard: true,
      title: `${i + 1} ${inLanguage(incident, 'category')}`,
      alt: `${i + 1} ${inLanguage(incident, 'category')}`,
      icon: L.divIcon({ className: 'wrk-pin', iconSize: [44, 44], html: shape(urgency(incident), String(i + 1)) }),
      zIndexOffset: 1000 - i,
    })
      .on('click', () => show(incident.id))
      .addTo(pins),
  );
  if (position)
    L.circleMarker([position.lat, position.lon], {
      radius: 8,
      color: colour('white'),
      weight: 3,
      fillColor: colour('link'),
      fillOpacity: 1,
      interactive: false,
    }).addTo(pins);
}

async function drawPatch() {
  const level = { grid: 'grids', unit: 'units', community: 'communities' };
  const area = page.patches.find((area) => area.level === 'grid') ?? page.patches.find((area) => level[area.level]);
  if (!area) return;
  try {
    const collection = await request(`/layers/${level[area.level]}?${query({ code: area.code })}`);
    const outline = L.geoJSON(collection, {
      interactive: false,
      style: { color: colour('chosen'), weight: 3, fillColor: colour('chosen'), fillOpacity: 0.05 },
    }).addTo(map);
    if (!framed && collection.features.length) {
      framed = true;
      map.fitBounds(outline.getBounds(), { padding: [20, 20] });
    }
  } catch {
    /* the map stays without it */
  }
}

function watch() {
  navigator.geolocation?.watchPosition(
    (at) => {
      position = { lat: at.coords.latitude, lon: at.coords.longitude };
      $('locate').hidden = true;
      draw();
    },
    () => {
      $('locate').hidden = true;
    },
    { maximumAge: 30_000 },
  );
}

// ---- begin
$('legend').replaceChildren(
  ...['red', 'amber', 'green', 'none'].map((colour) => h('li', {}, shape(colour), URGENCY_LABELS[colour])),
);
document.querySelectorAll('[data-tab]').forEach((button) => {
  button.addEventListener('click', () => {
    tab = button.dataset.tab;
    draw();
  });
  button.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key],
      names = TABS;
    if (!step) return;
    tab = names[(names.indexOf(tab) + step + names.length) % names.length];
    draw();
    $(`tab-${tab}`).focus();
  });
});
$('show-map').addEventListener('click', () => {
  const mapVisible = document.body.classList.toggle('wrk-maps');
  $('show-map').setAttribute('aria-pressed', String(mapVisible));
  map.invalidateSize();
  if (mapVisible && phone.matches) {
    framed = false;
    drawPatch();
  }
});
$('zoom-in').addEventListener('click', () => map.zoomIn());
$('zoom-out').addEventListener('click', () => map.zoomOut());
$('locate').addEventListener('click', watch);
navigator.permissions?.query({ name: 'geolocation' }).then(
  (permission) => {
    if (permission.state === 'granted') watch();
  },
  () => {},
);

waiting = ((await store.all()) ?? []).filter((entry) => entry.who === page.me).sort((a, b) => a.at - b.at);
dropOldDrafts();
let soon;
const news = (event) => {
  clearTimeout(soon);
  soon = setTimeout(async () => {
    await load(true);
    if (opened && event?.id === opened && !$('sheet').querySelector('.inc-form')) show(opened);
  }, 300);
};
subscribe(news);
addEventListener('online', () => {
  flush();
  load();
});
addEventListener('visibilitychange', () => {
  if (!document.hidden) {
    flush();
    load(true);
  }
});
setInterval(() => {
  if (!document.hidden) {
    load(true);
    flush();
  }
}, EVERY);
const initialIncident = new URLSearchParams(location.search).get('incident');
await load();
drawPatch();
flush();
// after the camera a phone may have loaded the page again: what was begun is there as it was
if (initialIncident) show(initialIncident, begunMoves().get(initialIncident));
document.body.dataset.ready = '';
