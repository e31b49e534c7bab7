// The gaps: who has to walk too far, the worst first; a row takes the map there, and back.
import { number, t } from '../../shared/i18n.js';
import { $, h, page } from '../../shared/dom.js';
import { RequestError } from '../../shared/request.js';
import { question, state, writeAddress } from './address.js';
import { askGaps } from './answers.js';
import { goBack, goThere } from './drawing.js';

let features = [],
  next = null;

const SORTS = [
  ['', t('Most people first')],
  ['minutes', t('Farthest first')],
];

const minutes = (value) => number(Math.round(value * 10) / 10);

export async function showGaps() {
  features = [];
  next = null;
  const room = $('gaps');
  room.replaceChildren(h('div', { className: 'skeleton cov-pad' }, h('i'), h('i'), h('i'), h('i'), h('i')));
  try {
    await more();
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
  draw(collection.total);
}

function draw(total = null) {
  const count = total ?? features.length;
  $('gap-count').textContent = number(count) + (total === null && next ? '+' : '');
  if (!features.length) {
    $('gaps').replaceChildren(
      h(
        'div',
        { className: 'cov-none' },
        h('h2', {}, t('No gaps')),
        h('p', {}, t('Every building that can be told is within the minutes.')),
      ),
    );
    return;
  }
  const counted = features.some(
    ({ properties }) => properties.households !== null && properties.households !== undefined,
  );
  $('gaps').replaceChildren(
    h(
      'div',
      { className: 'cov-gap-head' },
      h(
        'label',
        {},
        h('span', { className: 'hidden' }, t('Order')),
        h(
          'select',
          {
            id: 'gap-sort',
            onchange: (event) => {
              writeAddress({ sort: event.target.value });
              showGaps();
            },
          },
          SORTS.map(([key, label]) => h('option', { value: key, selected: key === state.sort }, label)),
        ),
      ),
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
          counted ? h('th', { scope: 'col' }, t('Households')) : null,
          counted ? h('th', { scope: 'col' }, t('People')) : null,
          h('th', { scope: 'col' }, t('Minutes missing')),
          h('th', { scope: 'col' }, t('Nearest alternative')),
        ),
      ),
      h(
        'tbody',
        {},
        features.map((feature) => row(feature, counted)),
      ),
    ),
    next
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
        { href: `${page.root}/coverage/gaps.${format}?${question()}`, download: true },
        format === 'gpkg' ? 'GeoPackage' : format.toUpperCase(),
      ),
    ),
  );

function row(feature, counted) {
  const gap = feature.properties;
  const on = gap.code === state.gap;
  return h(
    'tr',
    { className: on ? 'on' : '', 'data-code': gap.code, onclick: () => pick(gap.code) },
    h(
      'th',
      { scope: 'row' },
      h('button', { type: 'button', 'aria-pressed': String(on) }, gap.name || gap.code),
      h('small', {}, gap.community_name || gap.community || ''),
    ),
    counted ? h('td', {}, number(gap.households ?? 0)) : null,
    counted
      ? h(
          'td',
          {},
          number(gap.people ?? 0),
          gap.elders ? h('small', {}, t('%(n)s elders', { n: number(gap.elders) })) : null,
        )
      : null,
    h(
      'td',
      { className: 'cov-missing' },
      gap.missing_minutes === null || gap.missing_minutes === undefined
        ? t('over 60')
        : `+${minutes(gap.missing_minutes)}`,
    ),
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
  const feature = features.find(({ properties }) => properties.code === code);
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
