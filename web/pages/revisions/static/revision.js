// The preview of a revision: its map, what moves, what is odd, and what can be done with it.
import { $, colour, h, page } from '../../shared/dom.js';
import { number, t, zh } from '../../shared/i18n.js';
import { call } from '../../shared/request.js';
import { Coverage, gone } from '../../shared/coverage.js';
import { COLOURS, fit, fly, shape } from './revision-map.js';

const TOTAL_LABELS = {
  grids: t('grids'),
  households: t('households'),
  people: t('people'),
  buildings: t('buildings'),
  units: t('ten-household units'),
  posts: t('posts'),
  facilities: t('facilities'),
  incidents: t('open incidents'),
};
const CHANGE_LABELS = { new: t('new'), gone: t('ends') };
const KIND_LABELS = {
  building: t('Buildings'),
  unit: t('Ten-household units'),
  post: t('Posts'),
  facility: t('Facilities'),
};

const here = `/revisions/${page.revision}`;
const [LOW, HIGH] = page.bands;
let names = {};
const called = (code) => (code === null ? t('no grid') : (names[code] ?? code));

function draw(found) {
  names = found.names;
  const ends = [...new Set(found.pieces.features.map((one) => one.properties.to))];
  const colourOf = (code) => (code === null ? colour('mark') : COLOURS[ends.indexOf(code) % COLOURS.length]);
  const pieces = found.pieces.features.map((one) =>
    shape(one.geometry, {
      color: colourOf(one.properties.to),
      weight: 1,
      fillColor: colourOf(one.properties.to),
      fillOpacity: 0.45,
    }),
  );
  const after = found.grids.map((one) => shape(one.after, { color: colour('changed'), weight: 2.5, fill: false }));
  const now = new Coverage(),
    seen = new Set();
  found.grids.forEach((one) => now.set({ id: one.code, geometry: one.after, properties: {} }));
  const lines = found.grids.flatMap((one) => (one.before ? gone(one.before, now, seen) : []));
  const before = lines.length
    ? [
        shape(
          { type: 'MultiLineString', coordinates: lines },
          { color: colour('former'), weight: 2.5, dashArray: '6 5' },
        ),
      ]
    : [];
  fit([...after, ...before]);

  $('rev-legend').append(
    ...ends
      .slice(0, COLOURS.length)
      .map((code) => h('li', {}, swatch(colourOf(code)), t('goes to %(name)s', { name: called(code) }))),
  );
  $('rev-totals').replaceChildren(
    ...Object.entries(found.totals).map(([kind, count]) =>
      h(
        'div',
        {},
        h('dt', {}, TOTAL_LABELS[kind]),
        h('dd', {}, found.incidents === null && kind === 'incidents' ? '—' : number(count)),
      ),
    ),
  );
  const order = [...found.problems].sort(
    (a, b) => (a.severity === 'refused' ? 0 : 1) - (b.severity === 'refused' ? 0 : 1),
  );
  $('rev-problems').replaceChildren(
    ...(order.length
      ? order.map((one) =>
          h(
            'li',
            {},
            h(
              one.place ? 'button' : 'p',
              {
                ...(one.place && { type: 'button', onclick: () => fly(one.place) }),
                className: `rev-fault ${one.severity}`,
              },
              h('b', {}, one.severity === 'refused' ? `✕ ${t('cannot be published')}` : `△ ${t('warning')}`),
              ' ',
              zh ? one.zh : one.en,
            ),
          ),
        )
      : [h('li', { className: 'quiet' }, t('No problems found.'))]),
  );
  $('rev-pieces').replaceChildren(
    ...(pieces.length
      ? found.pieces.features.map(({ properties: one }, i) =>
          h(
            'li',
            {},
            h(
              'button',
              { type: 'button', className: 'rev-fault', onclick: () => fit([pieces[i]]) },
              swatch(colourOf(one.to)),
              h('b', {}, t('%(from)s → %(to)s', { from: called(one.from), to: called(one.to) })),
              ` ${t('%(n)s ha', { n: (one.area_m2 / 10000).toFixed(2) })} · ${t('%(n)s households', { n: number(one.households) })}`,
            ),
          ),
        )
      : [h('li', { className: 'quiet' }, t('Nothing changes hands.'))]),
  );
  $('rev-grids').replaceChildren(...found.grids.map(row));
  if ($('rev-publish') && order[0]?.severity === 'refused') {
    $('rev-publish').disabled = true;
    $('rev-publish').setAttribute('aria-describedby', 'rev-unsolved');
    $('rev-unsolved').textContent = t('Cannot be published until what is marked ✕ is solved');
    $('rev-unsolved').hidden = false;
  }
  moved(found);
}

const pair = ([before, after], digits = 0) =>
  [before, after].map((n) =>
    n === null
      ? '—'
      : Number(n).toLocaleString(zh ? 'zh-CN' : 'en', { maximumFractionDigits: digits, minimumFractionDigits: digits }),
  );
const cell = (values, digits) => {
  const [a, b] = pair(values, digits);
  return h('td', {}, h('span', {}, a), ' → ', h('b', {}, b));
};

const swatch = (fill) =>
  h(
    'svg',
    { className: 'rev-dot', viewBox: '0 0 12 12', 'aria-hidden': 'true' },
    h('circle', { cx: 6, cy: 6, r: 6, fill }),
  );

// the grid's own land on the map: as it will be, or as it was when it ends
function go(one) {
  window.wangge.map.getContainer().scrollIntoView({ block: 'nearest' });
  fit([shape(one.after ?? one.before, { stroke: false, fill: false })]);
}

function row(one) {
  const count = one.households[1],
    fits = count >= LOW && count <= HIGH;
  return h(
    'tr',
    {},
    h(
      'th',
      { scope: 'row' },
      h('button', { type: 'button', className: 'rev-go', onclick: () => go(one) }, one.name),
      h('small', {}, `${one.code}${one.change === 'changed' ? '' : ` · ${CHANGE_LABELS[one.change]}`}`),
    ),
    h(
      'td',
      {},
      h('span', {}, pair(one.households)[0]),
      ' → ',
      h('b', {}, pair(one.households)[1]),
      one.change === 'gone'
        ? null
        : h(
            'small',
            { className: fits ? 'ok' : 'warn' },
            fits
              ? t('within %(low)s–%(high)s', { low: LOW, high: HIGH })
              : t('outside %(low)s–%(high)s', { low: LOW, high: HIGH }),
          ),
    ),
    cell(one.people),
    cell(one.buildings),
    cell(one.units),
    cell(
      one.area_m2.map((n) => n / 10000),
      2,
    ),
    cell(one.compactness, 2),
  );
}

function moved(found) {
  const kinds = ['building', 'unit', 'post', 'facility'].map((kind) => [
    kind,
    found.moved.filter((one) => one.kind === kind),
  ]);
  const lists = kinds.map(([kind, all]) =>
    h(
      'details',
      { open: all.length > 0 && all.length < 12 },
      h('summary', {}, `${KIND_LABELS[kind]} `, h('i', {}, number(all.length))),
      h(
        'ul',
        {},
        all.map((one) =>
          h(
            'li',
            {},
            h('b', {}, one.name),
            one.holder ? ` ${one.holder}` : '',
            h(
              'small',
              {},
              ` ${called(one.from)} → ${called(one.to)}${one.households ? ` · ${t('%(n)s households', { n: number(one.households) })}` : ''}`,
            ),
          ),
        ),
      ),
    ),
  );
  const all = found.incidents;
  lists.push(
    h(
      'details',
      { open: Boolean(all?.length) },
      h(
        'summary',
        {},
        `${t('Open incidents')} `,
        h('i', {}, all === null ? t('not yours to count') : number(all.reduce((sum, one) => sum + one.count, 0))),
      ),
      h(
        'ul',
        {},
        (all ?? []).map((one) =>
          h('li', {}, `${called(one.from)} → ${called(one.to)} `, h('b', {}, number(one.count))),
        ),
      ),
    ),
  );
  $('rev-moved').replaceChildren(...lists);
}

function say(words) {
  $('rev-said').textContent = words;
  $('rev-said').hidden = !words;
}

async function load() {
  try {
    const [found, draft] = await Promise.all([call('GET', `${here}/preview`), call('GET', here)]);
    draw(found);
    $('rev-steps').replaceChildren(...draft.operations.map((one) => h('li', {}, zh ? one.zh : one.en)));
    $('rev-conflict').hidden = !draft.conflicts.length;
    $('rev-conflict').querySelector('button').hidden = !page.may.edit; // only its author draws it again
    $('rev-unsolved').hidden ||= draft.conflicts.length > 0; // said already, with the way out
    $('rev-conflict').firstElementChild.textContent = draft.conflicts
      .map((one) =>
        t('%(name)s was redrawn by %(author)s in revision %(n)s', {
          name: one.name,
          author: one.author.replace(/^(account|program) /, ''),
          n: one.revision,
        }),
      )
      .join(zh ? '；' : '; ');
  } catch (error) {
    say(error.message);
  }
  $('rev-busy').hidden = true;
}

async function act(path, body, then) {
  say('');
  try {
    then(await call('POST', here + path, body));
  } catch (error) {
    say(error.message);
  }
}

$('rev-withdraw')?.addEventListener(
  'click',
  () => confirm(t('Give this draft up?')) && act('/withdraw', {}, () => location.reload()),
);
$('rev-revert')?.addEventListener(
  'click',
  () =>
    confirm(t('Begin a draft that takes these boundaries back? Nothing is in force by it.')) &&
    act('/revert', {}, (made) => {
      location.href = `${page.root}/revisions/${made.id}`;
    }),
);
$('rev-conflict')
  .querySelector('button')
  .addEventListener(
    'click',
    () =>
      confirm(t('Draw it again on the newest boundaries? Its steps are kept where they still fit.')) &&
      act('/rebase', {}, () => location.reload()),
  );
$('rev-publish')?.addEventListener('click', () => $('rev-publishing').showModal());
document.querySelector('[data-close]').addEventListener('click', () => $('rev-publishing').close());
$('rev-publish-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  try {
    await call('POST', `${here}/publish`, {
      reason: event.target.reason.value,
      effective: event.target.effective.value || null,
    });
    location.reload();
  } catch (error) {
    $('rev-publish-said').textContent = error.message;
  }
});
load();

// on paper every list is open
let closed = [];
addEventListener('beforeprint', () => {
  closed = [...document.querySelectorAll('.rev-moved details:not([open])')];
  closed.forEach((one) => {
    one.open = true;
  });
});
addEventListener('afterprint', () =>
  closed.forEach((one) => {
    one.open = false;
  }),
);
