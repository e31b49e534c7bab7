// Lines and outlines drawn by hand; leaflet-geoman draws, the tool in use makes an operation of them.
import { key } from '../../shared/coverage.js';
import { t } from '../../shared/i18n.js';
import { showStatus } from './panel.js';
import { restyle } from './picture.js';
import { coverage, degreesPerPixel, INK, lonlat, map, SNAP, state } from './state.js';
import { guide, TOOLS } from './tools.js';
import { wayAlong } from '../../shared/trace.js';

// leaflet-geoman snaps to what is on the map; it is given the few lines near the pointer, not all 64 km of them
const lure = L.polyline([], { opacity: 0, weight: 0, interactive: false, pmIgnore: false });
export function tempt(latlng) {
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

export function startDrawing(kind) {
  if (isDrawing()) return;
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

export function stopDrawing() {
  if (isDrawing()) map.pm.disableDraw();
  lure.remove();
  traced.remove();
}

export const isDrawing = () => map.pm.globalDrawModeEnabled();

const drawn = () => map.pm.Draw[map.pm.Draw.getActiveShape()]?._layer?.getLatLngs().flat() ?? [];
export const hasPoints = () => isDrawing() && drawn().length > 0;

// Take back the last point of what is being drawn; the first is taken back by beginning anew.
export function takeBackPoint() {
  const drawing = map.pm.Draw[map.pm.Draw.getActiveShape()];
  if (drawing._layer.getLatLngs().length > 1) {
    drawing._removeLastVertex();
    showTraced(drawing._layer.getLatLngs().map(lonlat));
  } else guide();
}

// ---- following lines between two points
const ways = new Map(); // both ends -> the vertices between
const traced = L.polyline([], { weight: 3, color: INK.chosen, interactive: false, pmIgnore: true, snapIgnore: true });
const pair = (a, b) => `${key(a)} ${key(b)}`;
const along = (points) =>
  points.flatMap((point, i) => [...(i ? (ways.get(pair(points[i - 1], point)) ?? []) : []), point]);

map.doubleClickZoom.disable(); // a double click ends a drawing; it would also move the map away from it

// A point lies where the click is: a finger, a pen and a quick hand click where no pointer has moved to before.
map.on('preclick', (event) => {
  if (!isDrawing()) return;
  tempt(event.latlng);
  map.pm.Draw[map.pm.Draw.getActiveShape()]._syncHintMarker(event);
});

map.on('pm:drawstart', ({ workingLayer }) => {
  ways.clear();
  workingLayer.on('pm:vertexadded', () => {
    const points = workingLayer.getLatLngs().map(lonlat);
    if (state.trace && points.length > 1) {
      const [a, b] = points.slice(-2);
      const way = wayAlong([coverage.segments(), state.guides], a, b);
      if (way) ways.set(pair(a, b), way);
      else showStatus(t('No line leads from the last point to this one; it is drawn straight.'), '', false);
    }
    showTraced(points);
  });
});

window.wangge.traced = traced;
const showTraced = (points) => traced.setLatLngs(along(points).map(([lon, lat]) => [lat, lon])).addTo(map);

// Put a point where the planner says it is.
export function addPoint([lon, lat]) {
  const drawing = map.pm.Draw[map.pm.Draw.getActiveShape()],
    latlng = L.latLng(lat, lon);
  drawing._hintMarker.setLatLng(latlng);
  drawing._hintMarker._snapped = true; // it lies there and nowhere else
  drawing._createVertex({ latlng });
  map.panInside(latlng, { padding: [60, 60] });
}

map.on('pm:create', async ({ layer, shape }) => {
  layer.remove();
  stopDrawing();
  const points = shape === 'Line' ? layer.getLatLngs().map(lonlat) : layer.getLatLngs()[0].map(lonlat);
  const coordinates = along(points);
  const clean = coordinates.filter(
    (point, i) => i === 0 || point[0] !== coordinates[i - 1][0] || point[1] !== coordinates[i - 1][1],
  );
  await TOOLS[state.tool].finish(clean, state.chosen);
  restyle();
  setTimeout(() => isDrawing() || guide(), 1200); // what is drawn by then is not begun anew
});
