// The way along lines between two points on them: borders, streets and waters, as one network of segments.
import { distance, key, nearest } from './coverage.js';

const ON_LINE = 3e-6; // degrees, about 0.3 m: so near a line a point lies on it
const MOST_NODES = 20_000;
const DETOUR = 6; // times the straight distance

// The segments of several indexes that end in a point.
function* from(indexes, xy) {
  const name = key(xy);
  for (const index of indexes)
    for (const { a, b } of index.near(xy[0], xy[1], 0)) {
      if (key(a) === name) yield b;
      else if (key(b) === name) yield a;
    }
}

// The ends of the lines on which a point lies.
function ends(indexes, xy) {
  return indexes.flatMap((index) =>
    [...index.near(xy[0], xy[1], ON_LINE)]
      .filter((segment) => nearest([segment], xy[0], xy[1], ON_LINE))
      .map(({ a, b }) => ({ a, b, name: `${key(a)} ${key(b)}` })),
  );
}

// The cheapest node that is open; few nodes are open at once.
function take(open) {
  let best = 0;
  for (let i = 1; i < open.length; i += 1) if (open[i].length < open[best].length) best = i;
  return open.splice(best, 1)[0];
}

/**
 * The vertices between two points along the shortest way on the lines; null where there is none.
 * @param {import('./coverage.js').Segments[]} indexes
 */
export function wayAlong(indexes, start, goal) {
  const first = ends(indexes, start),
    last = ends(indexes, goal);
  if (!first.length || !last.length) return null;
  if (first.some(({ name }) => last.some((other) => other.name === name))) return [];
  const goals = new Set(last.flatMap(({ a, b }) => [key(a), key(b)]));
  const farthest = distance(start, goal) * DETOUR;
  const open = first.flatMap(({ a, b }) => [a, b]).map((xy) => ({ xy, length: distance(start, xy), before: null }));
  const done = new Map();
  while (open.length && done.size < MOST_NODES) {
    const node = take(open),
      name = key(node.xy);
    if (done.has(name)) continue;
    done.set(name, node);
    if (node.goal) return path(node.before, start, goal);
    if (node.length > farthest) return null;
    if (goals.has(name))
      open.push({ xy: goal, goal: true, length: node.length + distance(node.xy, goal), before: node });
    for (const xy of from(indexes, node.xy))
      if (!done.has(key(xy))) open.push({ xy, length: node.length + distance(node.xy, xy), before: node });
  }
  return null;
}

function path(node, start, goal) {
  const way = [];
  for (let at = node; at; at = at.before) way.unshift(at.xy);
  return way.filter((xy) => key(xy) !== key(start) && key(xy) !== key(goal));
}
