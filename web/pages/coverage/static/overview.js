// Who is served: the share, households by minutes, the communities, totals with their denominators, and the circle.
import { h } from '../../shared/dom.js';
import { number, t } from '../../shared/i18n.js';
import { reportAddress, state } from './address.js';
import { PARTS } from './answers.js';
import { column, stack } from './charts.js';
import { choice, longLabel, nameOf, shortLabel, toggleClass, toggleCommunity } from './choice.js';
import { CLASSES, codeOf, rowsOf, sumOf } from './cross.js';
import { classColour } from './drawing.js';

export const LABELS = {
  served: t('Served'),
  beyond: t('Beyond'),
  cannot_say: t('Cannot say'),
  off_network: t('Off the network'),
};

// "73.2 %"; what rounds to 100 % without being all stays below.
export function percent(share) {
  if (share === null || share === undefined) return '—';
  const value = Math.min(Math.round(share * 1000) / 10, share < 1 ? 99.9 : 100);
  return `${value.toFixed(1)}%`;
}

const bars = (row) =>
  stack(
    PARTS.map((part) => [part, row[`${part}_households`]]),
    row.households,
  );

// ---- the answer: the share, the two charts, and the table; all of the same counts by class and community
export function showTotals(total, answer, what, charts) {
  if (!total.households) {
    return h(
      'div',
      { className: 'cov-none' },
      h('h2', {}, state.view ? t('Nobody lives in what the map shows') : t('No households are known here')),
      h('p', {}, state.view ? t('Move the map, or count all again.') : t('Load households, or choose a larger area.')),
    );
  }
  return h(
    'div',
    { className: 'cov-pad' },
    h('p', { className: 'cov-share' }, percent(total.share)),
    h(
      'p',
      { className: 'cov-sentence' },
      t('%(what)s within %(minutes)s minutes on foot: %(served)s of %(all)s households', {
        served: number(total.served_households),
        all: number(total.households),
        what: what.service,
        minutes: number(answer.minutes),
      }),
      h(
        'small',
        {},
        [what.profile, what.then, state.view && t('only what the map shows'), ...what.communities]
          .filter(Boolean)
          .join(' · '),
      ),
    ),
    bars(total),
    charts,
    h('h2', { className: 'cov-h' }, t('In numbers')),
    table(total),
  );
}

// ---- households by minutes: columns that choose what the map and the gaps show
export function histogram(counts, limits) {
  const { classes } = choice();
  const highest = Math.max(...CLASSES.map((key) => counts[key].households), 1);
  const all = sumOf(counts).households;
  const columns = CLASSES.map((key) => {
    const { households } = counts[key];
    const dashed = key === 'cannot_say';
    const said = t('%(class)s: %(n)s households, %(share)s', {
      class: longLabel(key, limits),
      n: number(households),
      share: percent(all ? households / all : 0),
    });
    return h(
      'button',
      {
        type: 'button',
        className: `cov-col${isFaint(classes, key)}`,
        'data-choose': key,
        'aria-pressed': String(classes.includes(key)),
        title: said,
        onclick: () => toggleClass(key),
      },
      h('b', { 'aria-hidden': 'true' }, number(households)),
      column(households / highest, { fill: classColour(key), dashed }),
      h('span', { 'aria-hidden': 'true' }, shortLabel(key, limits)),
      h('span', { className: 'hidden' }, said),
    );
  });
  return h(
    'div',
    { className: 'cov-histogram', role: 'group', 'aria-label': t('Households by minutes on foot') },
    h(
      'h2',
      { className: 'cov-h' },
      t('Households by minutes on foot'),
      h('small', {}, t('choose columns to see only them')),
    ),
    h('div', { className: 'cov-cols' }, columns),
  );
}

const isFaint = (classes, key) => (classes.length && !classes.includes(key) ? ' faint' : '');

function table(total) {
  const units = ['households', 'people', 'buildings'];
  const headings = { households: t('Households'), people: t('People'), buildings: t('Buildings') };
  const cell = (value) => h('td', {}, value === undefined || value === null ? '—' : number(value));
  return h(
    'table',
    { className: 'cov-totals' },
    h('caption', { className: 'hidden' }, t('Who is served')),
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        h('td', {}),
        units.map((unit) => h('th', { scope: 'col' }, headings[unit])),
      ),
    ),
    h(
      'tbody',
      {},
      PARTS.map((part) =>
        h(
          'tr',
          {},
          h('th', { scope: 'row' }, h('i', { className: `cov-dot ${part}` }), LABELS[part]),
          units.map((unit) => cell(total[`${part}_${unit}`])),
        ),
      ),
    ),
    h(
      'tfoot',
      {},
      h(
        'tr',
        {},
        h('th', { scope: 'row' }, t('Altogether')),
        units.map((unit) => cell(total[unit])),
      ),
    ),
  );
}

// The plain circle says more than is true: by how much.
export function showCircle(total, plain) {
  const extra = plain - total.served_households;
  const line = (label, value, name) =>
    h(
      'div',
      { className: 'cov-compare-row' },
      h('dt', {}, label),
      h('dd', {}, stack([[name, value]], total.households, 10), h('b', {}, number(value))),
    );
  return h(
    'div',
    { className: 'cov-pad cov-compare' },
    h('h2', { className: 'cov-h' }, t('What the straight circle hides')),
    h('dl', {}, line(t('On foot'), total.served_households, 'served'), line(t('Straight circle'), plain, 'plain')),
    h(
      'p',
      { className: 'quiet' },
      extra > 0
        ? t('The circle counts %(n)s households as served that cannot walk there in time.', { n: number(extra) })
        : t('Here the circle hides nobody.'),
    ),
  );
}

// ---- the communities: rows that choose what the map and the gaps show
export function showAreas(areas) {
  if (!areas.length) return null;
  const chosen = choice();
  const heading = (text) => h('th', { scope: 'col' }, text);
  return h(
    'div',
    { className: 'cov-areas' },
    h(
      'h2',
      { className: 'cov-h' },
      t('By community, least served above'),
      h('small', {}, t('choose rows to see only them')),
    ),
    h(
      'table',
      { className: 'cov-table' },
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          heading(t('Community')),
          heading(t('Share served')),
          heading(chosen.classes.length ? t('Chosen of all households') : t('Served of all households')),
          heading(t('Report')),
        ),
      ),
      h(
        'tbody',
        {},
        rowsOf(areas, chosen.classes).map((area) => areaRow(area, chosen)),
      ),
    ),
  );
}

function areaRow(area, { classes, communities }) {
  const code = codeOf(area.code);
  const on = communities.includes(code);
  const part = classes.length ? area.chosen : area.totals.served_households;
  return h(
    'tr',
    {
      className: `${on ? 'on' : ''}${communities.length && !on ? ' faint' : ''}`,
      onclick: ({ target }) => target.closest('a') || toggleCommunity(area.code),
    },
    h(
      'th',
      { scope: 'row' },
      h('button', { type: 'button', 'data-choose': code, 'aria-pressed': String(on) }, nameOf(area)),
    ),
    h('td', { className: 'cov-bar-cell' }, h('b', {}, percent(area.totals.share)), classBars(area, classes)),
    h('td', {}, `${number(part)} / ${number(area.totals.households)}`),
    h('td', {}, area.code ? reportLink(area) : null),
  );
}

// The households of a community by class, in the colours of the map; what is not chosen is left pale.
const classBars = (area, classes) =>
  stack(
    CLASSES.map((key) => [
      classes.length && !classes.includes(key) ? 'pale' : key === 'cannot_say' ? key : 'of-class',
      area.counts[key].households,
      key === 'cannot_say' || (classes.length && !classes.includes(key)) ? '' : classColour(key),
    ]),
    area.totals.households,
  );

const reportLink = (row) =>
  h(
    'a',
    { className: 'link', href: reportAddress(row.code), 'aria-label': `${row.name || row.code}: ${t('Report')}` },
    t('Report'),
  );
