// Counts by class of minutes and community, and what a choice of both leaves of them. Nothing here touches the page.

/** @typedef {{buildings: number, households: number, people: number}} Tally */
/** @typedef {{code: string | null, name: string, counts: Record<string, Tally>}} AreaClasses */

export const UNITS = ['households', 'people', 'buildings'];
export const CLASSES = ['0', '1', '2', '3', '4', '5', 'unreachable', 'cannot_say', 'off_network'];
const PARTS = {
  served: ['0', '1', '2'],
  beyond: ['3', '4', '5', 'unreachable'],
  cannot_say: ['cannot_say'],
  off_network: ['off_network'],
};
export const OUTSIDE = '-'; // stands for the code of an area where there is none

export const codeOf = (code) => code || OUTSIDE;
export const listOf = (text) => (text ? text.split(',') : []);
export const toggled = (keys, key) => (keys.includes(key) ? keys.filter((each) => each !== key) : [...keys, key]);

/** Whether something of a class, in a community, is chosen; an empty choice leaves all. */
export const passes = (choice, { key, community }) =>
  (!choice.classes.length || choice.classes.includes(key)) &&
  (!choice.communities.length || choice.communities.includes(codeOf(community)));

const none = () => Object.fromEntries(UNITS.map((unit) => [unit, 0]));

/** @returns {Record<string, Tally>} Sums by class over the chosen communities, or over all. */
export function countsOf(areas, communities = []) {
  const sums = Object.fromEntries(CLASSES.map((key) => [key, none()]));
  for (const area of areas) {
    if (communities.length && !communities.includes(codeOf(area.code))) continue;
    for (const key of CLASSES) for (const unit of UNITS) sums[key][unit] += area.counts[key]?.[unit] ?? 0;
  }
  return /** @type {any} */ (sums);
}

/** @returns {Tally} The sum of some classes; of all without a choice. */
export function sumOf(counts, classes = []) {
  const sum = none();
  for (const key of classes.length ? classes : CLASSES) for (const unit of UNITS) sum[unit] += counts[key]?.[unit] ?? 0;
  return /** @type {any} */ (sum);
}

/** @returns {any} Totals under the names of the API, as `served_people`, with the share of households. */
export function totalsOf(counts) {
  /** @type {any} */
  const totals = sumOf(counts);
  for (const [part, classes] of Object.entries(PARTS)) {
    const sum = sumOf(counts, classes);
    for (const unit of UNITS) totals[`${part}_${unit}`] = sum[unit];
  }
  const judged = totals.served_households + totals.beyond_households;
  return { ...totals, share: judged ? totals.served_households / judged : null };
}

/** The areas with their totals and the households of the chosen classes, least served first. */
export const rowsOf = (areas, classes = []) =>
  areas
    .map((area) => ({
      ...area,
      totals: totalsOf(area.counts),
      chosen: sumOf(area.counts, classes).households,
    }))
    .sort((a, b) => (a.totals.share ?? 2) - (b.totals.share ?? 2));

/** @returns {[string, object]} A class in few words: the code of its text, and values. */
export function rangeOf(key, limits) {
  const i = Number(key);
  if (!Number.isInteger(i)) return [key, {}];
  if (i === 0) return ['to', { n: limits[0] }];
  return i === limits.length ? ['over', { n: limits[i - 1] }] : ['between', { from: limits[i - 1], to: limits[i] }];
}
