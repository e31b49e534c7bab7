// Two days side by side: the old lines dashed under the new, what changed hands tinted, and a list that flies to each.
import { $, colour, h, page } from '../../shared/dom.js';
import { t } from '../../shared/i18n.js';
import { dayOf } from '../../shared/moment.js';
import { request, query } from '../../shared/request.js';
import { Coverage, removedVertices } from '../../shared/coverage.js';

const CHANGE_LABELS = { new: t('new'), gone: t('ended') };

const { map } = window.wangge;
const outlinesLayer = L.layerGroup().addTo(map);
const OLD = colour('former'),
  NEW = colour('changed'),
  LAND = colour('moved-land');
const [from, until] = [page.compare, page.at ?? new Date().toISOString()].sort((a, b) => Date.parse(a) - Date.parse(b));

const shape = (geometry, style) => L.geoJSON(geometry, { interactive: false, style }).addTo(outlinesLayer);

try {
  const nothing = { grids: [], pieces: { features: [] } };
  const difference =
    +new Date(from) === +new Date(until)
      ? nothing
      : await request(`/areas/difference?${query({ from, to: until })}`, 'difference');
  const now = new Coverage(),
    visited = new Set();
  difference.grids.forEach((grid) => now.set({ id: grid.code, geometry: grid.after, properties: {} }));
  difference.pieces.features.forEach((piece) =>
    shape(piece.geometry, { stroke: false, fillColor: LAND, fillOpacity: 0.35 }),
  );
  const outlines = new Map(
    difference.grids.map((grid) => [
      grid.code,
      shape(grid.after ?? grid.before, { color: NEW, weight: grid.after ? 2.5 : 0, fill: false }),
    ]),
  );
  const lines = difference.grids.flatMap((grid) => (grid.before ? removedVertices(grid.before, now, visited) : []));
  if (lines.length)
    shape({ type: 'MultiLineString', coordinates: lines }, { color: OLD, weight: 2.5, dashArray: '6 5' });
  const names = new Map(difference.grids.map((grid) => [grid.code, grid.name])),
    called = (code) => (code ? (names.get(code) ?? code) : t('no grid'));
  $('difference').replaceChildren(
    h('h2', {}, t('Changed between %(from)s and %(to)s', { from: dayOf(from), to: dayOf(until) })),
    difference.grids.length
      ? h(
          'ul',
          { className: 'rows' },
          difference.grids.map((grid) =>
            h(
              'li',
              {},
              h(
                'button',
                {
                  type: 'button',
                  className: 'link',
                  onclick: () => map.fitBounds(outlines.get(grid.code).getBounds(), { padding: [40, 40], maxZoom: 18 }),
                },
                grid.name,
              ),
              h(
                'span',
                { className: 'quiet' },
                grid.change === 'changed'
                  ? difference.pieces.features
                      .filter(({ properties: p }) => p.to === grid.code)
                      .map(({ properties: p }) => `← ${called(p.from)} ${(p.area_m2 / 10000).toFixed(2)}`)
                      .join(' · ')
                  : CHANGE_LABELS[grid.change],
              ),
            ),
          ),
        )
      : h('p', { className: 'quiet' }, t('No grid has other land.')),
    h(
      'p',
      { className: 'then-legend' },
      h('span', {}, h('i', { className: 'old' }), t('before')),
      h('span', {}, h('i', { className: 'now' }), t('after')),
      h('span', {}, h('i', { className: 'land' }), t('land that changes hands')),
    ),
  );
  if (difference.grids.length)
    map.fitBounds(
      [...outlines.values()].reduce((all, layer) => all.extend(layer.getBounds()), L.latLngBounds([])),
      { padding: [40, 40], maxZoom: 18, animate: false },
    );
} catch (error) {
  if (error.name !== 'AbortError') $('difference').replaceChildren(h('p', { role: 'alert' }, error.message));
}
$('difference').hidden = false;
$('tab-layers').click();
document.body.dataset.compared = 'true';
