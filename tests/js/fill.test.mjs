import assert from 'node:assert/strict';
import test from 'node:test';
import { fill } from '../../web/static/shared/fill.js';

test('fills what is named and leaves what is not given', () => {
  assert.equal(fill('%(n)s of %(all)s', { n: 3 }), '3 of %(all)s');
  assert.equal(fill('Sending… %(n)s %%', { n: 0 }), 'Sending… 0 %');
  assert.equal(fill('100 households'), '100 households');
});

test('a value is text, whatever it holds', () => {
  assert.equal(fill('“%(q)s”', { q: '$& %(q)s %%' }), '“$& %(q)s %%”');
});
