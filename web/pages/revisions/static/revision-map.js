// What the pages of revisions draw on their map.
import { colour } from '../../shared/dom.js';
export const COLOURS = ['blue', 'orange', 'green', 'purple', 'sky', 'vermilion', 'yellow'].map((name) =>
  colour(`okabe-ito-${name}`),
);

const { map } = window.wangge;
const layers = L.layerGroup().addTo(map);

export const clear = () => layers.clearLayers();
export const shape = (geometry, style) =>
  geometry ? L.geoJSON(geometry, { interactive: false, style }).addTo(layers) : null;

// Fills that differ in their lines as well as in their colour: overlaps lean right, gaps lean left.
const HATCHES = { overlap: [colour('overlap'), 'M-2 8 8 -2M3 13 13 3'], gap: [colour('gap'), 'M-2 2 8 12M3 -3 13 7'] };
const NS = 'http://www.w3.org/2000/svg';
const svgElement = (tag, attributes, ...children) => {
  const element = document.createElementNS(NS, tag);
  Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  element.append(...children);
  return element;
};

export function hatch(kind, layer) {
  const [colour, lines] = HATCHES[kind],
    paper = { width: 10, height: 10, fill: colour, 'fill-opacity': 0.18 };
  layer.eachLayer((shape) => {
    const path = shape.getElement(),
      svg = path?.ownerSVGElement;
    if (!svg) return; // drawn on a canvas: its colour and dashes tell
    if (!svg.querySelector(`#hatch-${kind}`)) {
      svg.prepend(
        svgElement(
          'defs',
          {},
          svgElement(
            'pattern',
            { id: `hatch-${kind}`, width: 10, height: 10, patternUnits: 'userSpaceOnUse' },
            svgElement('rect', paper),
            svgElement('path', { d: lines, stroke: colour, 'stroke-width': 3 }),
          ),
        ),
      );
    }
    shape.setStyle({ fillColor: `url(#hatch-${kind})`, fillOpacity: 1 });
  });
  return layer;
}

export function fit(layers) {
  map.invalidateSize();
  const bounds = layers
    .filter(Boolean)
    .map((layer) => layer.getBounds())
    .filter((layer) => layer.isValid());
  if (bounds.length)
    map.fitBounds(
      bounds.reduce((all, box) => all.extend(box), L.latLngBounds([])),
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
  }).addTo(layers);
  setTimeout(() => ring.remove(), 4000);
}
