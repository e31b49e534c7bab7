// What lies over the tiles: buildings by class, gaps, numbered sites and the pin.
import { $, colour, page, phone, pin as pictogram } from '../../shared/dom.js';
import { number, t } from '../../shared/i18n.js';
import { askBuildings } from './answers.js';
import { choice } from './choice.js';
import { passes } from './cross.js';

export const { map } = window.wangge;
const canvas = L.canvas({ padding: 0.3, tolerance: 4 });
const shapes = new Map(); // code -> what is drawn of the building
const buildings = L.layerGroup().addTo(map),
  facilities = L.layerGroup().addTo(map),
  selection = L.layerGroup().addTo(map),
  served = L.layerGroup().addTo(map),
  sites = L.layerGroup().addTo(map);
let returnView = null,
  newlyServed = [];

export const classColour = (key) => page.colours.classes[key] ?? page.colours.apart[key];
const edge = colour('ink'),
  white = colour('white');

function styleOf(feature) {
  const key = feature.properties.class;
  const dashed = key === 'cannot_say';
  return {
    renderer: canvas,
    fillColor: classColour(key),
    fillOpacity: 0.95,
    color: dashed ? edge : white,
    weight: dashed ? 1.2 : 0.6,
    dashArray: dashed ? '3 2' : null,
    opacity: 1,
  };
}

const nameOf = ({ name, code, minutes }) =>
  `${name || code} · ${minutes === null ? t('over 60 min') : t('%(n)s min', { n: number(minutes) })}`;

let drawn = null, // the box whose buildings are all drawn
  collection = null, // as the API gave them
  pickBuilding = null;

const boxText = (bounds) =>
  [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()].map((n) => n.toFixed(6)).join(',');
export const viewBox = () => boxText(map.getBounds());

// Draws the buildings in view and around; those of the same question that are drawn already stay.
export async function drawBuildings(onPick, anew) {
  if (!anew && drawn?.contains(map.getBounds())) return;
  drawn = null;
  const b = map.getBounds().pad(0.4);
  $('drawing').hidden = false;
  try {
    collection = await askBuildings(boxText(b));
    pickBuilding = onPick;
    drawChosen();
    if (!collection.truncated) drawn = b;
    mapStatus(collection.truncated ? t('Only some of the buildings are drawn: zoom in for all') : '');
  } finally {
    $('drawing').hidden = true;
  }
}

// Draws those of the buildings that the choice leaves.
export function drawChosen() {
  if (!collection) return;
  const chosen = choice();
  buildings.clearLayers();
  shapes.clear();
  const shown = L.geoJSON(collection, {
    filter: ({ properties }) => passes(chosen, { key: properties.class, community: properties.community }),
    style: styleOf,
    onEachFeature: (feature, layer) => {
      shapes.set(feature.properties.code, feature.geometry);
      layer.on('click', (event) => {
        L.DomEvent.stop(event);
        pickBuilding(feature.properties.code);
      });
      layer.bindTooltip(() => nameOf(feature.properties), { className: 'name', sticky: true });
    },
  });
  buildings.addLayer(shown);
  drawServed(newlyServed); // above the buildings just drawn
}

export function drawFacilities(list) {
  facilities.clearLayers();
  list.forEach((facility) =>
    L.marker([facility.lat, facility.lon], {
      interactive: true,
      keyboard: false,
      icon: L.divIcon({ className: 'cov-facility', html: pictogram(facility.category), iconSize: [24, 24] }),
    })
      .bindTooltip(facility.name || facility.category_zh, { className: 'name', direction: 'top', offset: [0, -12] })
      .addTo(facilities),
  );
}

export function clearBuildings() {
  collection = drawn = null;
  buildings.clearLayers();
}

export function mapStatus(text) {
  $('map-status').textContent = text;
  $('map-status').hidden = !text;
}

export function whole(animate = true) {
  if (!page.bbox) return;
  const [west, south, east, north] = page.bbox;
  map.fitBounds(
    [
      [south, west],
      [north, east],
    ],
    { padding: [24, 24], animate },
  );
}

// ---- there and back
export function goThere(geometry, name) {
  returnView ??= [map.getCenter(), map.getZoom()];
  selection.clearLayers();
  const shape = L.geoJSON(geometry, {
    interactive: false,
    style: { color: colour('chosen'), weight: 3, fill: false },
    pointToLayer: (feature, latlng) =>
      L.circleMarker(latlng, { radius: 14, color: colour('chosen'), weight: 3, fill: false, interactive: false }),
  }).addTo(selection);
  if (name) shape.bindTooltip(name, { permanent: true, className: 'name', direction: 'top' }).openTooltip();
  const target = shape.getBounds().getCenter();
  if (phone.matches) map.getContainer().scrollIntoView({ block: 'start' });
  map.flyTo(target, Math.max(map.getZoom(), 17), { duration: 0.5 });
  $('back').hidden = false;
}

export function goBack() {
  selection.clearLayers();
  $('back').hidden = true;
  if (returnView) map.flyTo(...returnView, { duration: 0.5 });
  returnView = null;
}

export function forgetReturn() {
  selection.clearLayers();
  $('back').hidden = true;
  returnView = null;
}

// ---- numbered places
export function drawSites(list, onPick) {
  sites.clearLayers();
  list.forEach((site, i) => {
    L.marker([site.lat, site.lon], {
      icon: L.divIcon({ className: 'cov-site', html: String(i + 1), iconSize: [32, 32] }),
      title: t('Site %(n)s', { n: i + 1 }),
      alt: t('Site %(n)s', { n: i + 1 }),
      zIndexOffset: 500,
    })
      .on('click', () => onPick(i))
      .addTo(sites);
  });
}

export function fitSites(list) {
  if (!list.length) return;
  map.fitBounds(L.latLngBounds(list.map((site) => [site.lat, site.lon])), { padding: [60, 60], maxZoom: 16 });
}

export function flyTo(lon, lat) {
  map.flyTo([lat, lon], Math.max(map.getZoom(), 16), { duration: 0.5 });
}

// ---- the pin
let pin = null;
export function putPin([lon, lat], onMove) {
  removePin();
  pin = L.marker([lat, lon], {
    draggable: true,
    autoPan: true,
    keyboard: true,
    title: t('A new facility here: drag it'),
    alt: t('A new facility here: drag it'),
    icon: L.divIcon({ className: 'cov-pin', iconSize: [34, 44], iconAnchor: [17, 44] }),
    zIndexOffset: 1000,
  }).addTo(map);
  const at = () => {
    const place = pin.getLatLng();
    return [place.lng, place.lat];
  };
  pin.on('drag', () => onMove(at(), false)).on('dragend', () => onMove(at(), true));
  const element = pin.getElement();
  element.addEventListener('keydown', (event) => {
    const step = { ArrowUp: [0, -12], ArrowDown: [0, 12], ArrowLeft: [-12, 0], ArrowRight: [12, 0] }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    pin.setLatLng(map.containerPointToLatLng(map.latLngToContainerPoint(pin.getLatLng()).add(step)));
    onMove(at(), true);
  });
}

export function removePin() {
  pin?.remove();
  pin = null;
  drawServed([]);
}

// Buildings that the pin newly serves, outlined where they are drawn.
export function drawServed(list) {
  newlyServed = list;
  served.clearLayers();
  list.forEach(({ code }) => {
    const geometry = shapes.get(code);
    if (!geometry) return;
    L.geoJSON(geometry, {
      interactive: false,
      style: { renderer: canvas, color: colour('chosen'), weight: 2.5, fill: false },
    }).addTo(served);
  });
}
