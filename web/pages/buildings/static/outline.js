// What lies over the tiles: the chosen building, and a point or an outline that is being drawn.
import { $, colour } from '../../shared/dom.js';
import { t } from '../../shared/i18n.js';

const { map } = window.wangge;
const layer = L.layerGroup().addTo(map),
  drawing = L.layerGroup().addTo(map);
let taking = null; // {click, end}: who takes the clicks on the map
const CLOSE_PX = 14; // from the first corner: the outline is closed

export function showShape(geometry, fly = true, isAssumed = false) {
  layer.clearLayers();
  drawing.clearLayers();
  if (!geometry) return;
  const shape = L.geoJSON(geometry, {
    interactive: false,
    style: { color: colour('chosen'), weight: 3, fillOpacity: 0.15, dashArray: isAssumed ? '4 6' : null },
    pointToLayer: (_, latlng) => L.circleMarker(latlng, { radius: 8, color: colour('chosen'), weight: 3 }),
  }).addTo(layer);
  if (fly) map.flyTo(shape.getBounds().getCenter(), Math.max(map.getZoom(), 18), { duration: 0.4 });
}

function take(text, click, end = () => {}) {
  stop();
  taking = { click, end };
  place.active = true;
  $('map-status').textContent = text;
  $('map-status').hidden = false;
  document.querySelector('.bld-map').classList.add('placing');
}

/** Ends what takes the clicks. */
export function stop() {
  const former = taking;
  taking = null;
  $('map-status').hidden = true;
  document.querySelector('.bld-map').classList.remove('placing');
  $('draw').setAttribute('aria-pressed', 'false');
  former?.end();
  // the click that ended it chooses nothing
  setTimeout(() => (place.active = Boolean(taking)));
}

/** The next click is the place. */
export function place(text, done, end) {
  take(
    text,
    ({ lng, lat }) => {
      stop();
      done(Number(lng.toFixed(7)), Number(lat.toFixed(7)));
    },
    end,
  );
}
place.active = false;

/** Each click is a corner; one on the first corner, or a double click, closes the outline. */
export function draw(done) {
  if ($('draw').getAttribute('aria-pressed') === 'true') return stop();
  const corners = [];
  drawing.clearLayers();
  const line = L.polyline([], { color: colour('chosen'), weight: 3, interactive: false }).addTo(drawing);
  const close = () => {
    if (corners.length < 3) return;
    drawing.clearLayers();
    L.polygon(corners, { color: colour('chosen'), weight: 3, interactive: false }).addTo(drawing);
    const ring = [...corners, corners[0]].map(({ lng, lat }) => [Number(lng.toFixed(7)), Number(lat.toFixed(7))]);
    stop();
    done({ type: 'Polygon', coordinates: [ring] });
  };
  take(t('Click the corners; the first again closes the outline'), (latlng) => {
    const px = map.latLngToContainerPoint(latlng);
    if (corners.length > 2 && px.distanceTo(map.latLngToContainerPoint(corners[0])) < CLOSE_PX) return close();
    corners.push(latlng);
    line.setLatLngs(corners);
    return undefined;
  });
  $('draw').setAttribute('aria-pressed', 'true');
  return undefined;
}

map.on('click', (event) => {
  if (!taking) return;
  taking.click(event.latlng);
});
