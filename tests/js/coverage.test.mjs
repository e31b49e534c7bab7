import assert from 'node:assert/strict';
import test from 'node:test';
import { areaM2, bbox, compactness, Coverage, crossing, distance, households, containsPoint, key, nearest, round } from '../../web/static/shared/coverage.js';

// a square of 0.01 degrees at the equator, with a hole in its middle
const ring = (low, high) => [[low, low], [high, low], [high, high], [low, high], [low, low]];
const square = { polygons: [[ring(0, 0.01)]] };
const holed = { polygons: [[ring(0, 0.01), ring(0.004, 0.006)]] };

test('positions are rounded to the lattice', () => {
  assert.equal(round(0.12345678), 0.1234568);
  assert.equal(key([0.00000001, 1]), '0,10000000');
});

test('a point in a hole is outside', () => {
  assert.equal(containsPoint(square, 0.005, 0.005), true);
  assert.equal(containsPoint(holed, 0.005, 0.005), false);
  assert.equal(containsPoint(holed, 0.001, 0.005), true);
  assert.equal(containsPoint(square, 0.02, 0.005), false);
});

test('households are counted by their points', () => {
  const homes = [[0.001, 0.001, 30, 80], [0.005, 0.005, 20, 50], [0.02, 0.02, 10, 20]];
  assert.equal(households(square, homes), 50);
  assert.equal(households(holed, homes), 30);
});

test('the box holds every vertex', () => {
  assert.deepEqual(bbox(holed), [0, 0, 0.01, 0.01]);
});

test('a square scores pi / 4, a ribbon nearly 0', () => {
  assert.ok(Math.abs(compactness(square) - Math.PI / 4) < 1e-6);
  assert.ok(compactness({ polygons: [[[[0, 0], [0.1, 0], [0.1, 0.0001], [0, 0.0001], [0, 0]]]] }) < 0.01);
});

test('the nearest point of segments lies within the reach or is none', () => {
  const segments = [{ a: [0, 0], b: [0.01, 0], tag: 'south' }, { a: [0, 0.01], b: [0.01, 0.01], tag: 'north' }];
  assert.equal(nearest(segments, 0.005, 0.001, 0.002).tag, 'south');
  assert.deepEqual(nearest(segments, 0.005, 0.001, 0.002).point, [0.005, 0]);
  assert.equal(nearest(segments, 0.005, 0.005, 0.002), null);
  assert.ok(Math.abs(distance([0, 60], [0.01, 60]) - 0.005) < 1e-9);
});

test('the area is in square metres', () => {
  assert.ok(Math.abs(areaM2(square) / (1111.95 * 1111.95) - 1) < 1e-3);
  assert.ok(areaM2(holed) < areaM2(square));
});

test('a corner held beyond another border crosses it; one that only touches does not', () => {
  const coverage = new Coverage();
  const box = (id, west, east) =>
    coverage.set({
      id,
      properties: {},
      geometry: { type: 'Polygon', coordinates: [[[west, 0], [east, 0], [east, 1e-3], [west, 1e-3], [west, 0]]] },
    });
  box('a', 0, 1e-3);
  box('b', 1e-3, 2e-3);
  const held = (to, edge) => {
    const drag = { codes: ['a', 'b'], xy: edge ? [1e-3, 5e-4] : [1e-3, 0], to, edge };
    const back = coverage.move(drag.codes, drag.xy, to, edge);
    const place = crossing(coverage, drag);
    back();
    return place;
  };
  assert.equal(held([1.2e-3, 1e-4]), null);
  assert.equal(held([1e-3, 0]), null);
  assert.ok(held([2.5e-3, 5e-4])); // through the eastern border
  assert.ok(held([5e-4, 2e-3])); // through the northern one
  const edge = [[1e-3, 0], [1e-3, 1e-3]];
  assert.equal(held([1.5e-3, 5e-4], edge), null);
  assert.ok(held([2.5e-3, 5e-4], edge));
});
