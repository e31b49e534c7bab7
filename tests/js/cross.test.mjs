import assert from 'node:assert/strict';
import test from 'node:test';
import {
  CLASSES,
  countsOf,
  listOf,
  passes,
  rangeOf,
  rowsOf,
  sumOf,
  toggled,
  totalsOf,
} from '../../web/pages/coverage/static/cross.js';

// an area whose classes hold some households; people are twice as many, and each has one building
const area = (code, households) => ({
  code,
  name: code ?? '',
  counts: Object.fromEntries(
    CLASSES.map((key, i) => [key, { buildings: households[i] ? 1 : 0, households: households[i], people: 2 * households[i] }]),
  ),
});
const north = area('N', [10, 0, 20, 30, 0, 0, 0, 5, 0]);
const south = area('S', [0, 0, 0, 40, 0, 0, 10, 0, 1]);
const nowhere = area(null, [0, 0, 0, 0, 0, 0, 0, 7, 0]);
const areas = [north, south, nowhere];

test('the counts of all areas add up, and so do those of a choice', () => {
  assert.equal(sumOf(countsOf(areas)).households, 123);
  assert.equal(countsOf(areas)['3'].people, 140);
  assert.equal(sumOf(countsOf(areas, ['S', '-'])).households, 58);
  assert.deepEqual(countsOf(areas, ['elsewhere'])['0'], { households: 0, people: 0, buildings: 0 });
});

test('the four parts make up the total, and the share leaves out who cannot be judged', () => {
  const totals = totalsOf(countsOf(areas));
  const parts = ['served', 'beyond', 'cannot_say', 'off_network'];
  for (const unit of ['households', 'people', 'buildings'])
    assert.equal(parts.reduce((sum, part) => sum + totals[`${part}_${unit}`], 0), totals[unit]);
  assert.equal(totals.share, 30 / 110);
  assert.equal(totalsOf(countsOf([nowhere])).share, null);
});

test('the least served come first, and who cannot be judged last', () => {
  const rows = rowsOf(areas, ['3', 'unreachable']);
  assert.deepEqual(rows.map((row) => row.code), ['S', 'N', null]);
  assert.deepEqual(rows.map((row) => row.chosen), [50, 30, 0]);
  assert.deepEqual(rowsOf(areas).map((row) => row.chosen), [51, 65, 7]);
});

test('a choice passes what is of one of its classes and one of its communities', () => {
  const choice = { classes: ['3', '4'], communities: ['N', '-'] };
  assert.equal(passes(choice, { key: '3', community: 'N' }), true);
  assert.equal(passes(choice, { key: '2', community: 'N' }), false);
  assert.equal(passes(choice, { key: '3', community: 'S' }), false);
  assert.equal(passes(choice, { key: '4', community: '' }), true);
  assert.equal(passes({ classes: [], communities: [] }, { key: '5', community: 'S' }), true);
});

test('a key is put in and taken out again', () => {
  assert.deepEqual(toggled(toggled([], 'a'), 'b'), ['a', 'b']);
  assert.deepEqual(toggled(['a', 'b'], 'a'), ['b']);
  assert.deepEqual(listOf(''), []);
});

test('a class is told by its limits', () => {
  const limits = [5, 10, 15, 20, 30];
  assert.deepEqual(rangeOf('0', limits), ['to', { n: 5 }]);
  assert.deepEqual(rangeOf('3', limits), ['between', { from: 15, to: 20 }]);
  assert.deepEqual(rangeOf('5', limits), ['over', { n: 30 }]);
  assert.deepEqual(rangeOf('cannot_say', limits), ['cannot_say', {}]);
});
