import assert from 'node:assert/strict';
import { register } from 'node:module';
import test from 'node:test';

// the server has shared scripts beside those of the pages; here they lie in web/static
const hook = `export const resolve = (name, context, next) =>
  next(name.startsWith('../../shared/') ? new URL('../../web/static/' + name.slice(6), '${import.meta.url}').href : name, context);`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);
const { metresTo, ownersNear } = await import('../../web/pages/coverage/static/owners.js');

// a square of about 111 m at the equator
const square = { type: 'Polygon', coordinates: [[[0, 0], [0.001, 0], [0.001, 0.001], [0, 0.001], [0, 0]]] };

test('a point in a shape is at 0 m, one beside it at its distance, one far off nowhere', () => {
  assert.equal(metresTo(square, [0.0005, 0.0005]), 0);
  assert.ok(Math.abs(metresTo(square, [0.0012, 0.0005]) - 22.2) < 0.1);
  assert.equal(metresTo(square, [0.002, 0.0005]), Infinity);
  assert.ok(Math.abs(metresTo({ type: 'Point', coordinates: [0, 0] }, [0, 0.0001]) - 11.1) < 0.1);
});

test('the nearest of the candidates within reach comes first', () => {
  const candidates = [
    { owner: 'building', code: 'far', name: '', geometry: { type: 'Point', coordinates: [1, 1] } },
    { owner: 'facility', code: 'point', name: '', geometry: { type: 'Point', coordinates: [0.0012, 0] } },
    { owner: 'building', code: 'square', name: '', geometry: { type: 'MultiPolygon', coordinates: [square.coordinates] } },
  ];
  assert.deepEqual(ownersNear(candidates, [0.00105, 0]).map(({ code }) => code), ['square', 'point']);
  assert.deepEqual(ownersNear(candidates, [0.5, 0.5]), []);
});
