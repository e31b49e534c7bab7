// Moments as people read and type them: of the community's time zone and in the language of the page, whatever the
// browser's are. A moment without an offset is the community's, as the API reads it and as a field of a form has it.
import { page } from './dom.js';
import { zh } from './i18n.js';

const LOCALE = zh ? 'zh-CN' : 'en-GB';
const HAS_OFFSET = /(Z|[+-]\d\d:?\d\d)$/;
const LOST_PLUS = / (\d\d:?\d\d)$/; // "+08:00" whose plus an address turned into a space
const DAY_MS = 86_400_000;

/** The instant and the zone to write it in; text that is the community's already is written as it stands. */
function read(at) {
  const text = typeof at === 'string' ? at.replace(LOST_PLUS, '+$1') : '';
  return text && !HAS_OFFSET.test(text)
    ? { date: new Date(text.includes('T') ? `${text}Z` : text), timeZone: 'UTC' }
    : { date: new Date(text || at), timeZone: page.timezone };
}

function format(at, options) {
  const { date, timeZone } = read(at);
  return date.toLocaleString(LOCALE, { ...options, hourCycle: 'h23', timeZone });
}

/** Day and time with the year: 2026年11月30日 05:14. */
export const dateTime = (at) => format(at, { dateStyle: 'medium', timeStyle: 'short' });

/** Day and time without the year: 11月30日 05:14. */
export const shortDateTime = (at) => format(at, { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' });

/** The time of day: 05:14. */
export const clock = (at) => format(at, { hour: '2-digit', minute: '2-digit' });

/** A day with its weekday: 2026年11月30日 星期一. */
export const longDay = (at) => format(at, { year: 'numeric', month: 'long', day: 'numeric', weekday: 'long' });

/** As a field of a form has it: 2026-11-30T05:14; empty where it is no moment. */
export function fieldValue(at) {
  const { date, timeZone } = read(at);
  if (Number.isNaN(date.getTime())) return '';
  const options = /** @type {const} */ ({
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    timeZone,
  });
  const parts = new Intl.DateTimeFormat('en-GB', options).formatToParts(date);
  const { year, month, day, hour, minute } = Object.fromEntries(parts.map(({ type, value }) => [type, value]));
  return `${year}-${month}-${day}T${hour}:${minute}`;
}

export const dayOf = (at) => fieldValue(at).slice(0, 10);
export const today = () => dayOf(Date.now());
/** The day so many days after one, all as 2026-11-30. */
export const addDays = (day, days) => new Date(Date.parse(day) + days * DAY_MS).toISOString().slice(0, 10);

/** For lists: 05:14 of today, 11-30 05:14 of this year, else 2025-11-30 05:14. */
export function compactTime(at) {
  const [day, clock] = fieldValue(at).split('T'),
    now = today();
  if (day === now) return clock;
  return `${day.slice(0, 4) === now.slice(0, 4) ? day.slice(5) : day} ${clock}`;
}
