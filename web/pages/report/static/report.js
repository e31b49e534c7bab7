// The reporter's form: photo, place, kind, send. A draft has one key, so that sending again never files it twice.
import { $, colour, h, page } from '../../shared/dom.js';
import { distanceText } from '../../shared/distance.js';
import { number, t, title, zh } from '../../shared/i18n.js';
import { shortDateTime } from '../../shared/moment.js';
import { request, errorText, query, RequestError, setOfflineText } from '../../shared/request.js';
import { emergency } from './emergency.js';
import { listReports, remember } from './my-reports.js';
import { prepared } from '../../shared/image.js';
import { releaseOf } from '../../shared/press.js';
import { objectStore } from '../../shared/object-store.js';

setOfflineText(t('No connection. What you wrote is kept on this phone.'));

const { map } = window.wangge;
const DRAFT = 'wangge.draft',
  TIMEOUT = 60_000, // milliseconds
  ROUGH_M = 50, // of a position found to be sent as it is
  MAX_MOVE_M = 5_000; // to a grid that the pin is offered to be moved to
const TEXTS = ['description', 'address', 'name', 'phone'];
const byCode = new Map(page.categories.map((category) => [category.code, category]));

// ---- the draft: words and place in sessionStorage, photos in IndexedDB; both gone once it is filed
const state = {
  key:
    crypto.randomUUID?.() ??
    [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join(''),
  place: null,
  accuracy: null, // of a position found where the pin still stands: {lat, lon, metres}
  category: null,
  sent: null,
  outside: false,
  ...Object.fromEntries(TEXTS.map((name) => [name, ''])),
};
let photos = []; // {blob, url, bad}
let sending = null,
  reconnected = false,
  preparing = Promise.resolve();

function save() {
  TEXTS.forEach((name) => {
    state[name] = $(name).value;
  });
  try {
    sessionStorage.setItem(DRAFT, JSON.stringify(state));
  } catch {
    /* no room or not allowed: the page still has it */
  }
}

const withDrafts = objectStore('wangge', 'drafts'); // without it photos live as long as the page
const files = {
  put: (blobs) => withDrafts('readwrite', (store) => store.put(blobs, state.key)),
  get: () => withDrafts('readonly', (store) => store.get(state.key)),
  forget: () => withDrafts('readwrite', (store) => store.clear()),
};

// ---- 1: photos
function drawPhotos() {
  $('photos').replaceChildren(
    ...photos.map((photo, i) =>
      h(
        'li',
        { className: photo.bad ? 'bad' : null },
        h('img', { src: photo.url, alt: t('Photo %(n)s', { n: i + 1 }) }),
        h(
          'button',
          { type: 'button', 'aria-label': t('Remove photo %(n)s', { n: i + 1 }), onclick: () => removePhoto(i) },
          h('svg', { viewBox: '0 0 20 20', 'aria-hidden': 'true' }, h('path', { d: 'm5 5 10 10M15 5 5 15' })),
        ),
      ),
    ),
  );
  step('photo', photos.length > 0);
}

function removePhoto(i) {
  URL.revokeObjectURL(photos[i].url);
  photos.splice(i, 1);
  $('photo-status').textContent = '';
  keepPhotos();
}

async function addPhotos(selected) {
  const messages = [];
  $('photo-status').textContent = t('Preparing the photo…');
  for (const file of selected) {
    if (photos.length >= page.most_photos) {
      messages.push(t('At most %(n)s photos.', { n: page.most_photos }));
      break;
    }
    const blob = await prepared(file, page.longest_side);
    if (blob) photos.push({ blob, url: URL.createObjectURL(blob) });
    else messages.push(t('“%(name)s” cannot be read as a photo. Use JPEG, PNG or WebP.', { name: file.name }));
  }
  $('photo-status').textContent = messages.join(' ');
  keepPhotos();
}

function keepPhotos() {
  drawPhotos();
  changed();
  files.put(photos.map((photo) => photo.blob));
}

for (const id of ['camera', 'album']) {
  $(id).onchange = ({ target }) => {
    const chosen = [...target.files];
    target.value = '';
    preparing = preparing.then(() => addPhotos(chosen));
  };
}

// ---- 2: place
let touched = false,
  ring = null,
  looking = 0;

function placed() {
  const { lng, lat } = map.getCenter();
  const point = { lon: Number(lng.toFixed(7)), lat: Number(lat.toFixed(7)), crs: 'wgs84' };
  if (state.place && state.place.lon === point.lon && state.place.lat === point.lat) return;
  state.place = point;
  if (state.accuracy && map.distance([state.accuracy.lat, state.accuracy.lon], [lat, lng]) > 1) settlePlace();
  changed();
  showResponsible();
}

// A position this rough is not the place yet: the pin is to be moved, or the place confirmed.
const isRough = () => state.accuracy?.metres > ROUGH_M;

const confirmPlace = h(
  'button',
  { type: 'button', className: 'rep-second', hidden: true, onclick: () => settlePlace() },
  t('The pin is right'),
);
$('place-status').after(confirmPlace);

// The place is where the pin stands, however it came there.
function settlePlace() {
  state.accuracy = null;
  ring?.remove();
  confirmPlace.hidden = true;
  $('place-status').textContent = t('The place is where the pin stands.');
  changed();
}

function showPosition({ lat, lon, metres }) {
  ring?.remove();
  ring = L.circle([lat, lon], {
    radius: metres,
    interactive: false,
    color: colour('link'),
    weight: 1.5,
    dashArray: '4 4',
    fillOpacity: 0.08,
  }).addTo(map);
  state.accuracy = { lat, lon, metres };
  $('map-hint').hidden = true;
  moveMap(lat, lon, metres > 200 ? 16 : 18);
  confirmPlace.hidden = !isRough();
  $('place-status').textContent = isRough()
    ? t('Rough position only, accurate to about %(distance)s. Move the map until the pin is right.', {
        distance: distanceText(metres),
      })
    : t('Your position, accurate to about %(distance)s.', { distance: distanceText(metres) });
}

function moveMap(lat, lon, zoom = 18) {
  touched = true;
  state.place = null;
  map.setView([lat, lon], zoom, { animate: false });
  placed();
}

map.on('dragstart keydown', () => {
  touched = true;
});
map.on('click', ({ latlng }) => {
  if ($('fields').disabled) return;
  touched = true;
  settlePlace();
  map.panTo(latlng);
});
map.on('movestart', () => $('pin').classList.add('lifted'));
map.on('moveend', () => {
  $('pin').classList.remove('lifted');
  if (!touched || $('fields').disabled) return;
  $('map-hint').hidden = true;
  if (!state.accuracy) $('place-status').textContent = t('The place is where the pin stands.');
  placed();
});
Object.assign(map.options, { scrollWheelZoom: 'center', doubleClickZoom: 'center', touchZoom: 'center' });
$('zoom-in').onclick = () => map.zoomIn();
$('zoom-out').onclick = () => map.zoomOut();

$('gps').onclick = () => {
  if (!navigator.geolocation) {
    $('place-status').textContent = t('No position could be found. Move the map until the pin is right.');
    return;
  }
  $('place-status').textContent = t('Looking for your position…');
  $('gps').setAttribute('aria-busy', 'true');
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      $('gps').removeAttribute('aria-busy');
      showPosition({
        lat: coords.latitude,
        lon: coords.longitude,
        metres: Math.max(1, Math.round(coords.accuracy)),
      });
    },
    (error) => {
      $('gps').removeAttribute('aria-busy');
      $('place-status').textContent =
        error.code === error.PERMISSION_DENIED
          ? t('The browser may not use your position. Move the map until the pin is right.')
          : t('No position could be found. Move the map until the pin is right.');
    },
    { enableHighAccuracy: true, timeout: 15_000, maximumAge: 10_000 },
  );
};

async function showResponsible() {
  const requestNumber = ++looking,
    container = $('responsible');
  state.outside = false;
  container.hidden = false;
  container.className = 'rep-responsible';
  container.replaceChildren(h('p', {}, t('Finding the responsible grid…')));
  try {
    const answer = await request(`/locate?${query({ ...state.place, address: $('address').value })}`, 'locate');
    if (requestNumber !== looking) return;
    const names = [
      ...answer.areas.filter((area) => area.level === 'community' || area.level === 'grid'),
      answer.unit,
    ].filter(Boolean);
    const role = answer.answerable && (zh ? answer.answerable.role_zh : answer.answerable.role_en);
    container.replaceChildren(
      h('p', {}, t('%(area)s answers for this place', { area: names.map((area) => area.name).join(' · ') })),
      h(
        'p',
        { className: 'role' },
        role
          ? t('First to go: %(role)s', { role })
          : t('Nobody is on duty here just now; once it is sent you are told who has it.'),
      ),
    );
    container.classList.add('located');
  } catch (error) {
    if (error.name === 'AbortError' || requestNumber !== looking) return;
    const outside = error instanceof RequestError && error.problem.type === '/problems/outside-grids';
    state.outside = outside;
    const nearest = outside && error.problem.nearest;
    const isNear = nearest && error.problem.distance_m <= MAX_MOVE_M;
    container.classList.add('wrong');
    container.replaceChildren(
      h(
        'p',
        {},
        outside
          ? t('No grid here. Move the pin to where it happened.')
          : error.problem?.status
            ? error.message
            : t('No connection. What you wrote is kept on this phone.'),
      ),
      nearest
        ? h(
            'p',
            {},
            t('The nearest grid, %(name)s, is %(distance)s away.', {
              name: nearest.name || nearest.code,
              distance: distanceText(error.problem.distance_m),
            }),
          )
        : '',
      isNear
        ? h(
            'button',
            { type: 'button', className: 'link', onclick: () => toGrid(nearest.code) },
            t('Move the pin there'),
          )
        : outside
          ? ''
          : h('button', { type: 'button', className: 'link', onclick: showResponsible }, t('Try again')),
    );
  }
  duplicates();
  ready();
}

async function toGrid(code) {
  const area = await request(`/areas/${encodeURIComponent(code)}`, 'grid').catch(() => null);
  if (area?.point) moveMap(area.point[1], area.point[0]);
}

// ---- 3: what it is
let suggestionCount = 0;
const chipsReleased = releaseOf($('chips'));

function chip(category, reason) {
  return h(
    'button',
    {
      type: 'button',
      className: 'rep-chip',
      'aria-pressed': String(category.code === state.category),
      'data-code': category.code,
      onclick: () => choose(category.code),
    },
    h('b', {}, title(category)),
    h('small', {}, reason || (zh ? category.major_zh : category.major_en)),
  );
}

function choose(code) {
  state.category = state.category === code ? null : code;
  document
    .querySelectorAll('.rep-chip')
    .forEach((button) => button.setAttribute('aria-pressed', String(button.dataset.code === state.category)));
  if (!$('chips').querySelector('[aria-pressed="true"]')) chips(suggestions);
  $('all').open = false;
  changed();
  duplicates();
}

let suggestions = [];
function chips(matches) {
  suggestions = matches;
  const rows = matches.slice(0, 3);
  if (state.category && !rows.some(([category]) => category.code === state.category))
    rows.unshift([byCode.get(state.category)]);
  $('chips').replaceChildren(...rows.slice(0, 3).map(([category, reason]) => chip(category, reason)));
}

async function suggested() {
  const text = $('description').value.trim(),
    requestNumber = ++suggestionCount;
  const common = page.common.map((code) => [byCode.get(code)]);
  let matches = [],
    danger = null;
  if (text.length > 1) {
    try {
      const answer = await request(
        `/categories/suggest?${query({ words: text.length > 500 ? `${text.slice(0, 249)}\n${text.slice(-249)}` : text })}`,
        'suggest',
      );
      danger = answer.danger;
      matches = (answer.suggestions ?? answer.items ?? [])
        .filter((category) => byCode.has(category.code))
        .map((category) => [
          byCode.get(category.code),
          category.because?.length
            ? t('because of “%(words)s”', { words: category.because.join(zh ? '、' : ', ') })
            : null,
        ]);
    } catch (error) {
      if (error.name === 'AbortError') return;
      danger = undefined;
    } // the list of all kinds is there
    await chipsReleased();
    if (requestNumber !== suggestionCount) return;
  }
  if (danger !== undefined) $('danger').replaceChildren(emergency(danger) ?? '');
  $('chips-title').textContent = matches.length
    ? t('Suggested from your words')
    : common.length
      ? t('Often reported')
      : '';
  chips(matches.length ? matches : common);
}

function groups(filter = '') {
  const q = filter.trim().toLowerCase(),
    grouped = new Map();
  for (const category of page.categories) {
    if (
      q &&
      ![category.code, category.zh, category.en.toLowerCase(), ...category.words].some((word) => word.includes(q))
    )
      continue;
    const name = zh ? category.major_zh : category.major_en;
    grouped.set(name, [...(grouped.get(name) ?? []), category]);
  }
  $('groups').replaceChildren(
    ...(grouped.size
      ? [...grouped].map(([name, all]) =>
          h(
            'section',
            {},
            h('h3', {}, name),
            h(
              'div',
              { className: 'rep-list' },
              all.map((category) =>
                h(
                  'button',
                  {
                    type: 'button',
                    className: 'rep-chip small',
                    'aria-pressed': String(category.code === state.category),
                    'data-code': category.code,
                    onclick: () => choose(category.code),
                  },
                  title(category),
                ),
              ),
            ),
          ),
        )
      : [
          h(
            'p',
            { className: 'quiet' },
            t('No kind fits “%(q)s”. Try another word, or only describe it above.', { q: filter }),
          ),
        ]),
  );
}

const later = (milliseconds, action) => {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(action, milliseconds);
  };
};
const suggestLater = later(250, suggested);
$('description').oninput = () => {
  changed();
  suggestLater();
};
$('address').oninput = (() => {
  const locateLater = later(500, () => state.place && showResponsible());
  return () => {
    changed();
    locateLater();
  };
})();
$('name').oninput = $('phone').oninput = save;
$('find').oninput = ({ target }) => groups(target.value);
$('find').onkeydown = (event) => {
  if (event.key === 'Enter') event.preventDefault();
};

// ---- the same thing, near and lately
async function duplicates() {
  const container = $('duplicates');
  if (!state.place || !state.category || state.outside) {
    container.hidden = true;
    return;
  }
  try {
    const { items } = await request(`/incidents/near?${query({ ...state.place, category: state.category })}`, 'near');
    container.hidden = !items.length;
    if (!items.length) return;
    const ownReports = new Map(listReports().map((report) => [report.id, report]));
    container.replaceChildren(
      h('p', {}, h('b', {}, t('%(n)s of the same kind within 50 m in the last 7 days', { n: number(items.length) }))),
      h(
        'ul',
        {},
        items
          .slice(0, 3)
          .map((duplicate) =>
            h(
              'li',
              {},
              h(
                'span',
                {},
                `${shortDateTime(duplicate.reported_at)} · ${zh ? duplicate.state_zh : (duplicate.state_en ?? duplicate.state)} · ${t('%(distance)s away', { distance: distanceText(duplicate.distance_m) })}`,
              ),
              ownReports.has(duplicate.id)
                ? h('a', { href: `${page.track}/${duplicate.id}#${ownReports.get(duplicate.id).secret}` }, t('look'))
                : '',
            ),
          ),
      ),
      h('p', { className: 'quiet' }, t('If it is the same matter it will be linked; you can report it all the same.')),
    );
  } catch (error) {
    if (error.name !== 'AbortError') container.hidden = true;
  } // only an offer
}

// ---- 4: send
function step(name, done) {
  const step = document.querySelector(`[data-step="${name}"]`);
  step.classList.toggle('done', done);
}

function missing() {
  return [
    [!state.place || state.outside, t('the place')],
    [state.place && !state.outside && isRough(), t('the exact place (move the map, or confirm the pin)')],
    [!state.category && !$('description').value.trim(), t('the kind or a few words')],
  ]
    .filter(([wanting]) => wanting)
    .map(([, word]) => word);
}

function ready() {
  step('place', Boolean(state.place) && !state.outside && !isRough());
  step('category', Boolean(state.category || $('description').value.trim()));
  if (sending || state.sent) return;
  const wanting = missing();
  showStatus(
    wanting.length ? t('Still needed: %(what)s', { what: wanting.join(zh ? '、' : ', ') }) : t('Ready to send'),
    wanting.length ? '' : 'good',
  );
  $('send').setAttribute('aria-disabled', String(wanting.length > 0));
}

function changed() {
  save();
  ready();
}

function showStatus(content, kind = '') {
  $('status').textContent = content;
  $('status').className = `rep-state ${kind}`;
}

// While an answer is owed the form stays as it was sent: the same key must go with the same words.
function lock(locked) {
  $('fields').disabled = locked;
  for (const way of [map.dragging, map.keyboard]) way[locked ? 'disable' : 'enable']();
  document.querySelector('.rep').classList.toggle('locked', locked);
}

function post(body, progressed) {
  return new Promise((done) => {
    const request = new XMLHttpRequest();
    request.open('POST', `${page.api}/incidents`);
    request.setRequestHeader('Accept', 'application/json');
    request.setRequestHeader('Idempotency-Key', state.key);
    if (page.csrf) request.setRequestHeader('X-CSRFToken', page.csrf);
    request.timeout = TIMEOUT;
    request.upload.onprogress = ({ loaded, total }) => progressed(total ? Math.round((loaded / total) * 100) : 0);
    request.onloadend = () => {
      let answer = null;
      try {
        answer = JSON.parse(request.responseText);
      } catch {
        /* cut off on the way, or not ours */
      }
      const refusal = request.status >= 400 && request.status < 500;
      done({ status: answer || refusal ? request.status : 0, answer: answer ?? { detail: t('This did not work') } });
    };
    request.send(body);
  });
}

async function send() {
  if (sending) return;
  if (!state.sent) {
    if (missing().length) {
      point();
      return;
    }
    sending = preparing; // a photo being made ready goes along
    await preparing;
    sending = null;
    const { lon, lat, crs } = state.place;
    const payload = {
      lon,
      lat,
      crs,
      category: state.category ?? '',
      channel: 'web',
      ...Object.fromEntries(TEXTS.map((name) => [name, $(name).value.trim()])),
    };
    state.sent = JSON.stringify(payload);
    save();
  }
  const body = new FormData();
  body.append('json', state.sent);
  photos.forEach((photo, i) => body.append('photo', photo.blob, `${i + 1}`));
  lock(true);
  $('discard').hidden = true;
  $('send').setAttribute('aria-disabled', 'true');
  $('progress').hidden = false;
  showStatus(t('Sending… %(n)s %%', { n: 0 }));
  reconnected = false;
  sending = post(body, (n) => {
    $('progress').value = n;
    showStatus(n < 100 ? t('Sending… %(n)s %%', { n }) : t('Sent; waiting for the answer…'));
  });
  const { status, answer } = await sending;
  sending = null;
  if (!status && reconnected) return send(); // the connection came back behind this request
  $('progress').hidden = true;
  $('send').removeAttribute('aria-disabled');
  if (status === 201) return filed(answer);
  if (status === 0 || status >= 500) return unanswered();
  refused(status, answer);
}

function unanswered() {
  showStatus(
    navigator.onLine
      ? t('No answer came. It may have arrived; trying again never files it twice. Everything is kept here.')
      : t('No connection. What you wrote is kept on this phone.'),
    'wrong',
  );
  $('send').textContent = t('Try again');
  $('discard').textContent = t('Give this report up');
  $('discard').hidden = false;
}

function refused(status, problem) {
  state.sent = null; // nothing was filed: the words may change
  lock(false);
  photos.forEach((photo) => {
    photo.bad = false;
  });
  const messages = (problem.errors ?? [])
    .map(({ field }) => {
      const n = Number(/^photos?\[(\d+)\]/.exec(field)?.[1] ?? NaN);
      if (!photos[n]) return null;
      photos[n].bad = true;
      return t('Photo %(n)s was not accepted. Remove it or take it again.', { n: n + 1 });
    })
    .filter(Boolean);
  drawPhotos();
  $('photo-status').textContent = messages.join(' ');
  save();
  $('send').textContent = t('Send the report');
  showStatus(
    status === 429
      ? t('Too many reports just now. Try again in a minute.')
      : messages.join(' ') ||
          (problem.type === '/problems/outside-grids'
            ? t('No grid here. Move the pin to where it happened.')
            : t('Not accepted: %(why)s', { why: errorText(problem) })),
    'wrong',
  );
  if (messages.length) document.querySelector('[data-step="photo"]').scrollIntoView({ block: 'start' });
}

async function filed(answer) {
  const kind = byCode.get(answer.category);
  remember({
    id: answer.id,
    secret: answer.tracking_secret,
    at: new Date().toISOString(),
    zh: kind?.zh ?? '',
    en: kind?.en ?? '',
    near: answer.duplicates?.length ?? 0,
  });
  sessionStorage.removeItem(DRAFT);
  await files.forget();
  location.assign(`${page.track}/${answer.id}#${answer.tracking_secret}`);
}

// What is still wanting comes into view.
function point() {
  const step = document.querySelector(
    `[data-step="${!state.place || state.outside || isRough() ? 'place' : 'category'}"]`,
  );
  step.classList.remove('wanting');
  requestAnimationFrame(() => step.classList.add('wanting'));
  step.scrollIntoView({
    block: 'center',
    behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth',
  });
}

$('report').onsubmit = (event) => {
  event.preventDefault();
  send();
};
$('report').onkeydown = (event) => {
  if (event.key === 'Enter' && event.target.tagName === 'INPUT') event.preventDefault();
};
$('discard').onclick = async () => {
  if (!confirm(t('Give up? It may have arrived already; look it up by telephone before you report it again.'))) return;
  sessionStorage.removeItem(DRAFT);
  await files.forget();
  location.assign(location.pathname);
};
addEventListener('online', () => {
  if (sending) reconnected = true;
  else if (state.sent) send();
  else if (state.place) showResponsible();
});
addEventListener('offline', () => {
  if (!sending) showStatus(t('No connection. What you wrote is kept on this phone.'), 'wrong');
});

// ---- begin: where the draft was left, or at the place in the address
async function begin() {
  let previous = null;
  try {
    previous = JSON.parse(sessionStorage.getItem(DRAFT));
  } catch {
    /* none */
  }
  if (previous?.key) {
    Object.assign(state, previous);
    TEXTS.forEach((name) => {
      $(name).value = state[name] ?? '';
    });
    if (!byCode.has(state.category)) state.category = null;
    photos = ((await files.get()) ?? []).map((blob) => ({ blob, url: URL.createObjectURL(blob) }));
  }
  const coordinates = (new URLSearchParams(location.search).get('p') || '').split(',').map(Number);
  const start =
    coordinates.length === 2 && coordinates.every(Number.isFinite) && !state.sent
      ? coordinates
      : state.place && [state.place.lon, state.place.lat];
  if (start && state.accuracy && start !== coordinates) showPosition(state.accuracy);
  else if (start) {
    state.accuracy = null;
    $('map-hint').hidden = true;
    $('place-status').textContent = t('The place is where the pin stands.');
    moveMap(start[1], start[0]);
  } else if (page.bbox) {
    map.fitBounds(
      [
        [page.bbox[1], page.bbox[0]],
        [page.bbox[3], page.bbox[2]],
      ],
      { animate: false },
    );
  }
  drawPhotos();
  groups();
  suggested();
  ready();
  if (state.sent) {
    lock(true);
    unanswered();
  }
  const reportCount = listReports().length;
  $('my-reports').hidden = !reportCount;
  $('my-reports').lastElementChild.textContent = number(reportCount);
  $('send').disabled = false;
  document.body.dataset.ready = 'yes';
}
begin();
