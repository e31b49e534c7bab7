// Facilities as planners state them: changed, added and closed beside their place on the map.
import { $, h, isEscape, page } from '../../shared/dom.js';
import { t } from '../../shared/i18n.js';
import { call } from '../../shared/request.js';
import { state } from './address.js';
import { editFacilities, map, mapStatus, releaseClicks, takeClicks } from './drawing.js';
import { attempt, field, popupAt, refusal, sayAfter } from './popups.js';

const FROM_ZOOM = 15;
let editing = false,
  adding = false;
let changed = async () => {};
export const onFacilitiesChanged = (listener) => (changed = listener);

/** Offers editing where the map is near enough. */
export function offerFacilities() {
  if (!page.may.plan) return;
  const near = map.getZoom() >= FROM_ZOOM;
  $('facilities').hidden = !near;
  if (!near && editing) edit(false);
}

function edit(on) {
  editing = on;
  $('facilities-edit').setAttribute('aria-pressed', String(on));
  $('facilities-add').hidden = !on;
  if (!on) setAdding(false);
  editFacilities(on ? openForm : null);
}

const stopAdding = () => setAdding(false);
function setAdding(on) {
  if (on) takeClicks(placeFacility, stopAdding);
  else releaseClicks(placeFacility);
  adding = on;
  $('facilities-add').setAttribute('aria-pressed', String(on));
  map.getContainer().classList.toggle('cov-adding', on);
  mapStatus(on ? t('Click where people go in') : '');
}

function placeFacility({ lng, lat }) {
  setAdding(false);
  openForm({
    lon: Number(lng.toFixed(7)),
    lat: Number(lat.toFixed(7)),
    category: state.category.split(',')[0],
    name: '',
    opening_hours: '',
    contact: '',
    capacity: null,
  });
}

// ---- the form; a facility without code is a new one
const text = (facility, name, more = {}) => h('input', { name, value: facility[name], maxlength: 500, ...more });

const category = (chosen) =>
  h(
    'select',
    { name: 'category' },
    [.../** @type {HTMLSelectElement} */ ($('controls').elements.what).options].map(({ value, label }) =>
      h('option', { value, selected: value === chosen }, label),
    ),
  );

function openForm(facility) {
  const isNew = !facility.code;
  const wrong = refusal();
  const form = h(
    'form',
    { className: 'cov-door-form' },
    h('h3', {}, isNew ? t('New facility') : facility.name || facility.category_zh),
    field(t('Name'), text(facility, 'name')),
    field(t('Service'), category(facility.category)),
    field(t('Open hours'), text(facility, 'opening_hours', { placeholder: 'Mo-Fr 08:00-18:00' })),
    field(
      t('Capacity (places, beds or doctors)'),
      h('input', { name: 'capacity', type: 'number', min: 0, step: 1, value: facility.capacity ?? '' }),
    ),
    field(t('Telephone'), text(facility, 'contact')),
    wrong,
    h(
      'p',
      { className: 'cov-row' },
      h('button', { className: 'button', type: 'submit' }, isNew ? t('Add') : t('Save')),
      isNew ? null : closing(facility, (...work) => attempt(popup, wrong, ...work)),
    ),
  );
  const popup = popupAt([facility.lon, facility.lat], form);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const facts = factsOf(form);
    attempt(
      popup,
      wrong,
      () => (isNew ? add(facility, facts) : change(facility, facts)),
      () => follow(t('Saved: %(what)s', { what: facts.name || form.elements.category.selectedOptions[0].label })),
    );
  });
  form.elements.name.focus();
}

const factsOf = (form) => {
  const { name, category: service, opening_hours, contact, capacity } = form.elements;
  return {
    name: name.value.trim(),
    category: service.value,
    opening_hours: opening_hours.value.trim(),
    contact: contact.value.trim(),
    capacity: capacity.value === '' ? null : Number(capacity.value),
  };
};

const add = ({ lon, lat }, facts) => call('POST', '/facilities', { lon, lat, crs: 'cgcs2000', ...facts });
// What OSM says of hours may be unreadable: it is sent only where it changes.
const send = (method, facility, facts) =>
  call(
    method,
    `/facilities/${encodeURIComponent(facility.code)}`,
    facts && Object.fromEntries(Object.entries(facts).filter(([name, value]) => value !== facility[name])),
    { 'If-Match': `"${facility.version}"` },
  );

// The version of the answer stands on the marker at once: what follows before the list is read anew is no conflict.
const change = async (facility, facts) => Object.assign(facility, await send('PATCH', facility, facts));

// A button that asks once more before it closes the facility.
function closing(facility, attempted) {
  let isSure = false;
  const button = h('button', { className: 'cov-second', type: 'button' }, t('It has closed'));
  button.addEventListener('click', () => {
    if (!isSure) {
      isSure = true;
      button.textContent = t('Take it away for good');
      return;
    }
    attempted(
      () => send('DELETE', facility, null),
      () => follow(t('Removed: %(what)s', { what: facility.name || facility.category_zh })),
    );
  });
  return button;
}

const follow = (done) => sayAfter(changed(), done);

if (page.may.plan) {
  $('facilities-edit').addEventListener('click', () => edit(!editing));
  $('facilities-add').addEventListener('click', (event) => {
    setAdding(!adding);
    if (adding && event.detail === 0) placeFacility(map.getCenter()); // by the keyboard: the middle of the map
  });
  addEventListener('keydown', (event) => {
    if (!isEscape(event) || !adding) return;
    event.preventDefault();
    setAdding(false);
  });
}
