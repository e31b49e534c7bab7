// The ten-household units of a grid: a list, their buildings on the map, and homes moved between them.
import { $, colour, h, page } from '../../shared/dom.js';
import { number, t } from '../../shared/i18n.js';
import { dateTime } from '../../shared/moment.js';
import { call, query, request } from '../../shared/request.js';
import { doorTable, selectionOf } from './doors.js';
import { colourOf, drawBuildings, markBuilding } from './picture.js';

const state = { units: null, buildings: [], homes: [], building: '', chosen: new Set() };
const grid = $('grid'),
  building = $('building'),
  target = $('target');

const say = (text, wrong = false) => {
  $('status').textContent = text;
  $('status').className = wrong ? 'wrong' : '';
};
const unitOf = (code) => state.units.units.find((unit) => unit.code === code);
const nameOf = (code) => unitOf(code)?.name ?? code;

// ---- reading
async function readGrid(fit = false) {
  if (!grid.value) return;
  const about = query({ grid: grid.value });
  try {
    const [units, buildings] = await Promise.all([
      request(`/units?${about}`, 'units'),
      request(`/units/buildings?${about}`, 'buildings'),
    ]);
    Object.assign(state, { units, buildings: buildings.features });
  } catch (error) {
    if (error.name !== 'AbortError') say(error.message, true);
    return;
  }
  history.replaceState(null, '', `?${about}`);
  drawBuildings(state.buildings, state.units.units, chooseBuilding, fit); // first: it gives the colours
  listUnits();
  listBuildings();
  markBuilding(state.building);
  if ($('history').open) await readChanges();
  document.body.dataset.ready = '';
}

async function chooseBuilding(code) {
  state.building = building.value = code;
  state.chosen.clear();
  markBuilding(code);
  await readHomes();
}

async function readHomes() {
  if (!state.building) return drawHomes();
  try {
    state.homes = (await request(`/units/homes?${query({ building: state.building })}`, 'homes')).items;
  } catch (error) {
    if (error.name !== 'AbortError') say(error.message, true);
    return undefined;
  }
  return drawHomes();
}

async function readChanges() {
  const { items } = await request(`/units/changes?${query({ grid: grid.value, limit: 50 })}`, 'changes');
  $('changes').replaceChildren(...items.map(changeItem));
}

const CHANGES = {
  create: (change) => t('Created %(name)s', { name: change.detail.name }),
  move: (change) => t('%(n)s homes to %(name)s', { n: number(change.homes), name: change.name }),
  rename: (change) => t('Renamed %(from)s to %(name)s', { from: change.detail.from, name: change.detail.name }),
  retire: (change) => t('Retired %(name)s', { name: change.name }),
  load: () => t('Loaded from a table'),
};
const changeItem = (change) =>
  h(
    'li',
    {},
    h('b', {}, CHANGES[change.kind](change)),
    h('br'),
    `${dateTime(change.at)} · ${change.author}${change.reason ? ` · ${change.reason}` : ''}`,
  );

// ---- the list
function listUnits() {
  const { units, without_unit: without } = state.units,
    before = target.value,
    homes = number(units.reduce((sum, unit) => sum + unit.households, 0));
  $('total').textContent = without
    ? t('%(homes)s homes in %(units)s units', { homes, units: units.length })
    : t('%(homes)s homes in %(units)s units, each in exactly one', { homes, units: units.length });
  $('units').replaceChildren(
    ...units.map(unitItem),
    without ? h('li', { className: 'unt-unit' }, mark(''), t('%(n)s homes in no unit', { n: number(without) })) : '',
  );
  target.replaceChildren(
    ...units.map((unit) => h('option', { value: unit.code }, `${unit.name}（${unit.households}）`)),
  );
  if (unitOf(before)) target.value = before;
}

const mark = (code) => {
  const square = h('i', { className: 'unt-mark', 'aria-hidden': 'true' });
  square.style.background = colourOf(code);
  return square;
};

function sizeText(unit) {
  const [low, high] = page.bands;
  const size = unit.households < low ? t('few') : unit.households > high ? t('many') : '';
  return t('%(n)s homes', { n: number(unit.households) }) + (size && unit.households ? `（${size}）` : '');
}

const headText = (unit) =>
  unit.head ? t('Head: %(name)s', { name: unit.head }) : unit.has_head ? t('Headed') : t('Head vacant');

function partText(part) {
  const stairs = part.stairwell === null ? '' : ` ${t('Stairwell %(name)s', { name: part.stairwell })}`;
  const floors =
    part.floor_from === null ? '' : ` ${t('floors %(low)s–%(high)s', { low: part.floor_from, high: part.floor_to })}`;
  return part.name + stairs + floors;
}

function unitItem(unit) {
  return h(
    'li',
    { className: 'unt-unit', 'data-unit': unit.code, 'data-empty': !unit.households },
    mark(unit.code),
    h('b', {}, unit.name),
    h('p', {}, unit.households ? sizeText(unit) : t('No home yet'), ' · ', headText(unit)),
    h('p', { className: 'quiet' }, unit.parts.map(partText).join('；')),
    unit.elsewhere
      ? h('p', { className: 'warn' }, t('%(n)s homes stand in another grid', { n: number(unit.elsewhere) }))
      : '',
    h('button', { type: 'button', className: 'link', onclick: () => editName(unit) }, t('Rename')),
    unit.households ? '' : h('button', { type: 'button', className: 'link', onclick: () => retire(unit) }, t('Retire')),
  );
}

function editName(unit) {
  const field = h('input', { value: unit.name, maxlength: 100, 'aria-label': t('New name') });
  const form = h('form', {}, field, h('button', { className: 'link' }, t('Save the name')));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    await change('PATCH', `/units/${unit.code}`, { name: field.value }, () => '');
  });
  document.querySelector(`[data-unit="${unit.code}"]`).append(form);
  field.select();
}

// ---- the homes of a building
function listBuildings() {
  const options = state.buildings.map(({ properties }) => {
    const homes = Object.values(properties.homes).reduce((sum, n) => sum + n, 0);
    return h('option', { value: properties.code }, `${properties.estate} ${properties.name}（${homes}）`);
  });
  building.replaceChildren(h('option', { value: '' }, t('Choose a building')), ...options);
  building.value = state.building;
}

function drawHomes() {
  $('homes').replaceChildren(
    ...(state.homes.length
      ? doorTable(state.homes, state.chosen, drawChosen)
      : [h('p', { className: 'quiet' }, t('Click a building on the map, or choose it here.'))]),
  );
  drawChosen();
}

function drawChosen() {
  const count = state.chosen.size;
  document.querySelectorAll('.unt-home').forEach((/** @type {HTMLElement} */ button) => {
    button.setAttribute('aria-pressed', String(state.chosen.has(state.homes[Number(button.dataset.home)])));
  });
  /** @type {HTMLElement} */ (document.querySelector('.unt-go')).hidden = !state.homes.length;
  $('move').textContent = count ? t('Move %(n)s homes', { n: number(count) }) : t('Select homes first.');
  $('move').disabled = !count;
}

// ---- changing
async function change(method, path, body, done) {
  say('');
  try {
    const answer = await call(
      method,
      path,
      { ...body, reason: $('reason').value },
      { 'If-Match': `"${state.units.version}"`, 'Idempotency-Key': crypto.randomUUID() },
    );
    const text = done(answer);
    await refresh();
    say(text);
  } catch (error) {
    const stale = error.problem?.code === 'unit.stale_version';
    if (stale) await refresh();
    say(stale ? t('Somebody else changed these units; they were read again. Check and repeat.') : error.message, true);
    if (!$('reason').value.trim()) $('reason').focus();
  }
}

async function refresh() {
  state.chosen.clear();
  await Promise.all([readGrid(), readHomes()]);
}

const retire = (unit) =>
  change('POST', `/units/${unit.code}/retire`, {}, () => t('%(name)s is retired.', { name: unit.name }));

function moveChosen() {
  const to = target.value;
  const homes = selectionOf(state.building, state.chosen);
  return change('POST', '/units/moves', { to, homes }, (answer) => {
    const left = answer.emptied.map(nameOf).join('、');
    return [
      t('%(n)s homes moved to %(name)s.', { n: number(answer.moved), name: nameOf(to) }),
      left && t('Left without homes: %(names)s.', { names: left }),
    ].join(' ');
  });
}

grid.addEventListener('change', () => {
  Object.assign(state, { building: '', homes: [] });
  state.chosen.clear();
  say('');
  drawHomes();
  readGrid(true);
});
building.addEventListener('change', () => {
  state.homes = [];
  chooseBuilding(building.value);
});
$('create').addEventListener('click', () =>
  change('POST', '/units', { grid: grid.value }, (unit) => t('%(name)s is created.', { name: unit.name })),
);
$('move').addEventListener('click', moveChosen);
$('clear').addEventListener('click', () => {
  state.chosen.clear();
  drawChosen();
});
$('history').addEventListener('toggle', () => $('history').open && readChanges());
window.wangge.map.getContainer().style.background = colour('ground');
readGrid(true);
