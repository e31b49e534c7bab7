// The grid worker's page: my matters by urgency, the map of my patch, and moves that wait for a connection.
import { $, colour, h, page, phone } from '../../shared/dom.js';
import { number, t } from '../../shared/i18n.js';
import { ask, query, Refused } from '../../shared/request.js';
import {
  URGENCY_LABELS,
  clockBadge,
  live,
  moveButtons,
  moveWords,
  newKey,
  photoList,
  pick,
  place,
  send,
  shape,
  stateWords,
  tags,
  timeline,
  urgency,
  when,
} from '../../shared/incident.js';
import { objectStore } from '../../shared/object-store.js';

const EMPTY_LABELS = {
  new: t('Nothing to take. New matters appear here by themselves.'),
  doing: t('Nothing in hand.'),
  done: t('Nothing done in the last 30 days.'),
};

const { map } = window.wangge;
const TABS = {
  new: ['dispatched'],
  doing: ['taken', 'suspended', 'accepted', 'returned', 'reported'],
  done: ['handled', 'checked', 'closed', 'void'],
};
const RANK = { red: 0, amber: 1, green: 2, none: 3 };
const KEPT = `wangge.work.${page.me}`,
  EVERY = 60_000;
let items = [],
  tab = 'new',
  here = null,
  opened = null,
  waiting = [],
  sending = false,
  again = false;

const say = (words, bad = false) => {
  $('said').textContent = words;
  $('said').classList.toggle('bad', bad);
};

// ---- moves not sent yet: in IndexedDB with their photos, so that nothing written is lost
// without IndexedDB they wait as long as the page
const withWaiting = objectStore('wangge-work', 'waiting', { keyPath: 'key' });
const store = {
  put: (one) => withWaiting('readwrite', (box) => box.put(one)),
  all: () => withWaiting('readonly', (box) => box.getAll()),
  drop: (key) => withWaiting('readwrite', (box) => box.delete(key)),
};

async function act(one, name, body, photos) {
  const entry = {
    key: newKey(),
    who: page.me,
    id: one.id,
    version: one.version,
    name,
    body: { move: name, ...body },
    photos,
    at: Date.now(),
  };
  waiting.push(entry);
  await store.put(entry);
  $('sheet').close();
  draw();
  return flush();
}

// A call while another sends is not lost: the connection may have come back behind a request that failed.
async function flush() {
  again = true;
  if (sending) return;
  sending = true;
  try {
    while (again) {
      again = false;
      await sendWaiting();
    }
  } finally {
    sending = false;
    draw();
  }
}

async function sendWaiting() {
  for (const entry of [...waiting]) {
    let answer = null,
      problem = null;
    try {
      answer = await send(`/incidents/${entry.id}/moves`, {
        body: entry.body,
        photos: entry.photos,
        version: entry.version,
        key: entry.key,
      });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      problem = error.problem;
    }
    if (problem && (problem.status === 0 || problem.status === 429 || problem.status >= 500)) {
      say(t('%(n)s moves wait for a connection and are sent by themselves', { n: waiting.length }));
      break;
    }
    if (problem && problem.status === 401) {
      $('said').replaceChildren(
        t('Your session has ended. Sign in again: what you wrote is kept and sent then.'),
        ' ',
        h('a', { href: `${page.sign_in}?${query({ next: location.pathname })}` }, '→'),
      );
      break;
    }
    waiting = waiting.filter((other) => other !== entry);
    await store.drop(entry.key);
    if (answer) {
      items = items.map((one) => (one.id === answer.id ? answer : one));
      // what waits behind it was written knowing of it
      waiting
        .filter((other) => other.id === entry.id)
        .forEach((other) => {
          other.version = answer.version;
          store.put(other);
        });
      say(t('Sent: %(move)s', { move: moveWords(entry.name) }));
    } else {
      say(
        (problem.status === 409
          ? t('Somebody was faster: %(why)s', { why: problem.detail })
          : t('Not accepted: %(why)s', { why: problem.detail })) + (entry.body.note ? ` “${entry.body.note}”` : ''),
        true,
      );
    }
    await load(true);
  }
}

// ---- the list
async function load(quiet = false) {
  try {
    const since = new Date(Date.now() - 30 * 86_400_000).toISOString();
    const [open, done] = await Promise.all([
      ask(`/incidents?${query({ mine: true, state: 'open', sort: 'urgent', limit: 200 })}`, 'open'),
      ask(`/incidents?${query({ mine: true, state: 'closed,void', since, limit: 50 })}`, 'done'),
    ]);
    items = [...open.items, ...done.items];
    try {
      localStorage.setItem(KEPT, JSON.stringify(items));
    } catch {
      /* no room: it is only the last look */
    }
    if (!quiet) say('');
  } catch (error) {
    if (error.name === 'AbortError') return;
    if (error.problem?.status === 401) {
      location.href = `${page.sign_in}?${query({ next: location.pathname })}`;
      return;
    }
    try {
      if (!items.length) items = JSON.parse(localStorage.getItem(KEPT)) ?? [];
    } catch {
      /* nothing kept */
    }
    say(items.length ? t('No connection. This is the list last seen.') : error.message, true);
  }
  draw();
}

const waits = (one) => waiting.find((entry) => entry.id === one.id);
const inTab = (name) =>
  items
    .filter((one) => TABS[name].includes(one.state))
    .sort(
      (a, b) =>
        Number(b.supervised) - Number(a.supervised) ||
        RANK[urgency(a)] - RANK[urgency(b)] ||
        Date.parse(b.reported_at) - Date.parse(a.reported_at),
    );

function metres(one) {
  if (!here) return null;
  const [a, b] = [here.lat, one.point.lat].map((degrees) => (degrees * Math.PI) / 180);
  const x = (((one.point.lon - here.lon) * Math.PI) / 180) * Math.cos((a + b) / 2);
  return Math.hypot(x, b - a) * 6_371_000;
}
const distance = (one) => {
  const m = metres(one);
  return m === null
    ? ''
    : m < 950
      ? t('%(n)s m', { n: Math.round(m / 10) * 10 })
      : t('%(n)s km', { n: (m / 1000).toFixed(1) });
};

function card(one, number) {
  const unsent = waits(one);
  const first = one.moves.includes('take') ? 'take' : one.moves.includes('handle') ? 'handle' : null;
  return h(
    'li',
    { className: `wrk-card ${urgency(one)}${unsent ? ' waits' : ''}`, 'data-id': one.id },
    h(
      'button',
      { type: 'button', className: 'wrk-open', onclick: () => show(one.id) },
      h(
        'span',
        { className: 'wrk-line' },
        shape(urgency(one), String(number)),
        h('b', {}, pick(one, 'category')),
        ...tags(one).filter(Boolean),
      ),
      one.description && h('span', { className: 'wrk-words' }, one.description),
      h('span', { className: 'wrk-where' }, place(one), distance(one) && h('i', {}, distance(one))),
    ),
    h(
      'div',
      { className: 'wrk-foot' },
      clockBadge(one),
      h('span', { className: 'wrk-state' }, stateWords(one.state)),
      unsent
        ? h('span', { className: 'wrk-wait' }, t('Waits for a connection: %(move)s', { move: moveWords(unsent.name) }))
        : first &&
            h(
              'button',
              {
                type: 'button',
                className: 'inc-go',
                'data-move': first,
                onclick: () => (first === 'take' ? act(one, 'take', {}, []) : show(one.id, first)),
              },
              moveWords(first),
            ),
    ),
  );
}

function draw() {
  for (const name of Object.keys(TABS)) {
    const button = document.querySelector(`[data-tab="${name}"]`);
    button.setAttribute('aria-selected', String(name === tab));
    button.tabIndex = name === tab ? 0 : -1;
    button.querySelector('b').textContent = name === 'done' ? '' : number(inTab(name).length);
  }
  const shown = inTab(tab);
  $('panel').setAttribute('aria-labelledby', `tab-${tab}`);
  $('panel').removeAttribute('aria-busy');
  $('cards').replaceChildren(
    ...shown.map((one, i) => card(one, i + 1)),
    ...(shown.length ? [] : [h('li', { className: 'wrk-empty' }, EMPTY_LABELS[tab])]),
  );
  drawMap(shown);
}

// ---- one matter
async function show(id, move = '') {
  opened = id;
  const sheet = $('sheet'),
    known = items.find((one) => one.id === id);
  const fill = (one, full) => {
    const [lon, lat] = [one.point.lon, one.point.lat];
    const moves = moveButtons(one, (name, body, photos) => act(one, name, body, photos));
    sheet.replaceChildren(
      h(
        'header',
        {},
        shape(urgency(one)),
        h('h2', { id: 'sheet-title' }, pick(one, 'category')),
        h(
          'button',
          { type: 'button', className: 'wrk-x', 'aria-label': t('Close'), onclick: () => sheet.close() },
          '×',
        ),
      ),
      h(
        'div',
        { className: 'wrk-body' },
        h(
          'p',
          { className: 'wrk-line' },
          h('b', { className: 'inc-state' }, stateWords(one.state)),
          clockBadge(one),
          ...tags(one).filter(Boolean),
        ),
        one.description && h('blockquote', {}, one.description),
        photoList(one.photos),
        h(
          'dl',
          {},
          h('dt', {}, t('Where')),
          h(
            'dd',
            {},
            place(one),
            distance(one) && ` · ${distance(one)}`,
            ' ',
            h('a', { href: `geo:${lat},${lon}?q=${lat},${lon}`, className: 'wrk-nav' }, t('Navigate there')),
          ),
          h('dt', {}, t('Reported')),
          h('dd', {}, when(one.reported_at)),
          h('dt', {}, t('Why it came here')),
          h('dd', {}, one.how.length ? pick({ x_zh: one.how.at(-1).zh, x_en: one.how.at(-1).en }, 'x') : one.rule),
        ),
        full ? [h('h3', {}, t('What happened')), timeline(full.timeline)] : h('p', { className: 'quiet' }, '…'),
      ),
      h(
        'footer',
        {},
        waits(one)
          ? h(
              'p',
              { className: 'wrk-wait' },
              t('Waits for a connection: %(move)s', { move: moveWords(waits(one).name) }),
            )
          : moves,
      ),
    );
    if (move) {
      moves.querySelector(`[data-move="${move}"]`)?.click();
      move = '';
    }
  };
  if (known) fill(known, null);
  if (known && !sheet.open) sheet.showModal();
  history.replaceState(null, '', `?${query({ incident: id })}`);
  try {
    const writing = () => sheet.querySelector('.inc-form');
    const full = await ask(`/incidents/${id}`, 'one');
    if (opened !== id) return;
    if (writing()) {
      // not under the thumb: only what happened
      sheet.querySelector('.wrk-body > .quiet')?.remove();
      sheet.querySelector('.wrk-body').append(h('h3', {}, t('What happened')), timeline(full.timeline));
    } else fill(full, full);
    if (!sheet.open) sheet.showModal();
  } catch (error) {
    if (error.name === 'AbortError') return;
    if (error.problem?.status === 404) {
      sheet.close();
      say(t('This matter is no longer yours to see.'), true);
    } else if (!known) say(error.message, true);
  }
}
$('sheet').addEventListener('close', () => {
  opened = null;
  history.replaceState(null, '', location.pathname);
});
$('sheet').addEventListener('click', (event) => {
  if (event.target === $('sheet')) $('sheet').close();
});

// ---- the map
const pins = L.layerGroup().addTo(map);
let framed = false;
function drawMap(shown) {
  pins.clearLayers();
  shown.forEach((one, i) =>
    L.marker([one.point.lat, one.point.lon], {
      keyboard: true,
      title: `${i + 1} ${pick(one, 'category')}`,
      alt: `${i + 1} ${pick(one, 'category')}`,
      icon: L.divIcon({ className: 'wrk-pin', iconSize: [44, 44], html: shape(urgency(one), String(i + 1)) }),
      zIndexOffset: 1000 - i,
    })
      .on('click', () => show(one.id))
      .addTo(pins),
  );
  if (here)
    L.circleMarker([here.lat, here.lon], {
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
  const mine = page.patches.find((area) => area.level === 'grid') ?? page.patches.find((area) => level[area.level]);
  if (!mine) return;
  try {
    const found = await ask(`/layers/${level[mine.level]}?${query({ code: mine.code })}`);
    const outline = L.geoJSON(found, {
      interactive: false,
      style: { color: colour('chosen'), weight: 3, fillColor: colour('chosen'), fillOpacity: 0.05 },
    }).addTo(map);
    if (!framed && found.features.length) {
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
      here = { lat: at.coords.latitude, lon: at.coords.longitude };
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
      names = Object.keys(TABS);
    if (!step) return;
    tab = names[(names.indexOf(tab) + step + names.length) % names.length];
    draw();
    $(`tab-${tab}`).focus();
  });
});
$('show-map').addEventListener('click', () => {
  const on = document.body.classList.toggle('wrk-maps');
  $('show-map').setAttribute('aria-pressed', String(on));
  map.invalidateSize();
  if (on && phone.matches) {
    framed = false;
    drawPatch();
  }
});
$('zoom-in').addEventListener('click', () => map.zoomIn());
$('zoom-out').addEventListener('click', () => map.zoomOut());
$('locate').addEventListener('click', watch);
navigator.permissions?.query({ name: 'geolocation' }).then(
  (found) => {
    if (found.state === 'granted') watch();
  },
  () => {},
);

waiting = ((await store.all()) ?? []).filter((entry) => entry.who === page.me).sort((a, b) => a.at - b.at);
await load();
if (!inTab('new').length && inTab('doing').length) {
  tab = 'doing';
  draw();
} // nothing to take: what is at hand
drawPatch();
flush();
let soon;
const news = (event) => {
  clearTimeout(soon);
  soon = setTimeout(async () => {
    await load(true);
    if (opened && event?.id === opened && !$('sheet').querySelector('.inc-form')) show(opened);
  }, 300);
};
live(news);
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
const asked = new URLSearchParams(location.search).get('incident');
if (asked) show(asked);
document.body.dataset.ready = '';
