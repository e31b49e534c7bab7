// Where planners say that the map is behind: paths closed and added, and gates. Seen by who plans there, stated and
// withdrawn here; what the server refuses stands beside the place.
import { $, colour, h, isEscape, page } from '../../shared/dom.js';
import { t } from '../../shared/i18n.js';
import { dateTime } from '../../shared/moment.js';
import { call, RequestError } from '../../shared/request.js';
import { askAll } from './answers.js';
import { giveClick, map, mapStatus, releaseClicks, takeClicks } from './drawing.js';
import { viewBox } from './outlines.js';
import { attempt, field, popupAt, refusal, sayAfter } from './popups.js';

const FROM_ZOOM = 15;
const KINDS = { close: t('Path closed'), add: t('Path added'), gate: t('Gate on a path') };
const TOOLS = { close: 'paths-close', add: 'paths-add', gate: 'paths-gate' };
const HINTS = {
  close: t('Click the path that is closed'),
  add: t('Click along the new path, then finish it'),
  gate: t('Click the place of the gate'),
};
const MISFIT = t('Fits no path of the map now');
const STATES = { to_come: t('to come') };
map.createPane('cov-paths').style.zIndex = '395';
const renderer = L.svg({ pane: 'cov-paths' });
const layer = L.layerGroup().addTo(map),
  draft = L.layerGroup().addTo(map);
let edits = [],
  tool = null, // of TOOLS, while a click on the map states something
  corners = []; // of the path that is being drawn, [lon, lat]
let changed = async () => {};
export const onPathsChanged = (listener) => (changed = listener);

// ---- seeing
export async function drawPaths() {
  if (!page.may.plan) return;
  const near = map.getZoom() >= FROM_ZOOM;
  $('paths').hidden = !near;
  if (!near) {
    setTool(null);
    layer.clearLayers();
    return;
  }
  try {
    edits = await askAll('/network/edits', { bbox: viewBox() }, 'edits');
  } catch (error) {
    if (error.name === 'AbortError') return;
    if (!(error instanceof RequestError)) throw error;
    return mapStatus(error.message);
  }
  layer.clearLayers();
  edits.filter(({ state }) => state !== 'over').forEach((edit) => shapeOf(edit).addTo(layer));
}

const titleOf = (edit) =>
  [KINDS[edit.kind] ?? edit.kind, edit.hours, edit.reason, STATES[edit.state], edit.problem && MISFIT]
    .filter(Boolean)
    .join(' · ');

function shapeOf(edit) {
  const { type, coordinates } = edit.geometry;
  const faint = edit.state !== 'in_force';
  const shape =
    type === 'Point'
      ? markerAt(coordinates, edit.kind, titleOf(edit), faint)
      : lineOf(coordinates, edit.kind, { opacity: faint ? 0.5 : 1 });
  return shape
    .bindTooltip(document.createTextNode(titleOf(edit)), { className: 'name', sticky: type !== 'Point' })
    .on('click', (event) => {
      L.DomEvent.stop(event);
      if (!giveClick(event.latlng)) openEdit(edit, event.latlng);
    });
}

const markerAt = ([lon, lat], kind, title, faint = false) =>
  L.marker([lat, lon], {
    title,
    alt: title,
    icon: L.divIcon({
      className: `cov-edit ${kind}${faint ? ' faint' : ''}`,
      html: kind === 'gate' ? '‖' : '×',
      iconSize: [22, 22],
    }),
    zIndexOffset: 200,
  });

function lineOf(coordinates, kind, style = {}) {
  const points = coordinates.map(([lon, lat]) => [lat, lon]);
  const stroke = (options) => L.polyline(points, { renderer, pane: 'cov-paths', ...style, ...options });
  const isClosed = kind === 'close';
  return L.featureGroup([
    stroke({ color: colour('white'), weight: 8 }),
    stroke({ color: colour(isClosed ? 'chosen' : 'ink'), weight: 4, dashArray: isClosed ? '2 7' : null }),
  ]);
}

// ---- stating
const stopTool = () => setTool(null);
function setTool(name) {
  if (name) takeClicks(placePath, stopTool);
  else releaseClicks(placePath);
  tool = name;
  corners = [];
  draft.clearLayers();
  for (const [key, id] of Object.entries(TOOLS)) $(id).setAttribute('aria-pressed', String(key === name));
  $('paths-finish').hidden = name !== 'add';
  $('paths-finish').disabled = true;
  map.getContainer().classList.toggle('cov-adding', name !== null);
  mapStatus(name ? HINTS[name] : '');
}

// A click on the map: all that closing and gates need, one corner of a new path.
function placePath({ lng, lat }) {
  const point = /** @type {[number, number]} */ ([Number(lng.toFixed(7)), Number(lat.toFixed(7))]);
  if (tool !== 'add') {
    const kind = tool;
    setTool(null);
    markerAt(point, kind, KINDS[kind]).addTo(draft);
    return openForm(kind, { type: 'Point', coordinates: point });
  }
  corners.push(point);
  draft.clearLayers();
  lineOf(corners, 'add').addTo(draft);
  corners.forEach(([x, y]) =>
    L.circleMarker([y, x], { renderer, pane: 'cov-paths', radius: 5, color: colour('ink'), weight: 2 }).addTo(draft),
  );
  $('paths-finish').disabled = corners.length < 2;
}

function finishPath() {
  const coordinates = corners;
  setTool(null);
  lineOf(coordinates, 'add').addTo(draft);
  openForm('add', { type: 'LineString', coordinates });
}

const follow = (done) => sayAfter(Promise.all([drawPaths(), changed()]), done);

function openForm(kind, geometry) {
  const wrong = refusal();
  const form = h(
    'form',
    { className: 'cov-door-form' },
    h('h3', {}, KINDS[kind]),
    kind === 'gate'
      ? field(
          t('Open hours'),
          h('input', { name: 'hours', placeholder: '06:00-22:00', required: true, maxlength: 500 }),
        )
      : null,
    field(t('Reason'), h('input', { name: 'reason', maxlength: 500 })),
    field(t('From'), h('input', { name: 'from', type: 'datetime-local' })),
    field(t('Until'), h('input', { name: 'until', type: 'datetime-local' })),
    wrong,
    h('p', { className: 'cov-row' }, h('button', { className: 'button', type: 'submit' }, t('Save'))),
  );
  const end = geometry.type === 'Point' ? geometry.coordinates : geometry.coordinates.at(-1);
  const popup = popupAt(end, form);
  popup.on('remove', () => draft.clearLayers());
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const { hours, reason, from, until } = form.elements;
    const body = {
      kind,
      geometry,
      crs: 'cgcs2000',
      hours: hours?.value.trim() ?? '',
      reason: reason.value.trim(),
      from_at: from.value || null,
      until_at: until.value || null,
    };
    attempt(
      popup,
      wrong,
      () => call('POST', '/network/edits', body),
      () => follow(t('Saved: %(what)s', { what: KINDS[kind] })),
    );
  });
  (form.elements.hours ?? form.elements.reason).focus();
}

// ---- withdrawing
const moment = (at) => at && dateTime(at);

function openEdit(edit, { lng, lat }) {
  const wrong = refusal();
  const fact = (label, value) => (value ? [h('dt', {}, label), h('dd', {}, value)] : []);
  const popup = popupAt(
    [lng, lat],
    h(
      'div',
      { className: 'cov-door-form' },
      h('h3', {}, KINDS[edit.kind] ?? edit.kind),
      h(
        'dl',
        { className: 'cov-edit-facts' },
        fact(t('Open hours'), edit.hours),
        fact(t('Reason'), edit.reason),
        fact(t('From'), moment(edit.from_at)),
        fact(t('Until'), moment(edit.until_at)),
        fact(t('Stated on'), moment(edit.stated_at)),
      ),
      edit.problem ? h('p', { className: 'cov-wrong' }, MISFIT) : null,
      wrong,
      h(
        'p',
        { className: 'cov-row' },
        h(
          'button',
          {
            className: 'cov-second',
            type: 'button',
            onclick: () =>
              attempt(
                popup,
                wrong,
                () => call('DELETE', `/network/edits/${edit.id}`),
                () => follow(t('Withdrawn: %(what)s', { what: KINDS[edit.kind] ?? edit.kind })),
              ),
          },
          t('Withdraw'),
        ),
      ),
    ),
  );
}

if (page.may.plan) {
  for (const [key, id] of Object.entries(TOOLS))
    $(id).addEventListener('click', (event) => {
      setTool(tool === key ? null : key);
      if (event.detail !== 0 || !tool) return;
      if (tool === 'add')
        map.getContainer().focus(); // by the keyboard: Enter marks the middle of the map
      else placePath(map.getCenter());
    });
  $('paths-finish').addEventListener('click', finishPath);
  map.getContainer().addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && tool === 'add' && event.target === map.getContainer()) placePath(map.getCenter());
  });
  addEventListener('keydown', (event) => {
    if (!isEscape(event) || !tool) return;
    event.preventDefault();
    setTool(null);
  });
}
