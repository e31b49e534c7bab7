// The grids on the map: today's borders, the lines that were, the chosen ones and the names.
import { removedVertices } from '../../shared/coverage.js';
import { coverage, INK, map, state } from './state.js';

export const layers = new Map(); // code -> polygon on the map
const olds = new Map(); // code -> the line before
const canvas = L.canvas({ padding: 0.4, tolerance: 4 });
const borders = L.layerGroup().addTo(map),
  previousOutlines = L.layerGroup().addTo(map);
export const over = L.layerGroup().addTo(map); // marks above the borders

export const latlngs = (grid) =>
  grid.polygons.map((rings) => rings.map((ring) => ring.map(([lon, lat]) => [lat, lon])));

export function style(code) {
  const grid = coverage.grids.get(code),
    { editable, community } = grid.properties;
  const chosen = state.chosen.includes(code),
    isWithin = community.startsWith(state.within) || code.startsWith(state.within);
  const themed = chosen || !isWithin ? null : state.theme?.(code);
  return {
    color: chosen ? INK.chosen : !editable || !isWithin ? INK.around : grid.properties.before ? INK.changed : INK.grid,
    weight: chosen ? 3 : grid.properties.before ? 2.5 : 1.5,
    opacity: 1,
    fillColor: themed ?? (chosen ? INK.chosen : INK.changed),
    fillOpacity: themed ? 0.65 : chosen ? 0.12 : grid.properties.before ? 0.07 : 0.01,
  };
}

export function draw(code) {
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
export function drawOld() {
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

export function restyle() {
  layers.forEach((layer, code) => layer.setStyle(style(code)));
  layers.forEach((layer, code) => code.startsWith(state.within) && layer.bringToFront());
  state.chosen.forEach((code) => layers.get(code)?.bringToFront());
}

// Names, where there is room for them; else the households alone, else nothing.
const labels = L.layerGroup().addTo(map);
const MOST_LABELS = 120;
const HAN_PX = 13,
  LATIN_PX = 8,
  HALF_LINE_PX = 9;

// Whether a text keeps clear of the labels before it; then its box joins them.
function keepsClear(boxes, { x, y }, label) {
  const half = [...label].reduce((sum, letter) => sum + (letter > '\u2e7f' ? HAN_PX : LATIN_PX), 0) / 2;
  const box = L.bounds([x - half, y - HALF_LINE_PX], [x + half, y + HALF_LINE_PX]);
  return !boxes.some((other) => other.overlaps(box)) && boxes.push(box);
}

// The changed first, then those that have most room.
const byRank = ([a, one], [b, two]) =>
  Number(Boolean(coverage.grids.get(b).properties.before)) - Number(Boolean(coverage.grids.get(a).properties.before)) ||
  width(two) - width(one);
const width = (layer) => layer.getBounds().getEast() - layer.getBounds().getWest();

export function label() {
  labels.clearLayers();
  if (map.getZoom() < 15) return;
  const view = map.getBounds(),
    inView = [...layers].filter(([, layer]) => view.contains(layer.getBounds().getCenter()));
  if (inView.length > MOST_LABELS) return;
  const boxes = [];
  for (const [code, layer] of inView.sort(byRank)) {
    const { name, households } = coverage.grids.get(code).properties;
    const at = map.latLngToLayerPoint(layer.getBounds().getCenter());
    const written = [`${name} ${households ?? ''}`, String(households ?? '')].find((each) =>
      keepsClear(boxes, at, each),
    );
    if (!written) continue;
    const icon = L.divIcon({
      className: 'ed-label',
      iconSize: null,
      html: Object.assign(document.createElement('span'), { textContent: written }),
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

export function apply(changed) {
  for (const feature of changed.features) {
    coverage.set(feature);
    draw(feature.id);
  }
  state.chosen = state.chosen.filter((code) => coverage.grids.has(code));
  restyle();
  drawOld();
  label();
}
