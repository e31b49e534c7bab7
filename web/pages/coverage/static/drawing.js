// What lies over the tiles besides the buildings: facilities, gaps, numbered sites and the pin.
import { $, colour, page, phone, pin as pictogram } from '../../shared/dom.js';
import { t } from '../../shared/i18n.js';

export const { map } = window.wangge;
const facilities = L.layerGroup().addTo(map),
  selection = L.layerGroup().addTo(map),
  sites = L.layerGroup().addTo(map);
let returnView = null;

export const classColour = (key) => page.colours.classes[key] ?? page.colours.apart[key];

let facilityList = [],
  editFacility = null; // opens the form of one, while they are edited
export const drawnFacilities = () => facilityList;
/** From now on a click on a facility opens it; null: they are only seen. */
export function editFacilities(open) {
  editFacility = open;
  drawFacilities(facilityList);
}
export function drawFacilities(list) {
  facilityList = list;
  facilities.clearLayers();
  list.forEach((facility) => {
    const marker = L.marker([facility.lat, facility.lon], {
      interactive: true,
      keyboard: Boolean(editFacility),
      bubblingMouseEvents: !editFacility, // a click may be meant for the map
      icon: L.divIcon({ className: 'cov-facility', html: pictogram(facility.category), iconSize: [24, 24] }),
    })
      .bindTooltip(document.createTextNode(facility.name || facility.category_zh), {
        className: 'name',
        direction: 'top',
        offset: [0, -12],
      })
      .addTo(facilities);
    marker.getElement()?.setAttribute('role', editFacility ? 'button' : 'img');
    marker.getElement()?.setAttribute('aria-label', facility.name || facility.category_zh); // a div has no alt
    if (editFacility) marker.on('click', () => editFacility(facility));
  });
}

export function mapStatus(text) {
  $('map-status').textContent = text;
  $('map-status').hidden = !text;
}

/** Takes a message away, unless another has come meanwhile. */
export function clearStatus(text) {
  if ($('map-status').textContent === text) mapStatus('');
}

const LEGEND_PX = 264; // it lies over the left of the map
const EDGE_PX = 24;

export function whole(animate = true) {
  if (!page.bbox) return;
  const [west, south, east, north] = page.bbox;
  const bounds = L.latLngBounds([south, west], [north, east]);
  const zoomBeside = (left) => map.getBoundsZoom(bounds, false, L.point(left + EDGE_PX, 2 * EDGE_PX));
  const left = !phone.matches && zoomBeside(LEGEND_PX) === zoomBeside(EDGE_PX) ? LEGEND_PX : EDGE_PX;
  map.fitBounds(bounds, { paddingTopLeft: [left, EDGE_PX], paddingBottomRight: [EDGE_PX, EDGE_PX], animate });
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
  if (name)
    shape
      .bindTooltip(document.createTextNode(name), { permanent: true, className: 'name', direction: 'top' })
      .openTooltip();
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

// ---- who takes the clicks on the map, one at a time
let clicks = null; // {place, stop}

/** From now on `place` takes the clicks; who took them before is stopped. */
export function takeClicks(place, stop) {
  const former = clicks;
  clicks = { place, stop };
  former?.stop();
}
export const releaseClicks = (place) => {
  if (clicks?.place === place) clicks = null;
};

/** Gives a click to who takes them; tells whether somebody does. */
export function giveClick(latlng) {
  if (!clicks) return false;
  clicks.place(latlng);
  return true;
}
map.on('click', ({ latlng }) => giveClick(latlng));

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
}
