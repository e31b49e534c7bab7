// The panel of the editor: the grids that changed beside their band, what is odd, and the steps taken.
import { $, h, page } from '../../shared/dom.js';
import { number, t, zh } from '../../shared/i18n.js';

const CHANGE_LABELS = { new: t('new'), gone: t('ends') };

const WIDEST = 700; // households at the right end of the bar
const [LOW, HIGH] = page.bands;
const BAND_LABELS = {
  in: t('within %(low)s–%(high)s', { low: LOW, high: HIGH }),
  low: t('below %(low)s', { low: LOW, high: HIGH }),
  high: t('above %(high)s', { low: LOW, high: HIGH }),
};

const share = (n) => Math.min(100, Math.max(0, (n / WIDEST) * 100));
const svg = (tag, attributes) => {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  return element;
};

export const householdRange = (n) => (n < LOW ? 'low' : n > HIGH ? 'high' : 'in');

function bar(count, previous) {
  const graphic = svg('svg', {
    class: `ed-bar ${householdRange(count)}`,
    viewBox: '0 0 100 10',
    preserveAspectRatio: 'none',
    'aria-hidden': 'true',
  });
  graphic.append(
    svg('rect', { class: 'ground', width: 100, height: 10 }),
    svg('rect', { class: 'band', x: share(LOW), width: share(HIGH) - share(LOW), height: 10 }),
    svg('rect', { class: 'value', y: 3, width: share(count), height: 4 }),
  );
  if (previous !== null)
    graphic.append(svg('rect', { class: 'before', x: Math.max(0, share(previous) - 0.4), width: 0.8, height: 10 }));
  return graphic;
}

// The printed sheet of a grid as this draft has it.
const sheetLink = (code) => ({
  className: 'ed-sheet',
  href: `${page.root}/sheets/${code}.pdf${page.state === 'draft' ? `?draft=${page.revision}` : ''}`,
  target: '_blank',
});

// row: {code, name, households, before, compactness, hectares, change}
const gridItem = (row, choose) =>
  h(
    'li',
    { 'data-code': row.code },
    h(
      'button',
      { type: 'button', className: 'ed-grid', onclick: () => choose(row.code) },
      h(
        'span',
        { className: 'ed-name' },
        row.name,
        row.change === 'changed' ? null : h('em', {}, CHANGE_LABELS[row.change]),
      ),
      row.change === 'gone' || row.households == null
        ? null
        : h(
            'span',
            { className: 'ed-count' },
            h('b', {}, number(row.households)),
            ` ${t('%(n)s households', { n: '' }).trim()}`,
            h('small', {}, BAND_LABELS[householdRange(row.households)]),
          ),
      row.change === 'gone' || row.households == null ? null : bar(row.households, row.before),
      row.change === 'gone'
        ? null
        : h(
            'small',
            { className: 'ed-more' },
            `${t('%(n)s ha', { n: row.hectares.toFixed(1) })} · ${t('compactness %(n)s', { n: row.compactness.toFixed(2) })}`,
            row.before === null ? '' : ` · ${t('was %(n)s', { n: number(row.before) })}`,
          ),
    ),
    row.change === 'gone' ? null : h('a', sheetLink(row.code), t('Map sheet')),
  );

export function showGrids(rows, choose) {
  $('ed-grids').replaceChildren(
    ...(rows.length
      ? rows.map((row) => gridItem(row, choose))
      : [
          h(
            'li',
            { className: 'ed-none' },
            h('b', {}, t('Nothing is drawn yet.')),
            h('p', {}, t('Choose a tool on the left. Everything is saved at once and in force only when you publish.')),
          ),
        ]),
  );
}

// Households missing to the band, or beyond it; 0 within.
export const bandDistance = (n) => Math.max(0, LOW - n, n - HIGH);

// Every grid of the area, the farthest from the band first.
export function showAll(rows, choose) {
  const order = [...rows].sort(
    (a, b) => bandDistance(b.households) - bandDistance(a.households) || a.code.localeCompare(b.code),
  );
  const outside = order.filter((row) => bandDistance(row.households)).length;
  $('ed-all-totals').textContent = t('%(out)s of %(n)s grids are outside %(low)s–%(high)s households', {
    out: outside,
    n: order.length,
    low: LOW,
    high: HIGH,
  });
  $('ed-all').replaceChildren(...order.map((row) => gridItem(row, choose)));
}

// A torn unit offers the choice of its grid: `settle` takes the unit and the grid.
export function showProblems(problems, fly, settle, name) {
  const order = [...problems].sort((a, b) => (a.severity === 'refused' ? 0 : 1) - (b.severity === 'refused' ? 0 : 1));
  $('ed-problems').replaceChildren(
    ...(order.length
      ? order.map((problem) =>
          h(
            'li',
            {},
            h(
              'button',
              { type: 'button', className: `ed-problem ${problem.severity}`, onclick: () => fly(problem) },
              h('b', {}, problem.severity === 'refused' ? `✕ ${t('cannot be published')}` : `△ ${t('warning')}`),
              h('span', {}, zh ? problem.zh : problem.en),
            ),
            problem.kind === 'unit_torn' && settle
              ? h(
                  'p',
                  { className: 'ed-settle' },
                  problem.codes
                    .slice(1)
                    .map((grid) =>
                      h(
                        'button',
                        { type: 'button', className: 'link', onclick: () => settle(problem.codes[0], grid) },
                        t('belongs to %(name)s', { name: name(grid) }),
                      ),
                    ),
                )
              : null,
          ),
        )
      : [h('li', { className: 'ed-none' }, t('No problems found.'))]),
  );
  $('ed-problem-count').textContent = order.length || '';
  $('ed-problem-count').className = order.some((problem) => problem.severity === 'refused') ? 'bad' : '';
}

export function showSteps(steps) {
  $('ed-steps').replaceChildren(
    ...(steps.length
      ? [...steps]
          .reverse()
          .map((operation) =>
            h(
              'li',
              {},
              h('small', {}, t('Step %(n)s', { n: operation.step })),
              h('span', {}, zh ? operation.zh : operation.en),
            ),
          )
      : [h('li', { className: 'ed-none' }, t('Nothing is drawn yet.'))]),
  );
  $('ed-step-count').textContent = steps.length || '';
}

export function showTotals(totals) {
  $('ed-totals').textContent =
    totals && totals.grids
      ? t(
          '%(households)s households, %(units)s units, %(posts)s posts, %(incidents)s open incidents change grid',
          Object.fromEntries(Object.entries(totals).map(([k, v]) => [k, number(v)])),
        )
      : '';
}

let silence;
export function showStatus(message, kind = '', keep = false) {
  clearTimeout(silence);
  const status = $('ed-status');
  status.textContent = message;
  status.className = `ed-status ${kind}`;
  status.hidden = !message;
  if (message && !keep)
    silence = setTimeout(
      () => {
        status.hidden = true;
      },
      kind === 'wrong' ? 12000 : 3500,
    );
}
