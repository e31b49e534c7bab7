// Lines and outlines drawn by hand; leaflet-geoman draws, the tool in use makes an operation of them.
import { restyle } from './picture.js';
import { coverage, degreesPerPixel, INK, lonlat, map, SNAP, state } from './state.js';
import { guide, TOOLS } from './tools.js';

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
}

export const isDrawing = () => map.pm.globalDrawModeEnabled();

// Take back the last point of what is being drawn; without points the drawing begins anew.
export function takeBackPoint() {
  const drawing = map.pm.Draw[map.pm.Draw.getActiveShape()];
  if (drawing._layer.getLatLngs().length > 1) drawing._removeLastVertex();
  else guide();
}

map.on('pm:create', async ({ layer, shape }) => {
  layer.remove();
  stopDrawing();
  const coordinates = shape === 'Line' ? layer.getLatLngs().map(lonlat) : layer.getLatLngs()[0].map(lonlat);
  const clean = coordinates.filter(
    (point, i) => i === 0 || point[0] !== coordinates[i - 1][0] || point[1] !== coordinates[i - 1][1],
  );
  await TOOLS[state.tool].finish(clean, state.chosen);
  restyle();
  setTimeout(guide, 1200);
});
