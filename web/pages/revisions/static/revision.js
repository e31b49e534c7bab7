// The preview of a revision: its map, what moves, what is odd, and what can be done with it.
import { $, colour, h, page } from '../../shared/dom.js';
import { number, t, zh } from '../../shared/i18n.js';
import { identityLines, settledText } from '../../shared/identity.js';
import { call } from '../../shared/request.js';
import { Coverage, removedVertices } from '../../shared/coverage.js';
import { person, showComments } from '../../shared/comments.js';
import { asSeen, showPeople } from './review.js';
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

const path = `/revisions/${page.revision}`;
const [LOW, HIGH] = page.bands;
let names = {};
const drawn = new Coverage(); // the grids that the draft changes, as it has them
const called = (code) => (code === null ? t('no grid') : (names[code] ?? code));

function draw(preview) {
  names = preview.names;
  const ends = [...new Set(preview.pieces.features.map((piece) => piece.properties.to))];
  const colourOf = (code) => (code === null ? colour('mark') : COLOURS[ends.indexOf(code) % COLOURS.length]);
  const pieces = preview.pieces.features.map((piece) =>
    shape(piece.geometry, {
      color: colourOf(piece.properties.to),
      weight: 1,
      fillColor: colourOf(piece.properties.to),
      fillOpacity: 0.45,
    }),
  );
  const newOutlines = preview.grids.map((grid) =>
    shape(grid.after, { color: colour('changed'), weight: 2.5, fill: false }),
  );
  const visited = new Set();
  preview.grids.forEach((grid) => drawn.set({ id: grid.code, geometry: grid.after, properties: {} }));
  const lines = preview.grids.flatMap((grid) => (grid.before ? removedVertices(grid.before, drawn, visited) : []));
  const oldOutlines = lines.length
    ? [
        shape(
          { type: 'MultiLineString', coordinates: lines },
          { color: colour('former'), weight: 2.5, dashArray: '6 5' },
        ),
      ]
    : [];
  fit([...newOutlines, ...oldOutlines]);

  $('rev-legend').append(
    ...ends
      .slice(0, COLOURS.length)
      .map((code) => h('li', {}, swatch(colourOf(code)), t('goes to %(name)s', { name: called(code) }))),
  );
  $('rev-totals').replaceChildren(
    ...Object.entries(preview.totals).map(([kind, count]) =>
      h(
        'div',
        {},
        h('dt', {}, TOTAL_LABELS[kind]),
        h('dd', {}, preview.incidents === null && kind === 'incidents' ? '—' : number(count)),
      ),
    ),
  );
  const order = [...preview.problems].sort(
    (a, b) => (a.severity === 'refused' ? 0 : 1) - (b.severity === 'refused' ? 0 : 1),
  );
  $('rev-problems').replaceChildren(
    ...(order.length
      ? order.map((problem) =>
          h(
            'li',
            {},
            h(
              problem.place ? 'button' : 'p',
              {
                ...(problem.place && { type: 'button', onclick: () => fly(problem.place) }),
                className: `rev-fault ${problem.severity}`,
              },
              h('b', {}, problem.severity === 'refused' ? `✕ ${t('cannot be published')}` : `△ ${t('warning')}`),
              ' ',
              zh ? problem.zh : problem.en,
            ),
          ),
        )
      : [h('li', { className: 'quiet' }, t('No problems found.'))]),
  );
  $('rev-pieces').replaceChildren(
    ...(pieces.length
      ? preview.pieces.features.map(({ properties: piece }, i) =>
          h(
            'li',
            {},
            h(
              'button',
              { type: 'button', className: 'rev-fault', onclick: () => fit([pieces[i]]) },
              swatch(colourOf(piece.to)),
              h('b', {}, t('%(from)s → %(to)s', { from: called(piece.from), to: called(piece.to) })),
              ` ${t('%(n)s ha', { n: (piece.area_m2 / 10000).toFixed(2) })} · ${t('%(n)s households', { n: number(piece.households) })}`,
            ),
          ),
        )
      : [h('li', { className: 'quiet' }, t('Nothing changes hands.'))]),
  );
  $('rev-grids').replaceChildren(...preview.grids.map(row));
  const identity = [
    ...identityLines(preview),
    ...preview.settled.map((unit) => h('li', {}, ...settledText(unit, names))),
  ];
  $('rev-identity').hidden = !identity.length;
  $('rev-identity')
    .querySelector('ul')
    .replaceChildren(...identity);
  if ($('rev-publish') && order[0]?.severity === 'refused') {
    $('rev-publish').disabled = true;
    $('rev-publish').setAttribute('aria-describedby', 'rev-unsolved');
    $('rev-unsolved').textContent = t('Cannot be published until what is marked ✕ is solved');
    $('rev-unsolved').hidden = false;
  }
  moved(preview);
}

const pair = (values, digits = 0) =>
  values.map((n) =>
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
function zoomTo(layer) {
  window.wangge.map.getContainer().scrollIntoView({ block: 'nearest' });
  fit([shape(layer.after ?? layer.before, { stroke: false, fill: false })]);
}

function row(grid) {
  const count = grid.households[1],
    fits = count >= LOW && count <= HIGH;
  return h(
    'tr',
    {},
    h(
      'th',
      { scope: 'row' },
      h('button', { type: 'button', className: 'rev-go', onclick: () => zoomTo(grid) }, grid.name),
      h('small', {}, `${grid.code}${grid.change === 'changed' ? '' : ` · ${CHANGE_LABELS[grid.change]}`}`),
    ),
    h(
      'td',
      {},
      h('span', {}, pair(grid.households)[0]),
      ' → ',
      h('b', {}, pair(grid.households)[1]),
      grid.change === 'gone'
        ? null
        : h(
            'small',
            { className: fits ? 'ok' : 'warn' },
            fits
              ? t('within %(low)s–%(high)s', { low: LOW, high: HIGH })
              : t('outside %(low)s–%(high)s', { low: LOW, high: HIGH }),
          ),
    ),
    cell(grid.people),
    cell(grid.buildings),
    cell(grid.units),
    cell(
      grid.area_m2.map((n) => n / 10000),
      2,
    ),
    cell(grid.compactness, 2),
  );
}

function moved(preview) {
  const kinds = ['building', 'unit', 'post', 'facility'].map((kind) => [
    kind,
    preview.moved.filter((move) => move.kind === kind),
  ]);
  const lists = kinds.map(([kind, all]) =>
    h(
      'details',
      { open: all.length > 0 && all.length < 12 },
      h('summary', {}, `${KIND_LABELS[kind]} `, h('i', {}, number(all.length))),
      h(
        'ul',
        {},
        all.map((move) =>
          h(
            'li',
            {},
            h('b', {}, move.name),
            move.holder ? ` ${move.holder}` : '',
            h(
              'small',
              {},
              ` ${called(move.from)} → ${called(move.to)}${move.households ? ` · ${t('%(n)s households', { n: number(move.households) })}` : ''}`,
            ),
          ),
        ),
      ),
    ),
  );
  const all = preview.incidents;
  lists.push(
    h(
      'details',
      { open: Boolean(all?.length) },
      h(
        'summary',
        {},
        `${t('Open incidents')} `,
        h('i', {}, all === null ? t('not yours to count') : number(all.reduce((sum, move) => sum + move.count, 0))),
      ),
      h(
        'ul',
        {},
        (all ?? []).map((move) =>
          h('li', {}, `${called(move.from)} → ${called(move.to)} `, h('b', {}, number(move.count))),
        ),
      ),
    ),
  );
  $('rev-moved').replaceChildren(...lists);
}

function showStatus(message) {
  $('rev-status').textContent = message;
  $('rev-status').hidden = !message;
}

async function load() {
  try {
    const [preview, draft] = await Promise.all([call('GET', `${path}/preview`), call('GET', path)]);
    draw(preview);
    showPeople(draft);
    $('rev-steps').replaceChildren(
      ...draft.operations.map((operation) =>
        h(
          'li',
          {},
          zh ? operation.zh : operation.en,
          draft.editors.length ? h('small', {}, ` ${person(operation.author)}`) : null,
        ),
      ),
    );
    $('rev-conflict').hidden = !draft.conflicts.length;
    $('rev-conflict').querySelector('button').hidden = !page.may.edit; // only its author draws it again
    $('rev-unsolved').hidden ||= draft.conflicts.length > 0; // said already, with the way out
    $('rev-conflict').firstElementChild.textContent = draft.conflicts
      .map(({ name, author, revision, change }) => {
        const facts = { name, author: author.replace(/^(account|program) /, ''), n: revision };
        return change === 'name'
          ? t('%(name)s was renamed or ended by %(author)s', facts)
          : t('%(name)s was redrawn by %(author)s in revision %(n)s', facts);
      })
      .join(zh ? '；' : '; ');
  } catch (error) {
    showStatus(error.message);
  }
  $('rev-busy').hidden = true;
}

async function act(action, body, then) {
  showStatus('');
  try {
    then(await call('POST', path + action, body, asSeen));
  } catch (error) {
    showStatus(error.message);
  }
}

$('rev-withdraw')?.addEventListener(
  'click',
  () => confirm(t('Withdraw this draft?')) && act('/withdraw', {}, () => location.reload()),
);
$('rev-revert')?.addEventListener(
  'click',
  () =>
    confirm(t('Begin a draft that takes these boundaries back? Nothing is in force by it.')) &&
    act('/revert', {}, (draft) => {
      location.href = `${page.root}/revisions/${draft.id}`;
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
    const body = { reason: event.target.reason.value, effective: event.target.effective.value || null };
    await call('POST', `${path}/publish`, body, asSeen);
    location.reload();
  } catch (error) {
    $('rev-publish-status').textContent = error.message;
  }
});

// The grid at a place of the draft: one that it changes, else the published one.
async function gridAt({ lng, lat }) {
  const code = drawn.at(lng, lat);
  if (code) return { code, name: called(code) };
  const { grid } = await call('GET', `/locate?lon=${lng.toFixed(7)}&lat=${lat.toFixed(7)}&crs=cgcs2000`);
  return grid;
}
const comments = showComments({
  map: window.wangge.map,
  list: $('comments'),
  count: $('rev-comment-count'),
  write: page.may.comment,
  gridAt,
});
load();
comments.load();

// on paper every list is open
let closed = [];
addEventListener('beforeprint', () => {
  closed = [...document.querySelectorAll('.rev-moved details:not([open])')];
  closed.forEach((details) => {
    details.open = true;
  });
});
addEventListener('afterprint', () =>
  closed.forEach((details) => {
    details.open = false;
  }),
);
