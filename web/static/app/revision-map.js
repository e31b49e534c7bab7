// What the pages of revisions draw on their map.
export const COLOURS = ['#0072B2', '#E69F00', '#009E73', '#CC79A7', '#56B4E9', '#D55E00', '#F0E442']; // Okabe & Ito (2008)

const { map } = window.wangge;
const drawn = L.layerGroup().addTo(map);

export const clear = () => drawn.clearLayers();
export const shape = (geometry, style) => (geometry ? L.geoJSON(geometry, { interactive: false, style }).addTo(drawn) : null);

export function fit(layers) {
  map.invalidateSize();
  const bounds = layers.filter(Boolean).map((one) => one.getBounds()).filter((one) => one.isValid());
  if (bounds.length) map.fitBounds(bounds.reduce((all, one) => all.extend(one), L.latLngBounds(bounds[0])), { padding: [30, 30], maxZoom: 18, animate: false });
}

export function fly([lon, lat]) {
  map.invalidateSize();
  map.getContainer().scrollIntoView({ block: 'nearest' });
  map.flyTo([lat, lon], Math.max(map.getZoom(), 18), { duration: 0.6 });
  const ring = L.circleMarker([lat, lon], { radius: 16, color: '#c93508', weight: 3, fill: false, interactive: false }).addTo(drawn);
  setTimeout(() => ring.remove(), 4000);
}
