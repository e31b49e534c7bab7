// The grids in the browser as one coverage: a vertex is kept once, however many grids share it, so that moving it moves
// all of them. Positions are degrees rounded to the lattice of 1e-7, as the server stores them. No Leaflet here.

const STEPS = 1e7;
const METRES = 111_195; // of a degree of latitude, on the sphere of the mean radius
const CELL = 0.0005; // degrees: about 50 m, the squares in which vertices and lines are looked up

export const round = (n) => Math.round(n * STEPS) / STEPS;
export const key = ([lon, lat]) => `${Math.round(lon * STEPS)},${Math.round(lat * STEPS)}`;

const cell = (lon, lat) => `${Math.floor(lon / CELL)},${Math.floor(lat / CELL)}`;

function* cells(west, south, east, north) {
  for (let x = Math.floor(west / CELL); x <= Math.floor(east / CELL); x += 1) {
    for (let y = Math.floor(south / CELL); y <= Math.floor(north / CELL); y += 1) yield `${x},${y}`;
  }
}

// Lines by the squares they cross, for what is near a place.
export class Segments {
  constructor() {
    this.squares = new Map();
  }

  add(a, b, tag) {
    const segment = { a, b, tag };
    for (const square of cells(
      Math.min(a[0], b[0]),
      Math.min(a[1], b[1]),
      Math.max(a[0], b[0]),
      Math.max(a[1], b[1]),
    )) {
      if (!this.squares.has(square)) this.squares.set(square, []);
      this.squares.get(square).push(segment);
    }
  }

  near(lon, lat, reach) {
    const entries = new Set();
    for (const square of cells(lon - reach, lat - reach, lon + reach, lat + reach)) {
      (this.squares.get(square) ?? []).forEach((entry) => entries.add(entry));
    }
    return entries;
  }
}

export class Coverage {
  constructor() {
    this.grids = new Map(); // code -> {code, polygons: [[ring of [lon, lat]]], properties}
    this.owners = new Map(); // vertex -> Set of codes
    this.squares = new Map(); // square -> Set of vertices
    this.edges = null; // made when asked for, with the names of all edges
    this.names = new Set();
  }

  // Take over what the server says of a grid; without geometry it has no land any more.
  set(feature) {
    this.drop(feature.id);
    if (!feature.geometry) return null;
    const polygons =
      feature.geometry.type === 'Polygon' ? [feature.geometry.coordinates] : feature.geometry.coordinates;
    const grid = {
      code: feature.id,
      properties: feature.properties,
      polygons: polygons.map((rings) => rings.map((ring) => ring.map(([lon, lat]) => [lon, lat]))),
    };
    this.grids.set(grid.code, grid);
    this.register(grid);
    return grid;
  }

  drop(code) {
    const grid = this.grids.get(code);
    if (!grid) return;
    this.unregister(grid);
    this.grids.delete(code);
  }

  register(grid) {
    this.edges = null;
    grid.registered = [...vertices(grid)].map((xy) => [key(xy), cell(...xy)]); // as they are now: `move` runs ahead of the index
    for (const [at, square] of grid.registered) {
      if (!this.owners.has(at)) this.owners.set(at, new Set());
      this.owners.get(at).add(grid.code);
      if (!this.squares.has(square)) this.squares.set(square, new Set());
      this.squares.get(square).add(at);
    }
  }

  unregister(grid) {
    this.edges = null;
    for (const [at, square] of grid.registered) {
      const owners = this.owners.get(at);
      if (!owners) continue;
      owners.delete(grid.code);
      if (!owners.size) {
        this.owners.delete(at);
        this.squares.get(square)?.delete(at);
      }
    }
  }

  // The vertex nearest to a place within a reach (degrees of latitude), with the grids that share it.
  vertexNear(lon, lat, reach, without = []) {
    const wide = reach / Math.cos((lat * Math.PI) / 180);
    let best = null;
    for (const square of cells(lon - wide, lat - reach, lon + wide, lat + reach)) {
      for (const at of this.squares.get(square) ?? []) {
        const xy = at.split(',').map((n) => n / STEPS),
          distanceM = distance(xy, [lon, lat]);
        if (distanceM <= reach && !without.includes(at) && (!best || distanceM < best.far))
          best = { key: at, xy, far: distanceM, codes: [...this.owners.get(at)] };
      }
    }
    return best;
  }

  segments() {
    if (!this.edges) {
      this.edges = new Segments();
      this.names = new Set();
      for (const grid of this.grids.values()) {
        for (const [a, b] of edges(grid)) {
          const name = [key(a), key(b)].sort().join(' ');
          if (!this.names.has(name)) {
            this.names.add(name);
            this.edges.add(a, b, 'border');
          }
        }
      }
    }
    return this.edges;
  }

  // The border nearest to a place, with the point on it and the grids on its sides.
  edgeNear(lon, lat, reach) {
    const hit = nearest(this.segments().near(lon, lat, reach * 1.5), lon, lat, reach);
    if (!hit) return null;
    const [a, b] = [this.owners.get(key(hit.a)) ?? new Set(), this.owners.get(key(hit.b)) ?? new Set()];
    return { ...hit, codes: [...a].filter((code) => b.has(code) && this.has(code, hit.a, hit.b)) };
  }

  has(code, a, b) {
    const names = [`${key(a)} ${key(b)}`, `${key(b)} ${key(a)}`];
    for (const [start, end] of edges(this.grids.get(code)))
      if (names.includes(`${key(start)} ${key(end)}`)) return true;
    return false;
  }

  // Move a vertex of all grids that share it, or make one on an edge; returns how to put everything back.
  move(codes, from, to, edge) {
    this.segments(); // of before: the index does not run ahead
    const previous = codes.map((code) => [code, structuredClone(this.grids.get(code).polygons)]);
    const names = edge ? [`${key(edge[0])} ${key(edge[1])}`, `${key(edge[1])} ${key(edge[0])}`] : null,
      start = key(from);
    for (const code of codes) {
      const grid = this.grids.get(code);
      for (const rings of grid.polygons) {
        for (const ring of rings) {
          if (names) {
            for (let i = ring.length - 1; i > 0; i -= 1) {
              if (names.includes(`${key(ring[i - 1])} ${key(ring[i])}`)) ring.splice(i, 0, to);
            }
          } else
            ring.forEach((xy, i) => {
              if (key(xy) === start) ring[i] = to;
            });
        }
      }
    }
    return () =>
      previous.forEach(([code, polygons]) => {
        this.grids.get(code).polygons = polygons;
      });
  }

  // The grid a place lies in; on a border the lower code.
  at(lon, lat) {
    return (
      [...this.grids.values()]
        .filter((grid) => containsPoint(grid, lon, lat))
        .map((grid) => grid.code)
        .sort()[0] ?? null
    );
  }
}

export function* vertices(grid) {
  for (const rings of grid.polygons) for (const ring of rings) yield* ring;
}

export function* edges(grid) {
  for (const rings of grid.polygons)
    for (const ring of rings) for (let i = 1; i < ring.length; i += 1) yield [ring[i - 1], ring[i]];
}

export const distance = (a, b) => {
  const wide = Math.cos((a[1] * Math.PI) / 180);
  return Math.hypot((a[0] - b[0]) * wide, a[1] - b[1]);
};

// The edges of a GeoJSON shape that no grid has any more: the line before a change. Those in `seen` are left out.
export function removedVertices(geometry, coverage, visited = new Set()) {
  coverage.segments();
  const polygons = geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates,
    lines = [];
  for (const rings of polygons) {
    for (const ring of rings) {
      let line = [];
      for (let i = 1; i < ring.length; i += 1) {
        const name = [key(ring[i - 1]), key(ring[i])].sort().join(' ');
        if (visited.has(name) || coverage.names.has(name) || onBorder(ring[i - 1], ring[i], coverage)) {
          if (line.length) lines.push(line);
          line = [];
        } else line = line.length ? [...line, ring[i]] : [ring[i - 1], ring[i]];
        visited.add(name);
      }
      if (line.length) lines.push(line);
    }
  }
  return lines;
}

// Whether an edge lies on today's borders still, only with more vertices on it.
function onBorder(a, b, coverage) {
  return [0.21, 0.5, 0.79].every((share) => {
    const [lon, lat] = [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share];
    return nearest(coverage.segments().near(lon, lat, 3e-7), lon, lat, 3e-7);
  });
}

// The point of some segments nearest to a place, within a reach.
export function nearest(segments, lon, lat, reach) {
  const wide = Math.cos((lat * Math.PI) / 180);
  let best = null;
  for (const { a, b, tag } of segments) {
    const [dx, dy] = [(b[0] - a[0]) * wide, b[1] - a[1]];
    const length = dx * dx + dy * dy;
    const share = length ? Math.max(0, Math.min(1, ((lon - a[0]) * wide * dx + (lat - a[1]) * dy) / length)) : 0;
    const point = [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share],
      distanceM = distance(point, [lon, lat]);
    if (distanceM <= reach && (!best || distanceM < best.far)) best = { point, far: distanceM, a, b, tag };
  }
  return best;
}

export function containsPoint(grid, lon, lat) {
  let within = false;
  for (const rings of grid.polygons) {
    for (const ring of rings) {
      for (let i = 1; i < ring.length; i += 1) {
        const [a, b] = [ring[i - 1], ring[i]];
        if (a[1] > lat !== b[1] > lat && lon < ((b[0] - a[0]) * (lat - a[1])) / (b[1] - a[1]) + a[0]) within = !within;
      }
    }
  }
  return within;
}

export function bbox(grid) {
  const bounds = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [lon, lat] of vertices(grid)) {
    bounds[0] = Math.min(bounds[0], lon);
    bounds[1] = Math.min(bounds[1], lat);
    bounds[2] = Math.max(bounds[2], lon);
    bounds[3] = Math.max(bounds[3], lat);
  }
  return bounds;
}

// Households in a grid, from the points of buildings: [lon, lat, households, people].
export function households(grid, homes) {
  const [west, south, east, north] = bbox(grid);
  let count = 0;
  for (const [lon, lat, n] of homes) {
    if (lon >= west && lon <= east && lat >= south && lat <= north && containsPoint(grid, lon, lat)) count += n;
  }
  return count;
}

// Area in square metres and perimeter in metres, about the grid's own latitude: right to 0.2 %.
function measure(grid) {
  const [, south, , north] = bbox(grid),
    wide = Math.cos((((south + north) / 2) * Math.PI) / 180);
  let area = 0,
    around = 0;
  for (const rings of grid.polygons) {
    rings.forEach((ring, n) => {
      let twice = 0;
      for (let i = 1; i < ring.length; i += 1) {
        const [a, b] = [ring[i - 1], ring[i]];
        twice += (a[0] - ring[0][0]) * wide * (b[1] - ring[0][1]) - (b[0] - ring[0][0]) * wide * (a[1] - ring[0][1]);
        around += Math.hypot((b[0] - a[0]) * wide, b[1] - a[1]);
      }
      area += ((n ? -1 : 1) * Math.abs(twice)) / 2;
    });
  }
  return { area: area * METRES * METRES, around: around * METRES };
}

export const areaM2 = (grid) => measure(grid).area;

// Polsby-Popper: 1 for a circle, near 0 for a ribbon.
export function compactness(grid) {
  const { area, around } = measure(grid);
  return around ? (4 * Math.PI * area) / (around * around) : 0;
}

const turn = (a, b, c) => Math.sign((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]));

// Where two segments cross inside both; null where they only touch.
function crossed(a, b, c, d) {
  if (turn(a, b, c) * turn(a, b, d) >= 0 || turn(c, d, a) * turn(c, d, b) >= 0) return null;
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]],
    [ex, ey] = [d[0] - c[0], d[1] - c[1]];
  const share = ((c[0] - a[0]) * ey - (c[1] - a[1]) * ex) / (dx * ey - dy * ex);
  return [a[0] + share * dx, a[1] + share * dy];
}

// Where the borders of a vertex that is moved, or put on an edge, cross others; null where nowhere. The index of the
// coverage is that of before the move.
export function crossing(coverage, { codes, xy, to, edge }) {
  const moved = new Set((edge ?? [xy]).map(key));
  const ours = ({ a, b }) => (edge ? moved.has(key(a)) && moved.has(key(b)) : moved.has(key(a)) || moved.has(key(b)));
  for (const code of codes) {
    for (const [a, b] of edges(coverage.grids.get(code))) {
      if (key(a) !== key(to) && key(b) !== key(to)) continue;
      const reach = Math.max(Math.abs(a[0] - b[0]), Math.abs(a[1] - b[1])) / 2 + CELL;
      for (const segment of coverage.segments().near((a[0] + b[0]) / 2, (a[1] + b[1]) / 2, reach)) {
        const place = ours(segment) ? null : crossed(a, b, segment.a, segment.b);
        if (place) return place;
      }
    }
  }
  return null;
}
