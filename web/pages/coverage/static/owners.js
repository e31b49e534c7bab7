// Whose door may stand at a place: buildings and facilities near it. Nothing here touches the page.
import { containsPoint, distance, nearest } from '../../shared/coverage.js';

const METRES = 111_195; // to a degree of latitude
export const REACH_M = 50; // as far as the server lets a door stand from its outline

/** Metres from a point to a GeoJSON shape, 0 inside it; infinite beyond `REACH_M`. */
export function metresTo(geometry, [lon, lat]) {
  if (geometry.type === 'Point') return within(distance(geometry.coordinates, [lon, lat]) * METRES);
  const polygons = geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates;
  if (containsPoint({ polygons }, lon, lat)) return 0;
  const hit = nearest(sides(polygons), lon, lat, REACH_M / METRES);
  return hit ? hit.far * METRES : Infinity;
}

const within = (metres) => (metres <= REACH_M ? metres : Infinity);

function* sides(polygons) {
  for (const rings of polygons)
    for (const ring of rings) for (let i = 1; i < ring.length; i += 1) yield { a: ring[i - 1], b: ring[i], tag: '' };
}

/**
 * The candidates near enough to a point, the nearest first.
 * @param {{owner: string, code: string, name: string, geometry: any}[]} candidates
 * @param {[number, number]} point
 */
export const ownersNear = (candidates, point) =>
  candidates
    .map((candidate) => ({ ...candidate, metres: metresTo(candidate.geometry, point) }))
    .filter(({ metres }) => Number.isFinite(metres))
    .sort((a, b) => a.metres - b.metres);
