import assert from 'node:assert/strict';
import test from 'node:test';
import { metresText, scaleBar, wrapped } from '../../web/pages/coverage/static/sheet.js';

test('the bar is a round number of metres and not longer than allowed', () => {
  for (const metresPerPixel of [0.1, 0.6, 1.19, 4.7, 38, 300])
    for (const most of [60, 120]) {
      const { metres, pixels } = scaleBar(metresPerPixel, most);
      assert.ok(pixels <= most + 1e-9 && pixels > most / 2.6, `${metresPerPixel} ${most}: ${pixels}`);
      assert.match(String(metres), /^[125]0*$/);
      assert.ok(Math.abs(metres / metresPerPixel - pixels) < 1e-9);
    }
  assert.equal(metresText(500), '500 m');
  assert.equal(metresText(2000), '2 km');
});

test('lines break between words and between Chinese characters, and lose nothing', () => {
  const measure = (text) => text.length;
  assert.deepEqual(wrapped('one two three', 7, measure), ['one two', 'three']);
  assert.deepEqual(wrapped('步行时间与户数', 3, measure), ['步行时', '间与户', '数']);
  assert.deepEqual(wrapped('a-very-long-word b', 4, measure), ['a-very-long-word', 'b']);
  assert.deepEqual(wrapped('', 10, measure), []);
  assert.equal(wrapped('计算于 2026-11-27 © OpenStreetMap 贡献者', 12, measure).join('').replaceAll(' ', ''), '计算于2026-11-27©OpenStreetMap贡献者');
});
