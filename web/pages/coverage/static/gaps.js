// The gaps: who has to walk too far, the worst first; a row takes the map there, and back.
import { number, t } from '../../shared/i18n.js';
import { $, h, page } from '../../shared/dom.js';
import { RequestError } from '../../shared/request.js';
import { question, state, writeAddress } from './address.js';
import { askGaps } from './answers.js';
import { viewBox } from './outlines.js';
import { choice, isChosen } from './choice.js';
import { passes } from './cross.js';
import { goBack, goThere, map } from './drawing.js';
import { LABELS } from './overview.js';

let features = [],
  next = null,
  filling = false; // while pages are read that a choice needs

// Columns that put the list in order, and the numbers they compare; larger comes first.
const ORDERS = {
  households: (gap) => gap.households,
  people: (gap) => gap.people,
  missing: (gap) => gap.missing_minutes ?? Infinity,
};

const minutes = (value) => number(Math.round(value * 10) / 10);

export async function showGaps() {
  features = [];
  next = null;
  const room = $('gaps');
  room.replaceChildren(h('div', { className: 'skeleton cov-pad' }, h('i'), h('i'), h('i'), h('i'), h('i')));
  try {
    await more();
    await drawGaps();
  } catch (error) {
    if (error.name === 'AbortError') return;
    if (!(error instanceof RequestError)) throw error;
    room.replaceChildren(h('p', { className: 'cov-wrong', role: 'alert' }, error.message));
  }
}

async function more() {
  const collection = await askGaps(next);
  features.push(...collection.features);
  next = collection.next ?? null;
  draw();
}

// Draws the rows that the choice and the view of the map leave; what is chosen is sought on all pages.
export async function drawGaps() {
  draw();
  if (filling || !isNarrowed()) return;
  filling = true;
  try {
    while (next && isNarrowed()) await more();
  } catch (error) {
    if (error.name !== 'AbortError' && !(error instanceof RequestError)) throw error;
  } finally {
    filling = false;
  }
}

const isNarrowed = () => isChosen() || Boolean(state.view);

function chosen() {
  const set = choice(),
    bounds = state.view && map.getBounds();
  return features.filter(
    ({ geometry, properties }) =>
      passes(set, { key: properties.access_class, community: properties.community }) &&
      (!bounds || bounds.contains([geometry.coordinates[1], geometry.coordinates[0]])),
  );
}

function sorted(rows) {
  const value = ORDERS[state.sort] ?? ORDERS.people;
  return rows.sort((a, b) => {
    const [x, y] = [value(a.properties), value(b.properties)];
    return x === y ? 0 : y > x ? 1 : -1;
  });
}

function order(key, label) {
  const on = (state.sort in ORDERS ? state.sort : 'people') === key;
  const sort = () => {
    writeAddress({ sort: key });
    draw();
    document.querySelector(`[data-sort=${key}]`).focus();
  };
  return h(
    'th',
    { scope: 'col', 'aria-sort': on ? 'descending' : null },
    h('button', { type: 'button', 'data-sort': key, onclick: sort }, label, on ? ' ▾' : ''),
  );
}

function draw() {
  const rows = chosen();
  $('gap-count').textContent = number(rows.length) + (next ? '+' : '');
  if (!rows.length) {
    $('gaps').replaceChildren(
      h(
        'div',
        { className: 'cov-none' },
        h('h2', {}, features.length ? t('No gaps among what is chosen') : t('No gaps')),
        h(
          'p',
          {},
          features.length
            ? t('There are %(n)s gaps altogether.', { n: number(features.length) + (next ? '+' : '') })
            : t('Every building that can be told is within the minutes.'),
        ),
      ),
    );
    return;
  }
  $('gaps').replaceChildren(
    h(
      'div',
      { className: 'cov-gap-head' },
      h('p', { className: 'quiet' }, t('A row takes the map there; once more, and back.')),
      page.may.export ? exports_() : null,
    ),
    h(
      'table',
      { className: 'cov-table cov-gap-table' },
      h('caption', { className: 'hidden' }, t('Gaps')),
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          h('th', { scope: 'col' }, t('Building')),
          order('households', t('Households')),
          order('people', t('People')),
          order('missing', t('Minutes missing')),
          h('th', { scope: 'col' }, t('Nearest alternative')),
        ),
      ),
      h('tbody', {}, sorted(rows).map(row)),
    ),
    next && !filling
      ? h(
          'p',
          { className: 'cov-more' },
          h('button', { type: 'button', className: 'cov-second', onclick: more }, t('Show more')),
        )
      : '',
  );
}

const exports_ = () =>
  h(
    'p',
    { className: 'cov-exports' },
    h('span', {}, t('Download')),
    ['xlsx', 'csv', 'gpkg'].map((format) =>
      h(
        'a',
        { href: `${page.root}/coverage/gaps.${format}?${question(narrowed())}`, download: true },
        format === 'gpkg' ? 'GeoPackage' : format.toUpperCase(),
      ),
    ),
  );

// The file has the rows of the list.
const narrowed = () => ({ class: state.class, community: state.community, bbox: state.view && viewBox() });

function missingText(gap) {
  if (gap.standing === 'cannot_say') return LABELS.cannot_say;
  if (gap.standing === 'off_network') return LABELS.off_network;
  return gap.missing_minutes === null ? t('over 60') : `+${minutes(gap.missing_minutes)}`;
}

function row(feature) {
  const gap = feature.properties,
    code = feature.id;
  const on = code === state.gap;
  return h(
    'tr',
    { className: on ? 'on' : '', 'data-code': code, onclick: () => pick(code) },
    h(
      'th',
      { scope: 'row' },
      h('button', { type: 'button', 'aria-pressed': String(on) }, gap.name || code),
      h('small', {}, gap.community_name || gap.community || ''),
    ),
    h('td', {}, number(gap.households)),
    h('td', {}, number(gap.people), gap.elders ? h('small', {}, t('%(n)s elders', { n: number(gap.elders) })) : null),
    h('td', { className: 'cov-missing' }, missingText(gap)),
    h(
      'td',
      {},
      gap.facility_name || gap.facility || t('none on foot'),
      gap.minutes === null || gap.minutes === undefined
        ? null
        : h('small', {}, t('%(n)s min', { n: minutes(gap.minutes) })),
    ),
  );
}

// A row, or the building on the map: the second time the map goes back.
export function pick(code) {
  const again = code === state.gap;
  const feature = features.find(({ id }) => id === code);
  if (!feature && !again) return false;
  writeAddress({ gap: again ? '' : code }, true);
  mark();
  if (again) goBack();
  else goThere(feature.geometry, feature.properties.name || code);
  return true;
}

export function back() {
  writeAddress({ gap: '' }, true);
  mark();
  goBack();
}

export function mark() {
  document.querySelectorAll('.cov-gap-table tbody tr').forEach((line) => {
    const on = line.dataset.code === state.gap;
    line.classList.toggle('on', on);
    line.querySelector('button').setAttribute('aria-pressed', String(on));
    if (on) line.scrollIntoView({ block: 'nearest' });
  });
}
