// Two drafts side by side: A on the left of the divider, B on the right, and the table of their grids.
import { $, colour, h, page } from '../../shared/dom.js';
import { t, zh } from '../../shared/i18n.js';
import { call } from '../../shared/request.js';
import { fit, shape } from './revision-map.js';

const { map } = window.wangge;
const [LOW, HIGH] = page.bands;
const FIGURES = { households: 0, people: 0, hectares: 2, compactness: 2 }; // and their decimals
const COLOURS = { a: colour('okabe-ito-blue'), b: colour('okabe-ito-vermilion') };

const panes = Object.fromEntries(
  ['a', 'b'].map((side) => {
    const pane = map.createPane(`rev-side-${side}`);
    pane.style.zIndex = 450;
    return [side, { pane, renderer: L.svg({ pane: `rev-side-${side}` }), group: L.layerGroup().addTo(map) }];
  }),
);

// Each side is seen on its side of the divider.
function clip() {
  const size = map.getSize(),
    corner = map.containerPointToLayerPoint([0, 0]),
    end = corner.add(size),
    x = corner.x + (size.x * Number($('rev-divider').value)) / 100;
  const box = (from, to) =>
    `polygon(${from}px ${corner.y}px, ${to}px ${corner.y}px, ${to}px ${end.y}px, ${from}px ${end.y}px)`;
  panes.a.pane.style.clipPath = box(corner.x, x);
  panes.b.pane.style.clipPath = box(x, end.x);
}

function draw({ grids, pieces }) {
  const published = grids.map((grid) =>
    shape(grid.shapes.published, { color: colour('former'), weight: 2, dashArray: '6 5', fill: false }),
  );
  for (const side of ['a', 'b']) {
    const { renderer, group } = panes[side],
      style = { renderer, pane: `rev-side-${side}`, color: COLOURS[side], weight: 3, fill: false },
      other = { ...style, stroke: false, fill: true, fillColor: COLOURS[side], fillOpacity: 0.3 };
    pieces.features.forEach((piece) => L.geoJSON(piece, { interactive: false, style: other }).addTo(group));
    grids
      .filter((grid) => grid.shapes[side])
      .forEach((grid) => L.geoJSON(grid.shapes[side], { interactive: false, style }).addTo(group));
  }
  const drawn = grids.flatMap((grid) => ['a', 'b'].map((side) => grid.shapes[side])).filter(Boolean);
  fit([...published, ...drawn.map((geometry) => L.geoJSON(geometry))]);
  clip();
}

const shown = (value, digits) =>
  value === null || value === undefined
    ? '—'
    : value.toLocaleString(zh ? 'zh-CN' : 'en', { minimumFractionDigits: digits, maximumFractionDigits: digits });

function cells(grid, figure, digits) {
  const [before, a, b] = ['published', 'a', 'b'].map((side) => grid[side]?.[figure]);
  const difference = (b ?? 0) - (a ?? 0),
    sign = Math.abs(difference) < 10 ** -digits / 2 ? '' : difference > 0 ? '+' : '−';
  return [
    ...[before, a, b].map((value) =>
      h(
        'td',
        { className: figure === 'households' && value !== undefined && (value < LOW || value > HIGH) ? 'warn' : null },
        shown(value, digits),
      ),
    ),
    h('td', {}, h('b', {}, sign ? sign + shown(Math.abs(difference), digits) : '0')),
  ];
}

const row = (grid) =>
  h(
    'tr',
    {},
    h(
      'th',
      { scope: 'row' },
      h(
        'button',
        {
          type: 'button',
          className: 'rev-go',
          onclick: () => fit(Object.values(grid.shapes).map((geometry) => geometry && L.geoJSON(geometry))),
        },
        grid.name,
      ),
      h('small', {}, grid.code),
    ),
    Object.entries(FIGURES).flatMap(([figure, digits]) => cells(grid, figure, digits)),
  );

async function load() {
  try {
    const compared = await call('GET', `/revisions/${page.a}/difference/${page.b}`);
    $('rev-bases').hidden = compared.same_base;
    draw(compared);
    $('rev-rows').replaceChildren(
      ...(compared.grids.length
        ? compared.grids.map(row)
        : [h('tr', {}, h('td', { colspan: 17 }, t('Neither draft changes a grid.')))]),
    );
  } catch (error) {
    $('rev-status').textContent = error.message;
    $('rev-status').hidden = false;
  }
}

$('rev-divider').addEventListener('input', clip);
map.on('move zoom viewreset resize zoomend', clip);
if (page.a && page.b) load();
