// The boundary editor: tools on the left, the map, the panel. What is drawn is an operation the server does on the
import { $, colour, page, phone } from '../../shared/dom.js';
// coverage; the picture here only runs ahead of it while a vertex is dragged.
import { t } from '../../shared/i18n.js';
import { query } from '../../shared/request.js';
import * as api from './api.js';
import {
  compactness,
  Coverage,
  removedVertices,
  households,
  key,
  nearest,
  round,
  Segments,
} from '../../shared/coverage.js';
import { showStatus, showGrids, showProblems, showSteps, showTotals } from './panel.js';

const { map } = window.wangge;
const HANDLE = 12,
  LINE = 9,
  SNAP = 10; // pixels
const HANDLES_FROM = 13; // zoom
const POLL = 10_000; // milliseconds
const INK = {
  grid: colour('grid'),
  around: colour('neighbour'),
  changed: colour('changed'),
  chosen: page.chosen,
  old: colour('former'),
};

const coverage = new Coverage();
const layers = new Map(); // code -> polygon on the map
const olds = new Map(); // code -> the line before
const canvas = L.canvas({ padding: 0.4, tolerance: 4 });
const borders = L.layerGroup().addTo(map),
  previousOutlines = L.layerGroup().addTo(map),
  over = L.layerGroup().addTo(map);
const state = {
  tool: 'move',
  chosen: [],
  steps: [],
  redo: [],
  busy: false,
  dragging: null,
  within: page.within,
  homes: [],
  guides: new Segments(),
  snap: true,
  preview: null,
  editable: page.mine && page.state === 'draft' && !phone.matches,
};

// ---- the picture
const latlngs = (grid) => grid.polygons.map((rings) => rings.map((ring) => ring.map(([lon, lat]) => [lat, lon])));

function style(code) {
  const grid = coverage.grids.get(code),
    { editable, community } = grid.properties;
  const chosen = state.chosen.includes(code),
    isWithin = community.startsWith(state.within) || code.startsWith(state.within);
  return {
    color: chosen ? INK.chosen : !editable || !isWithin ? INK.around : grid.properties.before ? INK.changed : INK.grid,
    weight: chosen ? 3 : grid.properties.before ? 2.5 : 1.5,
    opacity: 1,
    fillColor: chosen ? INK.chosen : INK.changed,
    fillOpacity: chosen ? 0.12 : grid.properties.before ? 0.07 : 0.01,
  };
}

function draw(code) {
  layers.get(code)?.remove();
  olds.get(code)?.remove();
  layers.delete(code);
  olds.delete(code);
  const grid = coverage.grids.get(code);
  if (!grid) return;
  const polygon = L.polygon(latlngs(grid), {
    ...style(code),
    renderer: canvas,
    snapIgnore: true,
    pmIgnore: true,
    bubblingMouseEvents: true,
    smoothFactor: 0.5,
  });
  layers.set(code, polygon.addTo(borders));
}

// The lines that were, where they are no more; once all shapes of a change are there.
function drawOld() {
  const visited = new Set();
  for (const grid of coverage.grids.values()) {
    olds.get(grid.code)?.remove();
    olds.delete(grid.code);
    const lines = grid.properties.before ? removedVertices(grid.properties.before, coverage, visited) : [];
    if (lines.length) {
      olds.set(
        grid.code,
        L.polyline(
          lines.map((line) => line.map(([lon, lat]) => [lat, lon])),
          {
            interactive: false,
            pmIgnore: true,
            snapIgnore: true,
            renderer: canvas,
            color: INK.old,
            weight: 2,
            dashArray: '6 5',
          },
        ).addTo(previousOutlines),
      );
    }
  }
}

function restyle() {
  layers.forEach((layer, code) => layer.setStyle(style(code)));
  layers.forEach((layer, code) => code.startsWith(state.within) && layer.bringToFront());
  state.chosen.forEach((code) => layers.get(code)?.bringToFront());
}

// Names, where there is room for them.
const labels = L.layerGroup().addTo(map);
const MOST_LABELS = 120;
function label() {
  labels.clearLayers();
  if (map.getZoom() < 15) return;
  const view = map.getBounds(),
    inView = [...layers].filter(([, layer]) => view.contains(layer.getBounds().getCenter()));
  if (inView.length > MOST_LABELS) return;
  for (const [code, layer] of inView) {
    const { name: label, households: count } = coverage.grids.get(code).properties;
    const icon = L.divIcon({
      className: 'ed-label',
      iconSize: null,
      html: Object.assign(document.createElement('span'), { textContent: `${label} ${count ?? ''}` }),
    });
    L.marker(layer.getBounds().getCenter(), {
      icon,
      interactive: false,
      keyboard: false,
      pmIgnore: true,
      snapIgnore: true,
    }).addTo(labels);
  }
}

function apply(changed) {
  for (const feature of changed.features) {
    coverage.set(feature);
    draw(feature.id);
  }
  state.chosen = state.chosen.filter((code) => coverage.grids.has(code));
  restyle();
  drawOld();
  label();
}

async function load() {
  busy(t('Loading the borders…'));
  try {
    const answer = await api.load(state.within);
    [...coverage.grids.keys()].forEach((code) => {
      coverage.drop(code);
      draw(code);
    });
    state.homes = answer.homes;
    for (const feature of answer.features) {
      coverage.set(feature);
      draw(feature.id);
    }
    restyle();
    drawOld();
    label();
    busy('');
    refresh();
  } catch (error) {
    busy('');
    showStatus(error.message, 'wrong', true);
  }
  try {
    const lines = await api.guides(state.within);
    state.guides = new Segments();
    for (const [name, all] of Object.entries(lines)) {
      for (const line of all) for (let i = 1; i < line.length; i += 1) state.guides.add(line[i - 1], line[i], name);
    }
  } catch {
    /* without guides one draws freely */
  }
}

function fit() {
  const bounds = [...coverage.grids.values()]
    .filter((grid) => grid.code.startsWith(state.within))
    .map((grid) => layers.get(grid.code).getBounds());
  if (bounds.length)
    map.fitBounds(
      bounds.reduce((all, box) => all.extend(box), L.latLngBounds([])),
      { padding: [30, 30], animate: false },
    );
}

function address() {
  const c = map.getCenter();
  const next = query({
    lang: new URLSearchParams(location.search).get('lang'),
    within: state.within,
    tool: state.tool,
    chosen: state.chosen.join(','),
    c: `${c.lng.toFixed(6)},${c.lat.toFixed(6)},${map.getZoom()}`,
  }).replaceAll('%2C', ',');
  history.replaceState(null, '', `${location.pathname}?${next}`);
}

// ---- what is beside the map
const hectares = (grid) => grid.properties.area_m2 / 10_000;

function rows(counts = new Map()) {
  const previewed = new Map((state.preview?.grids ?? []).map((grid) => [grid.code, grid]));
  const codes = [...new Set([...previewed.keys(), ...state.chosen, ...counts.keys()])];
  return codes
    .map((code) => {
      const grid = coverage.grids.get(code),
        change = previewed.get(code),
        now = counts.get(code);
      if (!grid)
        return change?.change === 'gone'
          ? { code, name: change.name, change: 'gone', households: 0, before: change.households[0] }
          : null;
      const was = change && change.change !== 'new' ? change.households[0] : change ? null : grid.properties.households;
      return {
        code,
        name: grid.properties.name,
        change: change?.change ?? 'changed',
        before: was,
        households: now?.households ?? grid.properties.households,
        compactness: now?.compactness ?? grid.properties.compactness,
        hectares: hectares(grid),
      };
    })
    .filter(Boolean);
}

// The preview may come while a corner is held: then the grids that it moves stay in the list.
const showRows = () =>
  showGrids(rows(state.dragging?.counts), (code) => {
    const layer = layers.get(code);
    if (layer) map.fitBounds(layer.getBounds(), { padding: [60, 60], maxZoom: 18 });
    state.chosen = [code];
    restyle();
  });

// The server's own account of the draft, a moment after the last change.
let later;
function refresh() {
  clearTimeout(later);
  later = setTimeout(async () => {
    try {
      const [preview, draft] = await Promise.all([api.preview(), api.read()]);
      state.preview = preview;
      state.steps = draft.operations;
      showRows();
      showProblems(
        preview.problems,
        fly,
        state.editable && ((unit, grid) => operate({ op: 'settle', unit, grid })),
        name,
      );
      showSteps(state.steps);
      showTotals(preview.totals);
      conflicts(draft);
      buttons();
    } catch (error) {
      showStatus(error.message, 'wrong');
    }
  }, 150);
}

function fly(problem) {
  if (problem.place) {
    map.flyTo([problem.place[1], problem.place[0]], Math.max(map.getZoom(), 18), { duration: 0.6 });
    const ring = L.circleMarker([problem.place[1], problem.place[0]], {
      radius: 16,
      color: INK.chosen,
      weight: 3,
      fill: false,
      interactive: false,
      pmIgnore: true,
      snapIgnore: true,
    }).addTo(over);
    setTimeout(() => ring.remove(), 4000);
  } else {
    const layer = problem.codes.map((code) => layers.get(code)).find(Boolean);
    if (layer) map.fitBounds(layer.getBounds(), { padding: [60, 60], maxZoom: 18 });
  }
}

function busy(message) {
  state.busy = Boolean(message);
  $('ed-busy').hidden = !message;
  if (message) showStatus(message, '', true);
  else showStatus('');
}

function buttons() {
  $('ed-undo').disabled = state.busy || !state.steps.length || !state.editable;
  $('ed-redo').disabled = state.busy || !state.redo.length || !state.editable;
  $('ed-publish').disabled = !state.editable || !state.steps.length;
}

// ---- doing things
async function operate(op, { again: repeated = false } = {}) {
  if (!state.editable || state.busy) return false;
  busy(t('Saving…'));
  try {
    const done = await api.operate(op);
    if (!repeated) state.redo = [];
    state.steps = [...state.steps, { step: done.step, op: done.op, zh: '…', en: '…' }];
    apply(done.changed);
    busy('');
    showStatus(t('Saved as step %(n)s', { n: done.step }), 'done');
    refresh();
    return true;
  } catch (error) {
    busy('');
    showStatus(error.message, 'wrong');
    return false;
  } finally {
    buttons();
  }
}

async function undo() {
  if (!state.steps.length || state.busy || !state.editable) return;
  busy(t('Saving…'));
  try {
    const last = state.steps.at(-1),
      done = await api.undo(last.step);
    state.redo.push(...done.undone.reverse());
    state.steps = state.steps.slice(0, -1);
    apply(done.changed);
    busy('');
    refresh();
  } catch (error) {
    busy('');
    showStatus(error.message, 'wrong');
  }
  buttons();
}

async function redo() {
  const op = state.redo.at(-1);
  if (op && (await operate(op, { again: true }))) {
    state.redo.pop();
    buttons();
  }
}

// ---- choosing grids and drawing
const name = (code) => coverage.grids.get(code)?.properties.name ?? code;
const community = (code) => coverage.grids.get(code).properties.community;
const mayEdit = (code) => coverage.grids.get(code)?.properties.editable;

function choose(code) {
  if (!code) return;
  const at = state.chosen.indexOf(code),
    { tool } = state;
  if (tool === 'move' || tool === 'paint' || tool === 'split' || tool === 'add') state.chosen = at < 0 ? [code] : [];
  else if (at >= 0) state.chosen = state.chosen.filter((other) => other !== code);
  else state.chosen = tool === 'merge' ? [...state.chosen, code] : [...state.chosen, code].slice(-2);
  restyle();
  showRows();
  guide();
  address();
}

// What comes next with this tool, and the drawing it needs.
function guide() {
  const { tool, chosen } = state;
  stopDrawing();
  if (phone.matches) return undefined;
  if (!state.editable)
    return showStatus(
      page.mine
        ? t('This revision is no longer a draft and cannot be edited.')
        : t("You are looking at somebody else's draft; it cannot be changed here."),
      '',
      true,
    );
  if (tool === 'move')
    showStatus(
      map.getZoom() < HANDLES_FROM
        ? t('Zoom in to move corners')
        : t(
            'Drag a corner of a border; every grid that shares it moves along. Drag the middle of a border to make a corner; drag a corner onto the next to take it away.',
          ),
      '',
      map.getZoom() < HANDLES_FROM,
    );
  if (tool === 'border') {
    if (chosen.length < 2) showStatus(t('Choose two neighbouring grids'), '', true);
    else {
      showStatus(
        t('Draw the new border between %(a)s and %(b)s; double-click ends it', {
          a: name(chosen[0]),
          b: name(chosen[1]),
        }),
        '',
        true,
      );
      startDrawing('Line');
    }
  }
  if (tool === 'split') {
    showStatus(t('Draw the line; double-click ends it'), '', true);
    startDrawing('Line');
  }
  if (tool === 'merge')
    showStatus(
      chosen.length ? t('Choose more neighbours, then press Enter') : t('Choose the grid that keeps its code'),
      '',
      true,
    );
  if (tool === 'paint') {
    if (chosen.length) {
      showStatus(t('Draw the outline. Click the first corner to close it.'), '', true);
      startDrawing('Polygon');
    } else showStatus(t('Choose the grid that gets the land'), '', true);
  }
  if (tool === 'add') {
    showStatus(t('Draw the outline. Click the first corner to close it.'), '', true);
    startDrawing('Polygon');
  }
  if (tool === 'retire')
    showStatus(
      chosen.length
        ? t('Choose the neighbour that takes the land of %(name)s', { name: name(chosen[0]) })
        : t('Choose the grid that ends'),
      '',
      true,
    );
  $('ed-merge').hidden = !(tool === 'merge' && chosen.length > 1);
  $('ed-merge').textContent = t('Merge %(n)s grids', { n: chosen.length });
  if (tool === 'retire' && chosen.length === 2) retire();
  return undefined;
}

async function retire() {
  const [code, successor] = state.chosen;
  state.chosen = [];
  await operate({ op: 'retire', code, give_to: successor });
  guide();
}

async function merge() {
  const codes = state.chosen;
  if (codes.length < 2) return;
  state.chosen = [];
  const parent = community(codes[0]),
    apart = codes.some((code) => community(code) !== parent);
  if (!(await operate({ op: 'merge', codes, into: codes[0], ...(apart ? { parent } : {}) }))) state.chosen = codes;
  restyle();
  guide();
}

// leaflet-geoman snaps to what is on the map; it is given the few lines near the pointer, not all 64 km of them
const lure = L.polyline([], { opacity: 0, weight: 0, interactive: false, pmIgnore: false });
function tempt(latlng) {
  const reach = SNAP * 3 * degreesPerPixel(),
    { lng, lat } = latlng;
  const neighbours = [
    ...coverage.segments().near(lng, lat, reach),
    ...(state.snap ? state.guides.near(lng, lat, reach) : []),
  ];
  lure.setLatLngs(
    neighbours.slice(0, 200).map(({ a, b }) => [
      [a[1], a[0]],
      [b[1], b[0]],
    ]),
  );
}

function startDrawing(kind) {
  if (map.pm.globalDrawModeEnabled()) return;
  lure.addTo(map);
  map.pm.enableDraw(kind, {
    snappable: state.snap,
    snapDistance: SNAP,
    tooltips: false,
    finishOn: kind === 'Line' ? 'dblclick' : null,
    cursorMarker: true,
    templineStyle: { color: INK.chosen, weight: 3 },
    hintlineStyle: { color: INK.chosen, weight: 2, dashArray: '5 5' },
    pathOptions: { color: INK.chosen, weight: 3 },
    allowSelfIntersection: kind === 'Line',
  });
}

function stopDrawing() {
  if (map.pm.globalDrawModeEnabled()) map.pm.disableDraw();
  lure.remove();
}

const lonlat = (point) => [round(point.lng), round(point.lat)];

map.on('pm:create', async ({ layer, shape }) => {
  layer.remove();
  stopDrawing();
  const coordinates = shape === 'Line' ? layer.getLatLngs().map(lonlat) : layer.getLatLngs()[0].map(lonlat);
  const clean = coordinates.filter(
    (point, i) => i === 0 || point[0] !== coordinates[i - 1][0] || point[1] !== coordinates[i - 1][1],
  );
  const { tool, chosen } = state;
  if (tool === 'border')
    await operate({ op: 'move_border', between: chosen, line: { type: 'LineString', coordinates: clean } });
  if (tool === 'split') {
    const code = chosen[0] ?? crossed(clean);
    if (code) await operate({ op: 'split', code, line: { type: 'LineString', coordinates: clean } });
  }
  const ring = { type: 'Polygon', coordinates: [[...clean, clean[0]]] };
  if (tool === 'paint') await operate({ op: 'transfer', region: ring, to: chosen[0] });
  if (tool === 'add') {
    // of the community that borders on it
    const beside = clean.map(([lon, lat]) => coverage.edgeNear(lon, lat, 0.003)).find(Boolean);
    const parent = state.within.length === 12 || !beside ? state.within : community(beside.codes[0]);
    await operate({ op: 'add', geometry: ring, parent });
  }
  if (tool === 'border' || tool === 'split') state.chosen = [];
  restyle();
  setTimeout(guide, 1200);
});

// The grid a line runs through for the most part.
function crossed(line) {
  const votes = new Map();
  for (let i = 1; i < line.length; i += 1) {
    for (let n = 1; n < 20; n += 1) {
      const code = coverage.at(
        line[i - 1][0] + ((line[i][0] - line[i - 1][0]) * n) / 20,
        line[i - 1][1] + ((line[i][1] - line[i - 1][1]) * n) / 20,
      );
      if (code && mayEdit(code)) votes.set(code, (votes.get(code) ?? 0) + 1);
    }
  }
  return [...votes].sort((a, b) => b[1] - a[1])[0]?.[0] ?? null;
}

// ---- dragging a vertex
const handle = L.marker([0, 0], {
  icon: L.divIcon({ className: 'ed-handle', iconSize: [16, 16] }),
  interactive: false,
  keyboard: false,
  pmIgnore: true,
  snapIgnore: true,
});
const degreesPerPixel = () => {
  const a = map.containerPointToLatLng([0, 0]),
    b = map.containerPointToLatLng([0, 100]);
  return Math.abs(a.lat - b.lat) / 100;
};

function grasp(latlng) {
  if (state.tool !== 'move' || !state.editable || state.busy || map.getZoom() < HANDLES_FROM) return null;
  const pixel = degreesPerPixel(),
    { lng, lat } = latlng;
  const vertex = coverage.vertexNear(lng, lat, HANDLE * pixel);
  if (vertex && vertex.codes.every(mayEdit)) return { kind: 'vertex', xy: vertex.xy, codes: vertex.codes, edge: null };
  const edge = coverage.edgeNear(lng, lat, LINE * pixel);
  return edge && edge.codes.length && edge.codes.every(mayEdit)
    ? { kind: 'edge', xy: edge.point, codes: edge.codes, edge: [edge.a, edge.b] }
    : null;
}

// Where a dragged corner lands: on another corner, else on another border, a street or a building; never on its own borders.
const snapped = (lng, lat, dragged) => {
  if (!state.snap) return [round(lng), round(lat)];
  const reach = SNAP * degreesPerPixel(),
    ownKeys = (dragged.edge ?? [dragged.xy]).map(key);
  const corner = coverage.vertexNear(lng, lat, reach, ownKeys);
  if (corner) return corner.xy;
  const others = [...coverage.segments().near(lng, lat, reach * 1.5)].filter(
    ({ a, b }) => !ownKeys.includes(key(a)) && !ownKeys.includes(key(b)),
  );
  const snap = nearest([...others, ...state.guides.near(lng, lat, reach * 1.5)], lng, lat, reach);
  return snap ? [round(snap.point[0]), round(snap.point[1])] : [round(lng), round(lat)];
};

let frame = 0,
  frames = [];
function follow(latlng) {
  const dragged = state.dragging;
  dragged.to = snapped(latlng.lng, latlng.lat, dragged);
  if (frame) return;
  frame = requestAnimationFrame(() => {
    frame = 0;
    const begin = performance.now();
    dragged.back?.();
    dragged.back = coverage.move(dragged.codes, dragged.xy, dragged.to, dragged.edge);
    dragged.counts = new Map();
    for (const code of dragged.codes) {
      const grid = coverage.grids.get(code);
      layers.get(code).setLatLngs(latlngs(grid));
      dragged.counts.set(code, { households: households(grid, state.homes), compactness: compactness(grid) });
    }
    handle.setLatLng([dragged.to[1], dragged.to[0]]);
    showRows();
    frames.push(performance.now() - begin);
    window.wangge.frames = frames = frames.slice(-200);
  });
}

map.on('mousemove', ({ latlng }) => {
  if (state.dragging) return follow(latlng);
  if (map.pm.globalDrawModeEnabled()) return tempt(latlng);
  const grip = grasp(latlng);
  map.getContainer().classList.toggle('ed-over', Boolean(grip));
  if (!grip) {
    handle.remove();
    return undefined;
  }
  handle.setLatLng([grip.xy[1], grip.xy[0]]).addTo(map);
  handle.getElement()?.classList.toggle('edge', grip.kind === 'edge');
  return undefined;
});

map.on('mousedown', ({ latlng, originalEvent }) => {
  state.letGo = false;
  const grip = originalEvent.button === 0 ? grasp(latlng) : null;
  if (!grip) return;
  map.dragging.disable();
  // the coverage's own index waits until the server has answered
  state.dragging = { ...grip, start: latlng, to: null, back: null };
});

async function release() {
  const dragged = state.dragging;
  if (!dragged) return;
  state.dragging = null;
  map.dragging.enable();
  cancelAnimationFrame(frame);
  frame = 0;
  handle.remove();
  if (!dragged.to) return;
  state.dropped = performance.now();
  const op = dragged.edge
    ? { op: 'move_vertex', to: dragged.to, edge: dragged.edge }
    : { op: 'move_vertex', from: dragged.xy, to: dragged.to };
  const done = await operate(op);
  if (!done) {
    dragged.back?.();
    dragged.codes.forEach((code) => layers.get(code)?.setLatLngs(latlngs(coverage.grids.get(code))));
    showRows();
  }
}
window.addEventListener('mouseup', release);

map.on('click', ({ latlng }) => {
  if (state.letGo || map.pm.globalDrawModeEnabled() || performance.now() - (state.dropped ?? -1e9) < 300) return;
  choose(coverage.at(latlng.lng, latlng.lat));
});

// ---- tools, keys, dialogs
function use(tool) {
  state.tool = tool;
  state.chosen = tool === 'merge' || tool === 'border' ? state.chosen : state.chosen.slice(0, 1);
  document
    .querySelectorAll('.ed-tools [data-tool]')
    .forEach((button) => button.setAttribute('aria-pressed', String(button.dataset.tool === tool)));
  map.getContainer().dataset.tool = tool;
  if (tool !== 'move') handle.remove();
  restyle();
  guide();
  address();
}

function escape() {
  if (state.dragging) {
    const dragged = state.dragging;
    state.dragging = null;
    state.letGo = true; // the click that ends the press chooses nothing
    map.dragging.enable();
    cancelAnimationFrame(frame); // the picture of the last move must not come after the putting back
    frame = 0;
    dragged.back?.();
    dragged.codes.forEach((code) => layers.get(code)?.setLatLngs(latlngs(coverage.grids.get(code))));
    return showRows();
  }
  state.chosen = [];
  restyle();
  showRows();
  return use(map.pm.globalDrawModeEnabled() ? state.tool : 'move');
}

const KEYS = { v: 'move', b: 'border', s: 'split', m: 'merge', p: 'paint', a: 'add' };
document.addEventListener('keydown', (event) => {
  if (event.target.closest('input, textarea, select, dialog[open]')) return;
  const pressed = event.key.toLowerCase();
  if (state.dragging && pressed !== 'escape') return undefined;
  if ((event.ctrlKey || event.metaKey) && pressed === 'z') {
    event.preventDefault();
    return event.shiftKey ? redo() : undo();
  }
  if ((event.ctrlKey || event.metaKey) && pressed === 'y') {
    event.preventDefault();
    return redo();
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return undefined;
  if (KEYS[pressed]) return use(KEYS[pressed]);
  if (pressed === 'delete' || pressed === 'backspace') return use('retire');
  if (pressed === 'escape') return escape();
  if (pressed === 'enter' && state.tool === 'merge') return merge();
  if (pressed === '?') return $('ed-help').showModal();
  return undefined;
});

document
  .querySelectorAll('.ed-tools [data-tool]')
  .forEach((button) => button.addEventListener('click', () => use(button.dataset.tool)));
document
  .querySelectorAll('[data-close]')
  .forEach((button) => button.addEventListener('click', () => button.closest('dialog').close()));
$('ed-undo').addEventListener('click', undo);
$('ed-redo').addEventListener('click', redo);
$('ed-merge').addEventListener('click', merge);
$('ed-help-open').addEventListener('click', () => $('ed-help').showModal());
$('ed-snap').addEventListener('change', (event) => {
  state.snap = event.target.checked;
  guide();
});
$('ed-within').addEventListener('change', async (event) => {
  state.within = event.target.value;
  state.chosen = [];
  await load();
  fit();
  address();
});
$('zoom-in').addEventListener('click', () => map.zoomIn());
$('zoom-out').addEventListener('click', () => map.zoomOut());
$('whole').addEventListener('click', fit);
map.on('moveend', () => {
  address();
  label();
});
map.on('zoomend', () => {
  if (state.tool === 'move') guide();
});

document.querySelectorAll('.ed-tabs [role="tab"]').forEach((tab) =>
  tab.addEventListener('click', () => {
    document.querySelectorAll('.ed-tabs [role="tab"]').forEach((other) => {
      other.setAttribute('aria-selected', String(other === tab));
      $(other.getAttribute('aria-controls')).hidden = other !== tab;
    });
  }),
);

$('ed-publish').addEventListener('click', () => {
  const refused = (state.preview?.problems ?? []).filter((problem) => problem.severity === 'refused').length;
  $('ed-publish-status').textContent = refused ? t('%(n)s problems must be solved first', { n: refused }) : '';
  $('ed-publish-now').disabled = refused > 0;
  showTotals(state.preview?.totals);
  $('ed-publish-totals').textContent = $('ed-totals').textContent;
  $('ed-publishing').showModal();
});
$('ed-publish-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = event.target;
  $('ed-publish-now').disabled = true;
  try {
    await api.publish(form.reason.value, form.effective.value || null);
    location.href = `${page.root}/revisions/${page.revision}`;
  } catch (error) {
    $('ed-publish-status').textContent = error.message;
    $('ed-publish-now').disabled = false;
    refresh();
  }
});

// ---- somebody else publishes meanwhile
function conflicts(draft) {
  const bar = $('ed-bar'),
    clashes = draft.conflicts;
  if (clashes.length) {
    $('ed-bar-status').textContent = t('%(who)s has redrawn %(grids)s meanwhile (revision %(n)s).', {
      who: clashes[0].author,
      n: clashes[0].revision,
      grids: clashes.map((clash) => clash.name).join('、'),
    });
    $('ed-bar-do').textContent = t('Reapply my changes to the latest boundaries');
    $('ed-bar-do').onclick = rebase;
    bar.hidden = false;
  } else if (state.seen !== undefined && draft.newest !== state.seen) {
    $('ed-bar-status').textContent = t('Newer boundaries were published elsewhere on this map.');
    $('ed-bar-do').textContent = t('Show them');
    $('ed-bar-do').onclick = async () => {
      bar.hidden = true;
      state.seen = undefined;
      await load();
    };
    bar.hidden = false;
  } else bar.hidden = true;
  state.seen ??= draft.newest;
}

async function rebase() {
  busy(t('Saving…'));
  try {
    await api.rebase();
    $('ed-bar').hidden = true;
    state.seen = undefined;
    state.redo = [];
    await load();
    showStatus(t('Your draft is drawn on the newest boundaries.'), 'done');
  } catch (error) {
    busy('');
    showStatus(error.message, 'wrong', true);
  }
}

setInterval(async () => {
  if (document.hidden || !state.editable || state.busy) return;
  try {
    conflicts(await api.read());
  } catch {
    /* asked again soon */
  }
}, POLL);

// ---- begin
const parameters = new URLSearchParams(location.search),
  view = (parameters.get('c') || '').split(',').map(Number);
buttons();
load().then(() => {
  if (view.length === 3 && view.every(Number.isFinite)) map.setView([view[1], view[0]], view[2], { animate: false });
  else fit();
  state.chosen = (parameters.get('chosen') || '').split(',').filter((code) => coverage.grids.has(code));
  use(
    document.querySelector(`.ed-tools [data-tool="${CSS.escape(parameters.get('tool') || '')}"]`)
      ? parameters.get('tool')
      : 'move',
  );
  document.body.dataset.ready = 'true';
});
window.wangge.coverage = coverage;
