import assert from 'node:assert/strict';
import test from 'node:test';
import { changesOf, moved, within } from '../../web/pages/coverage/static/sides.js';

test('what is compared changes the question in one thing', () => {
  assert.deepEqual(changesOf('circle', []), { straight: 'true' });
  assert.deepEqual(changesOf('profile.child', []), { profile: 'child' });
  assert.deepEqual(changesOf('at.any', []), { at: '' });
  assert.deepEqual(changesOf('at.2026-11-28T20:00', []), { at: '2026-11-28T20:00' });
  assert.deepEqual(changesOf('sites', [[105.95, 26.23], [105.96, 26.24]]), {
    sites: '105.950000,26.230000;105.960000,26.240000',
  });
});

test('without places there is no comparison with places, and none with what is not offered', () => {
  for (const text of ['sites', '', 'profile.', 'circles', 'at', 'x.y']) assert.equal(changesOf(text, []), null);
});

test('keys move the divider and stop at the edges', () => {
  assert.equal(moved(50, 'ArrowLeft'), 48);
  assert.equal(moved(50, 'PageUp'), 60);
  assert.equal(moved(1, 'ArrowDown'), 0);
  assert.equal(moved(50, 'End'), 100);
  assert.equal(moved(50, 'Home'), 0);
  assert.equal(moved(50, 'a'), null);
  assert.equal(within(33.4), 33);
  assert.equal(within(-5), 0);
});
