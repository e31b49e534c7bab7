// Points that stand close on the screen, as one mark.

/** The place of a GeoJSON point. */
export const latlng = ({ geometry }) => L.latLng(geometry.coordinates[1], geometry.coordinates[0]);

/** Groups points at the map's zoom; each takes those after it that stand nearer than some pixels. */
export function clustersOf(map, features, closePx) {
  const zoom = map.getZoom();
  const clusters = [];
  for (const feature of features) {
    const { x, y } = map.project(latlng(feature), zoom);
    const cluster = clusters.find((other) => Math.abs(other.x - x) < closePx && Math.abs(other.y - y) < closePx);
    if (cluster) cluster.features.push(feature);
    else clusters.push({ x, y, features: [feature] });
  }
  return clusters.map(({ features: group }) => group);
}
