// Dragging a vertex: the picture runs ahead of the coverage on the server until it is let go.
import { t } from '../../shared/i18n.js';
import { areaM2, compactness, crossing, households, key, nearest, round } from '../../shared/coverage.js';
import { showRows } from './account.js';
import { isDrawing, tempt } from './drawing.js';
import { showStatus } from './panel.js';
import { latlngs, layers } from './picture.js';
import { coverage, degreesPerPixel, map, mayEdit, SNAP, state } from './state.js';
import { pick } from './position.js';
import { operate } from './steps.js';
import { handlesShown } from './tools.js';

const HANDLE = 12,
  LINE = 9; // pixels

const handle = L.marker([0, 0], {
  icon: L.divIcon({ className: 'ed-handle', iconSize: [16, 16] }),
  interactive: false,
  keyboard: false,
  pmIgnore: true,
  snapIgnore: true,
});
function grasp(latlng) {
  if (state.tool !== 'move' || !state.editable || state.busy || state.commenting || !handlesShown()) return null;
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
      dragged.counts.set(code, {
        households: households(grid, state.homes),
        compactness: compactness(grid),
        hectares: areaM2(grid) / 10_000,
      });
    }
    handle.setLatLng([dragged.to[1], dragged.to[0]]);
    warn(crossing(coverage, dragged));
    showRows();
    frames.push(performance.now() - begin);
    window.wangge.frames = frames = frames.slice(-200);
  });
}

// Say, while it is held, that the corner cannot lie here.
function warn(place) {
  handle.getElement()?.classList.toggle('wrong', Boolean(place));
  showStatus(
    place ? t('Here the border would cross another one. Drag the corner back, or press Esc.') : '',
    'wrong',
    true,
  );
}

export const hideHandle = () => handle.remove();

map.on('mousemove', ({ latlng }) => {
  if (state.dragging) return follow(latlng);
  if (isDrawing()) return tempt(latlng);
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
  warn(null);
  handle.remove();
  if (!dragged.to) {
    if (dragged.kind === 'vertex') {
      state.letGo = true; // the click that ends the press chooses no grid
      pick(dragged);
    }
    return;
  }
  state.dropped = performance.now();
  const op = dragged.edge
    ? { op: 'move_vertex', to: dragged.to, edge: dragged.edge }
    : { op: 'move_vertex', from: dragged.xy, to: dragged.to };
  if (!(await operate(op))) restore(dragged);
}

function restore(dragged) {
  dragged.back?.();
  dragged.codes.forEach((code) => layers.get(code)?.setLatLngs(latlngs(coverage.grids.get(code))));
  showRows();
}

// Let go of the vertex where it was.
export function putBack() {
  const dragged = state.dragging;
  state.dragging = null;
  state.letGo = true; // the click that ends the press chooses nothing
  map.dragging.enable();
  cancelAnimationFrame(frame); // the picture of the last move must not come after the putting back
  frame = 0;
  warn(null);
  restore(dragged);
}
window.addEventListener('mouseup', release);
