// The buildings of a grid in the colours of their units; one with several units is drawn in slices of their colours.
import { colour } from '../../shared/dom.js';

const { map } = window.wangge;
const COLOURS = ['blue', 'orange', 'green', 'purple', 'sky', 'vermilion', 'yellow'].map((name) =>
  colour(`okabe-ito-${name}`),
);
const layer = L.layerGroup().addTo(map);
const shapes = new Map();
const order = new Map();

// Neighbouring codes differ; the colours repeat after seven, so that the list names each as well.
export const colourOf = (code) => (order.has(code) ? COLOURS[order.get(code) % COLOURS.length] : colour('white'));

export function drawBuildings(features, units, choose, fit) {
  order.clear();
  units.forEach((unit, i) => order.set(unit.code, i));
  layer.clearLayers();
  shapes.clear();
  for (const feature of features) {
    const { code, name, homes } = feature.properties;
    const codes = Object.keys(homes).sort();
    const largest = codes.reduce((most, unit) => (homes[unit] > homes[most] ? unit : most), codes[0]);
    const shape = L.geoJSON(feature.geometry, {
      style: { color: colour('mark'), weight: 1, fillColor: colourOf(largest), fillOpacity: 0.75 },
    }).addTo(layer);
    shape.on('click', () => choose(code));
    shape.bindTooltip(name, { direction: 'center' });
    shapes.set(code, shape);
    if (codes.length > 1) pie(shape, homes, codes, () => choose(code));
  }
  if (fit && shapes.size) {
    map.invalidateSize();
    const bounds = [...shapes.values()].reduce((all, shape) => all.extend(shape.getBounds()), L.latLngBounds([]));
    map.fitBounds(bounds, { padding: [30, 30], maxZoom: 18, animate: false });
  }
}

// A disc whose slices are the units' shares of the homes.
function pie(shape, homes, codes, choose) {
  const total = codes.reduce((sum, code) => sum + homes[code], 0);
  let done = 0;
  const slices = codes.map((code) => {
    const from = (done / total) * 100;
    done += homes[code];
    return `${colourOf(code)} ${from}% ${(done / total) * 100}%`;
  });
  const marker = L.marker(shape.getBounds().getCenter(), {
    keyboard: false,
    icon: L.divIcon({ className: 'unt-pie', iconSize: [22, 22] }),
  }).addTo(layer);
  marker.getElement().style.background = `conic-gradient(${slices.join(',')})`;
  marker.on('click', choose);
}

export function markBuilding(code) {
  shapes.forEach((shape, other) =>
    shape.setStyle(other === code ? { color: colour('chosen'), weight: 3 } : { color: colour('mark'), weight: 1 }),
  );
  shapes.get(code)?.bringToFront();
}
