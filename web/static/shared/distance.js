// A distance in the reader's language: in metres, from a kilometre on in kilometres.
import { number, t } from './i18n.js';

/** A distance: metres below 1 km, one decimal below 10 km, else whole kilometres. */
export function distanceText(metres) {
  const whole = Math.round(metres);
  if (whole < 1000) return t('%(n)s m', { n: number(whole) });
  const km = metres / 1000;
  return t('%(n)s km', { n: number(km < 9.95 ? Math.round(km * 10) / 10 : Math.round(km)) });
}
