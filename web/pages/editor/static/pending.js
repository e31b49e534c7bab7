// Drawings that were refused or could not be sent: they stay on the map, with the reason beside the place, until the
// planner mends them, sends them again or drops them.
import { h, page } from '../../shared/dom.js';
import { t } from '../../shared/i18n.js';
import { query } from '../../shared/request.js';
import { over } from './picture.js';
import { INK, lonlat, map, named, state } from './state.js';
import { operate } from './steps.js';
import { store } from './stored.js';
import { TOOLS } from './tools.js';

const STYLE = { color: INK.chosen, weight: 3, dashArray: '7 5', fillOpacity: 0.08, snapIgnore: true };
const SHAPES = ['line', 'region', 'geometry']; // the fields of an operation that are drawn

const latlng = ([lon, lat]) => [lat, lon];
const field = (op) => SHAPES.find((name) => op[name]);

/** @returns {boolean} whether an operation has something that would be lost */
export const isDrawn = (op) => Boolean(field(op)) || op.op === 'move_vertex';

// The shape of an operation as a layer; its corners may be moved, but for those of a vertex that was dragged.
function layerOf(op) {
  const name = field(op);
  if (!name) {
    const ends = op.edge ? [op.edge[0], op.to, op.edge[1]] : [op.from, op.to];
    return L.polyline(ends.map(latlng), { ...STYLE, interactive: false, pmIgnore: true });
  }
  const { type, coordinates } = op[name];
  return type === 'LineString'
    ? L.polyline(coordinates.map(latlng), STYLE)
    : L.polygon(coordinates[0].slice(0, -1).map(latlng), STYLE);
}

// The operation with its shape as it was mended.
function mended({ op, layer }) {
  const name = field(op);
  if (!name) return op;
  const points = op[name].type === 'LineString' ? layer.getLatLngs() : layer.getLatLngs()[0];
  const coordinates = points.map(lonlat);
  const shape = op[name].type === 'LineString' ? coordinates : [[...coordinates, coordinates[0]]];
  return { ...op, [name]: { type: op[name].type, coordinates: shape } };
}

// Where the server says that it failed, else the middle of the drawing.
function placeOf(problem, layer) {
  const [lon, lat] = (/^-?[\d.]+, -?[\d.]+/.exec(problem?.params?.at ?? '')?.[0] ?? '').split(', ').map(Number);
  return lat && map.getBounds().pad(1).contains([lat, lon]) ? [lat, lon] : layer.getBounds().getCenter();
}

export function keep(op, { message, problem }, key) {
  const layer = layerOf(op).addTo(over);
  const ended = problem?.status === 401; // the session: what was drawn waits for the next one
  const reason = ended ? t('Your session has ended. Sign in again: what you drew is kept here.') : named(message);
  const entry = { op, layer, reason, ended, key: ended || problem?.status === 0 ? key : null };
  state.pending.push(entry);
  layer.pm?.enable({ snappable: state.snap, allowSelfIntersection: true });
  entry.popup = L.popup({
    closeButton: false,
    closeOnClick: false,
    autoClose: false,
    className: 'ed-pending',
    maxWidth: 300,
    autoPanPaddingTopLeft: [24, 24],
    autoPanPaddingBottomRight: [84, 24],
  })
    .setLatLng(placeOf(problem, layer))
    .setContent(card(entry))
    .addTo(over);
  // two drawings of one grid: the card that is pointed at, itself or by its drawing, lies above the other
  const raise = () => entry.popup.bringToFront();
  entry.popup.getElement().addEventListener('pointerenter', raise);
  layer.on('mouseover', raise);
  store();
}

const signInHref = () => `${page.sign_in}?${query({ next: location.pathname + location.search })}`;

const card = (entry) =>
  h(
    'div',
    { role: 'alert' },
    h('b', {}, t('Not saved')),
    h('p', {}, entry.reason),
    entry.ended ? h('p', {}, h('a', { href: signInHref() }, t('Sign in'))) : null,
    field(entry.op) ? h('small', {}, t('Drag its corners to mend it.')) : null,
    h(
      'p',
      { className: 'ed-buttons' },
      h('button', { type: 'button', className: 'button', onclick: () => again(entry) }, t('Try again')),
      h('button', { type: 'button', className: 'link', onclick: () => drop(entry) }, t('Drop it')),
    ),
  );

function again(entry) {
  const op = mended(entry),
    same = JSON.stringify(op) === JSON.stringify(entry.op);
  drop(entry);
  if (op.op === 'split' && !op.code) return TOOLS.split.finish(op.line.coordinates, []); // it was beside every grid
  // what may have arrived is sent under its own key again, so that it is done once
  return operate(op, { key: same ? entry.key : null });
}

function drop(entry) {
  state.pending = state.pending.filter((other) => other !== entry);
  entry.layer.pm?.disable();
  entry.layer.remove();
  entry.popup.remove();
  store();
}

// The drawing that the planner dealt with last, for Escape.
export function dropLast() {
  const entry = state.pending.at(-1);
  if (entry) drop(entry);
  return Boolean(entry);
}
