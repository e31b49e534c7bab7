// Who is served: totals with their denominators, the circle beside, the communities, and the legend.
import { $, colour, h } from '../../shared/dom.js';
import { number, t } from '../../shared/i18n.js';
import { reportAddress } from './address.js';
import { PARTS } from './answers.js';
import { stack } from './charts.js';
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

const shareOf = (row) => row.share ?? null;
const bars = (row) =>
  stack(
    PARTS.map((part) => [part, row[`${part}_households`]]),
    row.households,
  );

export function showTotals(answer, what) {
  const total = answer.totals;
  if (!total.households) {
    return h(
      'div',
      { className: 'cov-none' },
      h('h2', {}, t('No households are known here')),
      h('p', {}, t('Load households, or choose a larger area.')),
    );
  }
  const share = shareOf(total);
  return h(
    'div',
    { className: 'cov-pad' },
    h('p', { className: 'cov-share' }, percent(share)),
    h(
      'p',
      { className: 'cov-sentence' },
      t('%(what)s within %(minutes)s minutes on foot: %(served)s of %(all)s households', {
        served: number(total.served_households),
        all: number(total.households),
        what: what.service,
        minutes: number(answer.minutes),
      }),
      h('small', {}, [what.profile, what.then].filter(Boolean).join(' · ')),
    ),
    bars(total),
    table(total),
    circle(total),
  );
}

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
function circle(total) {
  const plain = total.plain_circle_households;
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
    { className: 'cov-compare' },
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

export function showAreas(areas, onPick) {
  if (!areas.length) return null;
  const rows = [...areas].sort((a, b) => (shareOf(a) ?? 2) - (shareOf(b) ?? 2));
  return h(
    'div',
    { className: 'cov-pad cov-areas' },
    h('h2', { className: 'cov-h' }, t('By community, least served above')),
    h(
      'table',
      { className: 'cov-table' },
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          h('th', { scope: 'col' }, t('Community')),
          h('th', { scope: 'col' }, t('Share served')),
          h('th', { scope: 'col' }, t('Served of all households')),
          h('th', { scope: 'col' }, t('Report')),
        ),
      ),
      h(
        'tbody',
        {},
        rows.map((row) =>
          h(
            'tr',
            {},
            h(
              'th',
              { scope: 'row' },
              row.code
                ? h(
                    'button',
                    { type: 'button', className: 'link', onclick: () => onPick(row.code) },
                    row.name || row.code,
                  )
                : t('In no community'),
            ),
            h('td', { className: 'cov-bar-cell' }, h('b', {}, percent(shareOf(row))), bars(row)),
            h('td', {}, `${number(row.served_households)} / ${number(row.households)}`),
            h('td', {}, row.code ? reportLink(row) : null),
          ),
        ),
      ),
    ),
  );
}

const reportLink = (row) =>
  h(
    'a',
    { className: 'link', href: reportAddress(row.code), 'aria-label': `${row.name || row.code}: ${t('Report')}` },
    t('Report'),
  );

// ---- the legend: households by class; they add up to all
export function showLegend(classes, total, minutes) {
  const legend = $('legend');
  legend.hidden = false;
  const limits = classes.limits;
  const range = (i) =>
    i === 0
      ? t('to %(n)s min', { n: limits[0] })
      : i === limits.length
        ? t('over %(n)s min', { n: limits.at(-1) })
        : t('%(from)s–%(to)s min', { from: limits[i - 1], to: limits[i] });
  const count = (key) => classes.counts[key]?.households ?? null;
  const line = (key, label) =>
    h(
      'li',
      { 'data-class': key },
      h('svg', { viewBox: '0 0 18 14', 'aria-hidden': 'true' }, swatch(key)),
      h('span', {}, label),
      h('b', {}, count(key) === null ? '' : number(count(key))),
    );
  const within = limits.indexOf(minutes) + 1;
  const keys = [...limits.map((_, i) => i), limits.length];
  const group = (heading, list) => [h('h3', {}, heading), h('ul', {}, list)];
  legend.replaceChildren(
    h('h2', {}, h('span', {}, t('Minutes on foot')), h('span', {}, t('Households'))),
    ...group(
      t('Served'),
      keys.slice(0, within).map((i) => line(String(i), range(i))),
    ),
    ...group(t('Beyond'), [
      ...keys.slice(within).map((i) => line(String(i), range(i))),
      line('unreachable', t('not within 60 min')),
    ]),
    ...group(t('Set apart'), [line('cannot_say', LABELS.cannot_say), line('off_network', LABELS.off_network)]),
    h('p', { id: 'legend-total' }, h('span', {}, t('Altogether')), h('b', {}, number(total))),
  );
}

function swatch(key) {
  const dashed = key === 'cannot_say';
  const path = h('path', { d: 'M1 1h16v12H1z' });
  path.setAttribute('fill', classColour(key));
  path.setAttribute('stroke', dashed ? colour('ink') : classColour(key));
  if (dashed) path.setAttribute('stroke-dasharray', '3 2');
  return path;
}
