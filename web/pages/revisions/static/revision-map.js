// What the pages of revisions draw on their map.
import { colour } from '../../shared/dom.js';
export const COLOURS = ['blue', 'orange', 'green', 'purple', 'sky', 'vermilion', 'yellow'].map((name) =>
  colour(`okabe-ito-${name}`),
);

const { map } = window.wangge;
const drawn = L.layerGroup().addTo(map);

export const clear = () => drawn.clearLayers();
export const shape = (geometry, style) =>
  geometry ? L.geoJSON(geometry, { interactive: false, style }).addTo(drawn) : null;

// Fills that differ in their lines as well as in their colour: overlaps lean right, gaps lean left.
const HATCHES = { overlap: [colour('overlap'), 'M-2 8 8 -2M3 13 13 3'], gap: [colour('gap'), 'M-2 2 8 12M3 -3 13 7'] };
const NS = 'http://www.w3.org/2000/svg';
const made = (tag, attributes, ...children) => {
  const one = document.createElementNS(NS, tag);
  Object.entries(attributes).forEach(([name, value]) => one.setAttribute(name, value));
  one.append(...children);
  return one;
};

export function hatch(kind, layer) {
  const [colour, lines] = HATCHES[kind],
    paper = { width: 10, height: 10, fill: colour, 'fill-opacity': 0.18 };
  layer.eachLayer((one) => {
    const path = one.getElement(),
      svg = path?.ownerSVGElement;
    if (!svg) return; // drawn on a canvas: its colour and dashes tell
    if (!svg.querySelector(`#hatch-${kind}`)) {
      svg.prepend(
        made(
          'defs',
          {},
          made(
            'pattern',
            { id: `hatch-${kind}`, width: 10, height: 10, patternUnits: 'userSpaceOnUse' },
            made('rect', paper),
            made('path', { d: lines, stroke: colour, 'stroke-width': 3 }),
          ),
        ),
      );
    }
    one.setStyle({ fillColor: `url(#hatch-${kind})`, fillOpacity: 1 });
  });
  return layer;
}

export function fit(layers) {
  map.invalidateSize();
  const bounds = layers
    .filter(Boolean)
    .map((one) => one.getBounds())
    .filter((one) => one.isValid());
  if (bounds.length)
    map.fitBounds(
      bounds.reduce((all, one) => all.extend(one), L.latLngBounds([])),
      { padding: [30, 30], maxZoom: 18, animate: false },
    );
}

export function fly([lon, lat], zoom = 18) {
  map.invalidateSize();
  map.getContainer().scrollIntoView({ block: 'nearest' });
  map.flyTo([lat, lon], Math.max(map.getZoom(), Math.min(zoom, map.getMaxZoom())), { duration: 0.6 });
  const ring = L.circleMarker([lat, lon], {
    radius: 16,
    color: colour('chosen'),
    weight: 3,
    fill: false,
    interactive: false,
  }).addTo(drawn);
  setTimeout(() => ring.remove(), 4000);
}
