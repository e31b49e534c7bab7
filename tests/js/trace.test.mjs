import assert from 'node:assert/strict';
import test from 'node:test';
import { Segments } from '../../web/static/shared/coverage.js';
import { parsePosition } from '../../web/static/shared/coordinates.js';
import { wayAlong } from '../../web/static/shared/trace.js';

const [X, Y, M] = [105.95, 26.23, 1e-5];
const at = (x, y) => [Number((X + x * M).toFixed(7)), Number((Y + y * M).toFixed(7))];
function lines(...all) {
  const index = new Segments();
  for (const line of all) for (let i = 1; i < line.length; i += 1) index.add(line[i - 1], line[i], 'street');
  return index;
}

test('a way follows the vertices of the lines, the shortest way round', () => {
  const ring = lines([at(0, 0), at(100, 0), at(100, 100), at(0, 100), at(0, 0)]);
  assert.deepEqual(wayAlong([ring], at(50, 0), at(50, 100)).length, 2);
  assert.deepEqual(wayAlong([ring], at(80, 0), at(60, 100)), [at(100, 0), at(100, 100)]);
  assert.deepEqual(wayAlong([ring], at(10, 0), at(90, 0)), []); // on one segment
  assert.deepEqual(wayAlong([ring], at(0, 0), at(100, 100)).length, 1); // from vertex to vertex
});

test('borders and streets are one network where they share a vertex', () => {
  const border = lines([at(0, 0), at(50, 10), at(100, 0)]);
  const street = lines([at(100, 0), at(150, 40), at(200, 0)]);
  assert.deepEqual(wayAlong([border, street], at(0, 0), at(200, 0)), [at(50, 10), at(100, 0), at(150, 40)]);
});

test('there is no way off the lines, to another line, or around half the town', () => {
  const street = lines([at(0, 0), at(100, 0)], [at(0, 500), at(100, 500)]);
  assert.equal(wayAlong([street], at(50, 20), at(60, 0)), null);
  assert.equal(wayAlong([street], at(50, 0), at(50, 500)), null);
  const far = lines([at(0, 0), at(0, 9000), at(10, 9000), at(10, 0)]);
  assert.equal(wayAlong([far], at(0, 0), at(10, 0)), null);
});

test('a position is read as people write it, or is none', () => {
  for (const text of ['105.9501, 26.2302', '26.2302 105.9501', 'E105.9501 N26.2302', '东经105.9501° 北纬26.2302°', '105°57′0.36″ 26°13′48.72″'])
    assert.deepEqual(parsePosition(text).map((n) => n.toFixed(4)), ['105.9501', '26.2302'], text);
  for (const text of ['', '105.95', 'here', '5, 6', '105.95 26.2 3', '200, 26']) assert.equal(parsePosition(text), null, text);
});
