import assert from 'node:assert/strict';
import test from 'node:test';

process.env.TZ = 'America/New_York'; // of the browser; the community is elsewhere
const page = { language: 'zh', timezone: 'Asia/Shanghai' };
globalThis.document = { getElementById: () => ({ textContent: JSON.stringify(page) }) };
globalThis.matchMedia = () => ({});
const { dom, moment } = {
  dom: await import('../../web/static/shared/dom.js'),
  moment: await import('../../web/static/shared/moment.js'),
};
const { addDays, compactTime, dateTime, dayOf, fieldValue, shortDateTime, today } = moment;

// the community's zone while something runs
function inZone(timezone, run) {
  dom.page.timezone = timezone;
  run();
  dom.page.timezone = page.timezone;
}

test('a moment is written by the clock of the community', () => {
  for (const at of ['2026-11-29T21:14:00Z', '2026-11-30T05:14:00+08:00', Date.UTC(2026, 10, 29, 21, 14)]) {
    assert.equal(dateTime(at), '2026年11月30日 05:14');
    assert.equal(shortDateTime(at), '11月30日 05:14');
    assert.equal(fieldValue(at), '2026-11-30T05:14');
    assert.equal(dayOf(at), '2026-11-30');
  }
  inZone('America/New_York', () => assert.equal(fieldValue('2026-11-30T05:14:00+08:00'), '2026-11-29T16:14'));
});

test('midnight is the first minute of its day', () => {
  assert.equal(fieldValue('2026-11-29T16:00:00Z'), '2026-11-30T00:00');
  assert.equal(dateTime('2026-11-29T15:59:59Z'), '2026年11月29日 23:59');
});

test('what was typed is written as it stands, also an hour that summer time leaves out', () => {
  assert.equal(dateTime('2026-12-02T08:00'), '2026年12月2日 08:00');
  assert.equal(fieldValue('2026-12-02'), '2026-12-02T00:00');
  for (const typed of ['2026-03-08T02:30', '2026-11-01T01:30', '2026-03-29T02:30'])
    for (const zone of ['Asia/Shanghai', 'America/New_York', 'Europe/Berlin'])
      inZone(zone, () => assert.equal(fieldValue(typed), typed));
});

test('an address may lose a plus; what is no moment leaves the field empty', () => {
  assert.equal(fieldValue('2026-11-30T05:14:00 08:00'), '2026-11-30T05:14');
  assert.equal(fieldValue('tomorrow'), '');
  assert.equal(dayOf('tomorrow'), '');
});

test('a list leaves out the day of today and the year of this year', (context) => {
  context.mock.timers.enable({ apis: ['Date'], now: Date.UTC(2026, 11, 31, 16, 30) }); // 2027 in Shanghai
  assert.equal(today(), '2027-01-01');
  assert.equal(compactTime('2026-12-31T16:05:00Z'), '00:05');
  assert.equal(compactTime('2026-12-31T15:59:00Z'), '2026-12-31 23:59');
  assert.equal(compactTime('2027-05-01T00:00:00+08:00'), '05-01 00:00');
});

test('days are counted by the calendar', () => {
  assert.equal(addDays('2026-12-31', 1), '2027-01-01');
  assert.equal(addDays('2026-03-01', -1), '2026-02-28');
  assert.equal(addDays('2026-11-01', 1), '2026-11-02'); // of 25 hours in New York
});
