// The register of buildings: one is chosen in the list or on the map, changed, added, placed or closed.
import { $, colour, h, isEscape, page } from '../../shared/dom.js';
import { number, t } from '../../shared/i18n.js';
import { dateTime } from '../../shared/moment.js';
import { call, query, request } from '../../shared/request.js';
import { draw, place, showShape, stop } from './outline.js';

const NUMBERS = ['floors', 'stairwells', 'homes'];
const state = { building: null, waiting: null, outline: null };

const say = (text, wrong = false) => {
  $('status').textContent = text;
  $('status').className = wrong ? 'wrong' : '';
};
const path = (code) => `/buildings/${encodeURIComponent(code)}`;
const titleOf = (one) => `${one.estate}${one.name}` || one.code;

// ---- one building
async function choose(code, fly = true) {
  try {
    show(await request(path(code), 'building'), fly);
  } catch (error) {
    if (error.name !== 'AbortError') say(error.message, true);
  }
}

function show(building, fly) {
  Object.assign(state, { building, waiting: null, outline: null });
  say('');
  const address = new URL(location.href);
  address.searchParams.set('code', building.code);
  history.replaceState(null, '', address);
  document.querySelectorAll('[data-code]').forEach((/** @type {HTMLElement} */ link) => {
    const isIt = link.dataset.code === building.code;
    link.closest('li').toggleAttribute('aria-current', isIt);
  });
  showShape(building.geometry, fly, building.outline === 'assumed');
  $('h-one').textContent = titleOf(building);
  $('draw').hidden = false;
  $('one').replaceChildren(facts(building), form(building), doors(building), changes(building));
}

const OUTLINES = {
  drawn: () => t('drawn'),
  assumed: () => t('assumed: a square stands for it until one is drawn or loaded'),
};

function facts(one) {
  const lines = [
    [t('Code'), one.code],
    [t('Grid'), [one.community_name, one.grid_name].filter(Boolean).join(' · ')],
    [t('Outline'), OUTLINES[one.outline]()],
    [t('Stairwells'), one.stairwells],
    [t('Homes entered'), number(one.households)],
    [t('Ten-household units'), one.units],
    [t('Building head'), one.head],
    [t('Vouching member'), one.sponsor],
    [t('Source of the facts'), one.source],
  ];
  return h(
    'dl',
    {},
    lines
      .filter(([, value]) => value || value === 0)
      .flatMap(([term, value]) => [h('dt', {}, term), h('dd', {}, value)]),
  );
}

function doors(one) {
  if (!one.doors.some(({ homes }) => homes)) return h('p', { className: 'quiet' }, t('No homes are entered yet.'));
  return h(
    'details',
    {},
    h('summary', {}, t('Homes by stairwell and storey')),
    h(
      'table',
      {},
      h(
        'tbody',
        {},
        one.doors
          .filter(({ homes }) => homes)
          .map(({ stairwell, floor, homes, people }) =>
            h(
              'tr',
              {},
              h(
                'th',
                { scope: 'row' },
                [
                  stairwell ? t('Stairwell %(name)s', { name: stairwell }) : '',
                  floor === null ? '' : t('storey %(n)s', { n: floor }),
                ]
                  .filter(Boolean)
                  .join(' ') || '—',
              ),
              h('td', {}, t('%(n)s homes', { n: number(homes) })),
              h('td', {}, t('%(n)s people', { n: number(people) })),
            ),
          ),
      ),
    ),
  );
}

const FIELDS = {
  estate: () => t('Estate'),
  name: () => t('Building'),
  address: () => t('Address'),
  kind: () => t('Use'),
  floors: () => t('Storeys'),
  homes: () => t('Homes stated'),
  outline: () => t('Outline'),
  code: () => t('Code'),
  geom: () => t('Outline'),
};

const changeText = ({ field, old, new: now }) =>
  field === 'geom' ? t('shape') : `${FIELDS[field]()}: ${old || '—'} → ${now || '—'}`;

function changes(one) {
  return h(
    'details',
    {},
    h('summary', {}, t('Changes')),
    h(
      'ol',
      { className: 'bld-rows' },
      one.changes.map((change) =>
        h(
          'li',
          {},
          change.op === 'insert' ? t('Entered') : change.fields.map(changeText).join('；') || t('Other facts'),
          h('small', {}, `${dateTime(change.at)} · ${change.who}${change.why ? ` · ${change.why}` : ''}`),
        ),
      ),
    ),
  );
}

// ---- the form; a building without code is a new one
const input = (name, label, value, more = {}) =>
  h(
    'label',
    {},
    h('span', {}, label),
    h('input', { name, value: value ?? '', maxlength: 200, autocomplete: 'off', ...more }),
  );
const count = (name, label, value) =>
  input(name, label, value, { type: 'number', min: 0, step: 1, inputmode: 'numeric' });

function form(one) {
  const isNew = !state.building;
  const may = page.may.posts;
  const element = h(
    'form',
    { className: 'bld-form' },
    input('estate', t('Estate'), one.estate),
    input('name', t('Building'), one.name, { placeholder: '3号楼' }),
    input('address', t('Address'), one.address),
    h(
      'label',
      {},
      h('span', {}, t('Use')),
      h('input', { name: 'kind', list: 'kinds', value: one.kind ?? '', maxlength: 200 }),
    ),
    h(
      'datalist',
      { id: 'kinds' },
      page.kinds.map((value) => h('option', { value })),
    ),
    h(
      'div',
      { className: 'bld-pair' },
      count('floors', t('Storeys'), one.floors),
      count('homes', t('Homes stated'), one.homes),
    ),
    count('stairwells', t('Stairwells'), one.stairwells || ''),
    may
      ? h(
          'div',
          { className: 'bld-pair' },
          input('head', t('Building head'), one.head, { placeholder: t('Name of the person') }),
          input('head_phone', t('Telephone'), '', { type: 'tel', maxlength: 40 }),
          input('sponsor', t('Vouching member'), one.sponsor, { placeholder: t('Name of the person') }),
          input('sponsor_phone', t('Telephone'), '', { type: 'tel', maxlength: 40 }),
        )
      : null,
    h(
      'p',
      { className: 'bld-row' },
      h('button', { className: 'button', type: 'submit' }, isNew ? t('Add') : t('Save')),
      isNew ? null : closing(),
    ),
  );
  element.addEventListener('submit', (event) => {
    event.preventDefault();
    save(one, factsOf(element));
  });
  return element;
}

function factsOf(element) {
  const values = Object.fromEntries(
    [...element.elements].filter(({ name }) => name).map(({ name, value }) => [name, value.trim()]),
  );
  for (const name of NUMBERS) values[name] = values[name] === '' ? null : Number(values[name]);
  return values;
}

// Only what differs is sent: a name that stands is no new post.
const changed = (facts, one) =>
  Object.fromEntries(Object.entries(facts).filter(([name, value]) => (value ?? '') !== (one[name] ?? '')));

async function save(one, facts) {
  const place = state.outline ? { geometry: state.outline } : {};
  const isNew = !state.building;
  const body = isNew
    ? {
        ...Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== '' && value !== null)),
        ...place,
        ...one.at,
      }
    : { ...changed(facts, one), ...place };
  if (isNew && one.code) body.code = one.code;
  for (const who of ['head', 'sponsor']) if (body[`${who}_phone`] && !body[who]) body[who] = facts[who]; // a telephone is of a name
  if (body.stairwells === null) delete body.stairwells;
  await attempt(
    () =>
      isNew
        ? call('POST', '/buildings', body, { 'Idempotency-Key': crypto.randomUUID() })
        : call('PATCH', path(one.code), body, { 'If-Match': `"${one.version}"` }),
    async (answer) => {
      await choose(answer.code, false);
      say(t('Saved: %(what)s', { what: titleOf(answer) }));
    },
  );
}

async function attempt(work, done) {
  say('');
  try {
    await done(await work());
  } catch (error) {
    say(error.message, true);
  }
}

// A button that asks once more before it takes the building away.
function closing() {
  let isSure = false;
  const button = h('button', { className: 'button acc-danger', type: 'button' }, t('It is gone'));
  button.addEventListener('click', () => {
    if (!isSure) {
      isSure = true;
      button.textContent = t('Take it away for good');
      return;
    }
    const one = state.building;
    attempt(
      () => call('DELETE', path(one.code), null, { 'If-Match': `"${one.version}"` }),
      () => {
        document
          .querySelector(`[data-code="${CSS.escape(one.code)}"]`)
          ?.closest('li')
          .remove();
        clear(t('Choose a building in the list or on the map.'));
        say(t('Removed: %(what)s', { what: titleOf(one) }));
      },
    );
  });
  return button;
}

function clear(heading) {
  Object.assign(state, { building: null, outline: null });
  showShape(null);
  $('draw').hidden = true;
  $('h-one').textContent = heading;
  $('one').replaceChildren();
}

// ---- adding and placing: a click is the point, and then an outline may be drawn
const EMPTY = { estate: '', name: '', address: '', kind: 'residential' };

function startAdding(waiting) {
  state.waiting = waiting;
  $('add').setAttribute('aria-pressed', 'true');
  place(
    waiting ? t('Click where %(name)s stands', { name: titleOf(waiting) }) : t('Click where the building stands'),
    (lon, lat) => {
      $('add').setAttribute('aria-pressed', 'false');
      clear(waiting ? titleOf(waiting) : t('New building'));
      state.waiting = waiting;
      const at = { lon, lat, crs: 'cgcs2000' };
      showShape({ type: 'Point', coordinates: [lon, lat] }, false);
      $('draw').hidden = false;
      $('one').replaceChildren(form({ ...EMPTY, ...waiting, at }));
      $('one').querySelector('input').focus();
    },
    () => $('add').setAttribute('aria-pressed', 'false'),
  );
}

$('add').addEventListener('click', (event) => {
  if ($('add').getAttribute('aria-pressed') === 'true') return stop();
  startAdding(null);
  if (event.detail === 0) window.wangge.map.fire('click', { latlng: window.wangge.map.getCenter() }); // the keyboard
});
document
  .querySelectorAll('[data-place]')
  .forEach((/** @type {HTMLElement} */ button) =>
    button.addEventListener('click', () => startAdding(page.unplaced[Number(button.dataset.place)])),
  );
$('draw').addEventListener('click', () =>
  draw((geometry) => {
    state.outline = geometry;
    say(t('The outline is drawn; save to keep it.'));
  }),
);
addEventListener('keydown', (event) => isEscape(event) && stop());

// ---- choosing
document.querySelectorAll('[data-code]').forEach((/** @type {HTMLElement} */ link) =>
  link.addEventListener('click', (event) => {
    event.preventDefault();
    choose(link.dataset.code);
  }),
);
window.wangge.map.on('click', async ({ latlng, taken }) => {
  if (taken || place.active) return;
  try {
    show(
      await request(`/buildings/at?${query({ lon: latlng.lng, lat: latlng.lat, crs: 'cgcs2000' })}`, 'building'),
      false,
    );
  } catch (error) {
    if (error.name !== 'AbortError' && error.problem.status !== 404) say(error.message, true);
  }
});

window.wangge.map.getContainer().style.background = colour('ground');
if (page.bbox) {
  const [west, south, east, north] = page.bbox;
  window.wangge.map.fitBounds(
    [
      [south, west],
      [north, east],
    ],
    { animate: false },
  );
}
if (page.code) choose(page.code);
document.body.dataset.ready = '';
