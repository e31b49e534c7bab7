// What the desk's modules share: the rows shown, which are chosen, and the matter that is open.

/**
 * rows: the list as shown. next: cursor of the page after it. at: index of the row under the keyboard. chosen: ids for a
 * move of many; results: what became of it, by id. opened, full: id and whole answer of the open matter. totals: the
 * counts by state. news: ids of matters that wait for the bar.
 * @type {{rows: any[], next: string | null, at: number, chosen: Set<string>, results: Map<string, any>,
 *   opened: string | null, full: any, totals: any, news: Map<string, true>}}
 */
export const inbox = {
  rows: [],
  next: null,
  at: -1,
  chosen: new Set(),
  results: new Map(),
  opened: null,
  full: null,
  totals: null,
  news: new Map(),
};
