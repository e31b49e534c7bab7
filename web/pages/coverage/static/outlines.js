// Buildings by class of minutes, in one or two panes of the map; of two each shows what the divider leaves to its side.
import { $, colour } from '../../shared/dom.js';
import { number, t } from '../../shared/i18n.js';
import { askBuildings } from './answers.js';
import { choice } from './choice.js';
import { passes } from './cross.js';
import { classColour, clearStatus, map, mapStatus } from './drawing.js';

const edge = colour('ink'),
  white = colour('white');
const shapes = new Map(); // code -> outline of a building that is drawn
let pickBuilding = null;

// Each side has a pane and a canvas of its own; `changes` of the question make the right one.
function newSide(name, zIndex) {
  const pane = map.createPane(name);
  pane.style.zIndex = zIndex;
  return {
    pane,
    canvas: L.canvas({ pane: name, padding: 0.3, tolerance: 4 }),
    group: L.layerGroup().addTo(map),
    changes: null, // null: nothing is drawn on this side
    box: null, // whose buildings are all drawn
    collection: null, // as the API gave them
  };
}
const left = newSide('cov-minutes', 390),
  right = newSide('cov-compared', 391);
left.changes = {};
const newlyServed = { list: [], group: L.layerGroup().addTo(map) };

const styleOf = (side) => (feature) => {
  const key = feature.properties.class;
  const dashed = key === 'cannot_say';
  return {
    renderer: side.canvas,
    pane: side.canvas.options.pane,
    fillColor: classColour(key),
    fillOpacity: 0.95,
    color: dashed ? edge : white,
    weight: dashed ? 1.2 : 0.6,
    dashArray: dashed ? '3 2' : null,
    opacity: 1,
  };
};

const APART = { cannot_say: t('Cannot say'), off_network: t('Off the network') };
const nameOf = ({ name, code, minutes, class: key }) =>
  `${name || code} · ${APART[key] ?? (minutes === null ? t('over 60 min') : t('%(n)s min', { n: number(minutes) }))}`;

const boxText = (bounds) =>
  [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()].map((n) => n.toFixed(6)).join(',');
export const viewBox = () => boxText(map.getBounds());

const PART = t('Only some of the buildings are drawn: zoom in for all');

// Draws the buildings in view and around; those of the same question that are drawn already stay.
export async function drawBuildings(onPick, anew) {
  pickBuilding = onPick;
  const sides = [left, right].filter((side) => side.changes && (anew || !side.box?.contains(map.getBounds())));
  if (!sides.length) return;
  const box = map.getBounds().pad(0.4);
  $('drawing').hidden = false;
  try {
    await Promise.all(sides.map((side) => fetchSide(side, box)));
    const truncated = [left, right].some((side) => side.changes && side.collection?.truncated);
    if (truncated) mapStatus(PART);
    else clearStatus(PART);
  } finally {
    $('drawing').hidden = true;
  }
}

async function fetchSide(side, box) {
  side.box = null;
  const collection = await askBuildings(boxText(box), side.changes, side.canvas.options.pane);
  if (!side.changes) return; // taken away meanwhile
  side.collection = collection;
  if (!collection.truncated) side.box = box;
  drawSide(side);
}

// Draws those of the buildings that the choice leaves.
export const drawChosen = () => [left, right].forEach(drawSide);

function drawSide(side) {
  side.group.clearLayers();
  if (!side.collection) return;
  const chosen = choice();
  if (side === left) shapes.clear();
  L.geoJSON(side.collection, {
    filter: ({ properties }) => passes(chosen, { key: properties.class, community: properties.community }),
    style: styleOf(side),
    onEachFeature: (feature, layer) => {
      if (side === left) shapes.set(feature.properties.code, feature.geometry);
      layer.on('click', (event) => {
        L.DomEvent.stop(event);
        pickBuilding(feature.properties.code, event.latlng);
      });
      layer.bindTooltip(() => document.createTextNode(nameOf(feature.properties)), { className: 'name', sticky: true });
    },
  }).addTo(side.group);
  if (side === left) drawServed(newlyServed.list); // above the buildings just drawn
}

export function clearBuildings() {
  for (const side of [left, right]) {
    side.collection = side.box = null;
    side.group.clearLayers();
  }
}

// What the right side shows; null for nothing.
export function compareWith(changes) {
  if (JSON.stringify(changes) === JSON.stringify(right.changes)) return;
  right.changes = changes;
  right.collection = right.box = null;
  right.group.clearLayers();
}

// Leaves to each side what lies on its side of the divider; `share` of the width of the map, null for no divider.
export function clipSides(share) {
  const size = map.getSize(),
    corner = map.containerPointToLayerPoint([0, 0]),
    end = corner.add(size);
  const x = corner.x + size.x * (share ?? 1);
  const rectangle = (from, to) =>
    `polygon(${from}px ${corner.y}px, ${to}px ${corner.y}px, ${to}px ${end.y}px, ${from}px ${end.y}px)`;
  left.pane.style.clipPath = share === null ? '' : rectangle(corner.x, x);
  right.pane.style.clipPath = share === null ? '' : rectangle(x, end.x);
}

// Buildings that the pin newly serves, outlined where they are drawn.
export function drawServed(list) {
  newlyServed.list = list;
  newlyServed.group.clearLayers();
  list.forEach(({ code }) => {
    const geometry = shapes.get(code);
    if (!geometry) return;
    L.geoJSON(geometry, {
      interactive: false,
      style: { renderer: left.canvas, pane: 'cov-minutes', color: colour('chosen'), weight: 2.5, fill: false },
    }).addTo(newlyServed.group);
  });
}

// What the API gave for the left side, for who looks for the building at a place.
export const drawnBuildings = () => left.collection?.features ?? [];
