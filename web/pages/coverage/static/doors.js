// Doors and gates, from a near view on: seen and changed by who plans there. What the server refuses stands beside the door.
import { $, h, isEscape, page, phone } from '../../shared/dom.js';
import { distanceText } from '../../shared/distance.js';
import { t } from '../../shared/i18n.js';
import { call, RequestError } from '../../shared/request.js';
import { askAll } from './answers.js';
import { drawnBuildings, viewBox } from './outlines.js';
import { drawnFacilities, map, mapStatus, releaseClicks, takeClicks } from './drawing.js';
import { ownersNear } from './owners.js';
import { field } from './popups.js';

const FROM_ZOOM = 17;
const NUDGE_PX = 4,
  NUDGE_PAUSE_MS = 800;
const KINDS = {
  main: t('Main entrance'),
  side: t('Side entrance'),
  gate: t('Gate'),
  service: t('Goods entrance'),
};
const layer = L.layerGroup().addTo(map);
let doors = [],
  box = null, // whose doors are drawn
  editing = false,
  adding = false,
  changes = 0, // made on this page
  shownChanges = 0; // of them those that the figures count
let finished = () => {};
export const onDoorsChanged = (listener) => (finished = listener);

// ---- seeing
export async function drawDoors(anew = false) {
  const near = page.may.plan && map.getZoom() >= FROM_ZOOM;
  $('doors').hidden = !near;
  if (!near) {
    if (editing) edit(false);
    layer.clearLayers();
    box = null;
    return;
  }
  if (!anew && box?.contains(map.getBounds())) return;
  const bounds = map.getBounds();
  const before = changes;
  try {
    const answer = await askAll('/entrances', { bbox: viewBox() }, 'entrances');
    if (changes !== before) return drawDoors(true); // it may be of before a change
    doors = answer;
  } catch (error) {
    if (error.name === 'AbortError') return;
    if (!(error instanceof RequestError)) throw error;
    return mapStatus(error.message);
  }
  box = bounds;
  draw();
}

// All anew; the door that had the focus has it still.
function draw() {
  const holds = (marker) => marker.getElement() === document.activeElement;
  const focused = layer.getLayers().find(holds)?.options.id;
  layer.clearLayers();
  doors.forEach((door) => markerOf(door).addTo(layer));
  if (focused)
    layer
      .getLayers()
      .find(({ options }) => options.id === focused)
      ?.getElement()
      .focus({ preventScroll: true });
}

const ownerName = ({ owner, owner_code }) =>
  candidates().find((each) => each.owner === owner && each.code === owner_code)?.name ?? owner_code;
const titleOf = (door) => `${KINDS[door.kind] ?? door.kind} · ${ownerName(door)}`;

function markerOf(door) {
  const marker = L.marker([door.lat, door.lon], {
    id: door.id,
    draggable: editing,
    autoPan: true,
    keyboard: editing,
    bubblingMouseEvents: !editing, // a click may be meant for the map
    title: titleOf(door),
    alt: titleOf(door),
    icon: L.divIcon({
      className: `cov-door ${door.kind}${editing ? ' editing' : ''}`,
      iconSize: editing ? [24, 24] : [8, 8],
    }),
    zIndexOffset: 300,
  });
  if (!editing) return marker;
  marker.on('click', () => openForm(door, marker));
  marker.on('dragend', () => move(door, marker));
  marker.on('add', () => marker.getElement().addEventListener('keydown', (event) => nudge(event, door, marker)));
  return marker;
}

// ---- moving
let pause = null;
function nudge(event, door, marker) {
  const step = {
    ArrowUp: [0, -NUDGE_PX],
    ArrowDown: [0, NUDGE_PX],
    ArrowLeft: [-NUDGE_PX, 0],
    ArrowRight: [NUDGE_PX, 0],
  }[event.key];
  if (!step) return;
  event.preventDefault();
  event.stopPropagation();
  marker.setLatLng(map.containerPointToLatLng(map.latLngToContainerPoint(marker.getLatLng()).add(step)));
  clearTimeout(pause);
  pause = setTimeout(() => move(door, marker), NUDGE_PAUSE_MS);
}

const placeOf = (marker) => {
  const { lng, lat } = marker.getLatLng();
  return { lon: Number(lng.toFixed(7)), lat: Number(lat.toFixed(7)), crs: 'cgcs2000' };
};

async function move(door, marker) {
  try {
    take(door, await change(door, placeOf(marker)));
    mapStatus(t('Moved: %(what)s', { what: titleOf(door) }));
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    marker.setLatLng([door.lat, door.lon]);
    refuse(error, door, marker);
  }
}

const change = (door, body) => call('PATCH', `/entrances/${door.id}`, body, { 'If-Match': `"${door.version}"` });

// The answer to a change, into the door that was changed and that of the list, which may have been read anew meanwhile.
function take(door, answer) {
  Object.assign(door, answer);
  Object.assign(doors.find(({ id }) => id === door.id) ?? door, answer);
  changes++;
}

// Popups stay clear of what lies over the map on the left.
const besideDoor = () => ({
  className: 'cov-door-popup',
  maxWidth: 300,
  offset: [0, -6],
  autoPanPaddingTopLeft: phone.matches ? [8, 8] : [300, 16],
});

// A refusal beside its door; of one that somebody else has changed the newest is read.
function refuse(error, door, marker) {
  const popup = L.popup(besideDoor())
    .setLatLng(marker.getLatLng())
    .setContent(h('p', { className: 'cov-wrong', role: 'alert' }, error.message));
  popup.openOn(map);
  readAgain(error);
}

const readAgain = ({ problem }) => [404, 409].includes(problem.status) && drawDoors(true);

// ---- adding
function candidates() {
  const buildings = drawnBuildings().map(({ geometry, properties }) => ({
    owner: 'building',
    code: properties.code,
    name: properties.name || properties.code,
    geometry,
  }));
  const facilities = drawnFacilities().map((facility) => ({
    owner: 'facility',
    code: facility.code,
    name: facility.name || facility.category_zh,
    geometry: { type: 'Point', coordinates: [facility.lon, facility.lat] },
  }));
  return [...buildings, ...facilities];
}

function setAdding(on) {
  if (on) takeClicks(placeDoor, () => setAdding(false));
  else releaseClicks(placeDoor);
  adding = on;
  $('doors-add').setAttribute('aria-pressed', String(on));
  map.getContainer().classList.toggle('cov-adding', on);
  mapStatus(on ? t('Click the place of the new door') : '');
}

// A click on the map where a door is to be added.
function placeDoor(latlng) {
  setAdding(false);
  const door = { kind: 'side', hours: '', note: '', lon: latlng.lng, lat: latlng.lat };
  const owners = ownersNear(candidates(), [latlng.lng, latlng.lat]);
  const marker = markerOf({ ...door, owner: '', owner_code: owners[0]?.code ?? '' }).addTo(layer);
  marker.off('dragend').off('click');
  if (owners.length) openForm(door, marker, owners);
  else {
    refuse(
      new RequestError({ status: 0, detail: t('No building or facility within 50 m of this place.') }),
      door,
      marker,
    );
    marker.remove();
  }
}

// ---- the form beside a door
function openForm(door, marker, owners = null) {
  const isNew = owners !== null;
  const wrong = h('p', { className: 'cov-wrong', role: 'alert', hidden: true });
  const option = (value, label, chosen) => h('option', { value, selected: chosen }, label);
  const form = h(
    'form',
    { className: 'cov-door-form' },
    isNew
      ? field(
          t('Belongs to'),
          h(
            'select',
            { name: 'owner' },
            owners.map(({ name, metres }, i) => option(String(i), `${name} · ${distanceText(metres)}`, i === 0)),
          ),
        )
      : h('h3', {}, ownerName(door)),
    field(
      t('Kind'),
      h(
        'select',
        { name: 'kind' },
        Object.entries(KINDS).map(([kind, label]) => option(kind, label, kind === door.kind)),
      ),
    ),
    field(
      t('Open hours'),
      h('input', { name: 'hours', value: door.hours, placeholder: 'Mo-Fr 08:00-18:00', maxlength: 500 }),
    ),
    field(t('Note'), h('input', { name: 'note', value: door.note, maxlength: 500 })),
    wrong,
    h(
      'p',
      { className: 'cov-row' },
      h('button', { className: 'button', type: 'submit' }, isNew ? t('Add') : t('Save')),
      isNew
        ? null
        : h(
            'button',
            { className: 'cov-second', type: 'button', onclick: () => send(() => remove(door)) },
            t('Remove'),
          ),
    ),
  );
  const popup = L.popup({ ...besideDoor(), minWidth: 240 })
    .setLatLng(marker.getLatLng())
    .setContent(form);
  let isDone = false;
  const send = async (work) => {
    wrong.hidden = true;
    try {
      await work();
      isDone = true;
      popup.close();
      draw();
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      wrong.textContent = error.message;
      wrong.hidden = false;
      popup.update();
      readAgain(error);
    }
  };
  popup.on('remove', () => {
    if (isNew && !isDone) marker.remove();
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const { kind, hours, note, owner } = form.elements;
    const facts = { kind: kind.value, hours: hours.value.trim(), note: note.value.trim() };
    send(() => (isNew ? add(owners[Number(owner.value)], marker, facts) : save(door, facts)));
  });
  popup.openOn(map);
  form.elements.kind.focus();
}

async function add({ owner, code }, marker, facts) {
  const door = await call('POST', '/entrances', { owner, owner_code: code, ...placeOf(marker), ...facts });
  // the list may have been read anew meanwhile, before or after the door was added
  doors = [...doors.filter(({ id }) => id !== door.id), door];
  changes++;
  mapStatus(t('Added: %(what)s', { what: titleOf(door) }));
}

async function save(door, facts) {
  take(door, await change(door, facts));
  mapStatus(t('Saved: %(what)s', { what: titleOf(door) }));
}

async function remove(door) {
  await call('DELETE', `/entrances/${door.id}`, null, { 'If-Match': `"${door.version}"` });
  doors = doors.filter(({ id }) => id !== door.id);
  changes++;
  mapStatus(t('Removed: %(what)s', { what: titleOf(door) }));
}

// ---- the mode
function edit(on) {
  editing = on;
  $('doors-edit').setAttribute('aria-pressed', String(on));
  $('doors-add').hidden = !on;
  if (!on) {
    setAdding(false);
    map.closePopup();
    if (changes > shownChanges) finished(); // the figures follow the doors
    shownChanges = changes;
  }
  draw();
}

if (page.may.plan) {
  $('doors-edit').addEventListener('click', () => edit(!editing));
  $('doors-add').addEventListener('click', (event) => {
    setAdding(!adding);
    if (adding && event.detail === 0) placeDoor(map.getCenter()); // by the keyboard: in the middle of the map
  });
  addEventListener('keydown', (event) => {
    if (!isEscape(event) || !adding) return;
    event.preventDefault();
    setAdding(false);
  });
}
