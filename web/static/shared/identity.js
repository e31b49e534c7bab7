// What a preview says of names, codes, communities and units settled by hand: lines of a list.
import { h } from './dom.js';
import { number, t, zh } from './i18n.js';

const pair = ([before, after], digits = 0) =>
  [before, after]
    .map((value) => value.toLocaleString(zh ? 'zh-CN' : 'en', { maximumFractionDigits: digits }))
    .join(' → ');
const line = (title, ...rest) => h('li', {}, h('b', {}, title), ' ', ...rest);

// What a preview says of names, codes and both communities of a border that is crossed.
export const identityLines = (preview) => [
  ...preview.renamed.map((item) => line(t('Name'), `${item.old} → ${item.new}`)),
  ...preview.recoded.map((item) => line(t('Code'), `${item.name} ${item.old} → ${item.new}`)),
  ...preview.communities.map((item) =>
    line(
      item.name,
      [
        t('grids %(pair)s', { pair: pair(item.grids) }),
        t('households %(pair)s', { pair: pair(item.households) }),
        t('people %(pair)s', { pair: pair(item.people) }),
        t('hectares %(pair)s', {
          pair: pair(
            item.area_m2.map((m2) => m2 / 10_000),
            1,
          ),
        }),
      ].join(' · '),
    ),
  ),
];

// A settled unit, and how many of its households live in which grid.
export const settledText = (unit, names) => [
  h(
    'span',
    {},
    t('%(unit)s belongs to %(grid)s by decision', { unit: unit.name, grid: names[unit.grid] ?? unit.grid }),
  ),
  ' ',
  h(
    'small',
    {},
    Object.entries(unit.households)
      .map(([grid, count]) => `${names[grid] ?? grid} ${number(count)}`)
      .join(' · '),
  ),
];
