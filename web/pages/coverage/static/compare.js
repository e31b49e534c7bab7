// Two maps of minutes in one, with a divider: what is asked on the left, and what is compared with it on the right.
import { $, page } from '../../shared/dom.js';
import { t } from '../../shared/i18n.js';
import { fieldValue } from '../../shared/moment.js';
import { state, writeAddress } from './address.js';
import { clipSides, compareWith } from './outlines.js';
import { map } from './drawing.js';
import { changesOf, moved, within } from './sides.js';
import { plannedPlaces } from './siting.js';

const field = $('with'),
  time = $('with-time'),
  room = $('compare'),
  divider = $('divider');
const MIDDLE = 50;
let changed = () => {};
export const onCompare = (listener) => (changed = listener);

/** What changes on the right side; null while nothing is compared. */
export const otherChanges = () =>
  isOffered(state.with) ? changesOf(state.with, page.may.plan ? plannedPlaces() : []) : null;

const isTimed = (text) => /^at\.\d/.test(text);
const isOffered = (text) => isTimed(text) || [...field.options].some((option) => option.value === text);
const optionText = (value) => field.querySelector(`option[value="${CSS.escape(value)}"]`)?.textContent.trim() ?? '';

// ---- the control
export function fillCompare(texts) {
  const offered = {
    [`profile.${state.profile}`]: false,
    'at.any': Boolean(state.at),
    'at.now': state.at !== 'now',
    sites: page.may.plan && plannedPlaces().length > 0,
  };
  for (const option of field.options) option.hidden = option.disabled = offered[option.value] === false;
  const timed = isTimed(state.with);
  field.value = timed ? 'at.then' : otherChanges() ? state.with : '';
  $('with-then').hidden = field.value !== 'at.then';
  if (timed) time.value = fieldValue(state.with.slice(3));
  showSides(texts);
}

field.addEventListener('change', () => {
  $('with-then').hidden = field.value !== 'at.then';
  if (field.value === 'at.then' && !time.value) return time.focus();
  compare(field.value === 'at.then' ? `at.${time.value}` : field.value);
});
time.addEventListener('change', () => time.value && compare(`at.${time.value}`));

function compare(text) {
  writeAddress({ with: text, split: '' }, true);
  changed();
}

// ---- the sides
// The names of the left and the right; `texts` are what the controls of the question say.
function namesOf({ profile, at, clock }) {
  const [kind, value] = state.with.split(/\.(.*)/s);
  if (kind === 'circle') return [t('On foot'), t('Straight circle')];
  if (kind === 'sites') return [t('As it is'), t('With the new places')];
  if (kind === 'profile') return [profile, optionText(state.with)];
  return [at, value === 'any' ? t('at any time') : value === 'now' ? t('open now') : clock(value)];
}

function showSides(texts) {
  const changes = otherChanges();
  compareWith(changes);
  room.hidden = !changes;
  if (!changes) return clipSides(null);
  const [left, right] = namesOf(texts);
  $('side-left').textContent = left;
  $('side-right').textContent = right;
  divider.setAttribute('aria-label', t('Divider: left %(left)s, right %(right)s', { left, right }));
  place(state.split === '' ? MIDDLE : Number(state.split));
}

export const sideNames = () => [$('side-left').textContent, $('side-right').textContent];

// The shares of both sides, as text.
export function showShares(left, right) {
  $('share-left').textContent = left;
  $('share-right').textContent = right;
}

// ---- the divider
let share = MIDDLE;
export const dividerShare = () => (room.hidden ? null : share / 100);

function place(percent) {
  share = Number.isFinite(percent) ? within(percent) : MIDDLE;
  room.style.left = `clamp(22px, ${share}%, calc(100% - 22px))`; // the handle stays within the map
  divider.setAttribute('aria-valuenow', String(share));
  divider.setAttribute('aria-valuetext', `${share}%`);
  clipSides(share / 100);
}
const keep = () => writeAddress({ split: share === MIDDLE ? '' : String(share) });

divider.addEventListener('keydown', (event) => {
  const next = moved(share, event.key);
  if (next === null) return;
  event.preventDefault();
  event.stopPropagation(); // the map would move
  place(next);
  keep();
});
divider.addEventListener('pointerdown', (event) => {
  event.preventDefault();
  event.stopPropagation();
  divider.focus();
  divider.setPointerCapture(event.pointerId);
});
divider.addEventListener('pointermove', (event) => {
  if (!divider.hasPointerCapture(event.pointerId)) return;
  const box = map.getContainer().getBoundingClientRect();
  place((100 * (event.clientX - box.left)) / box.width);
});
divider.addEventListener('lostpointercapture', keep);
map.on('move zoom viewreset resize zoomend', () => clipSides(dividerShare()));
