// Two days side by side: the old lines dashed under the new, what changed hands tinted, and a list that flies to each.
import { $, colour, h, page } from '../../shared/dom.js';
import { t } from '../../shared/i18n.js';
import { ask, query } from '../../shared/request.js';
import { Coverage, gone } from '../../shared/coverage.js';

const CHANGE_LABELS = { new: t('new'), gone: t('ended') };

const { map } = window.wangge;
const drawn = L.layerGroup().addTo(map);
const OLD = colour('former'),
  NEW = colour('changed'),
  LAND = colour('moved-land');
const [from, to] = [page.compare, page.at ?? new Date().toISOString()].sort((a, b) => Date.parse(a) - Date.parse(b));

const shape = (geometry, style) => L.geoJSON(geometry, { interactive: false, style }).addTo(drawn);

try {
  const nothing = { grids: [], pieces: { features: [] } };
  const found =
    +new Date(from) === +new Date(to) ? nothing : await ask(`/areas/difference?${query({ from, to })}`, 'difference');
  const now = new Coverage(),
    seen = new Set();
  found.grids.forEach((one) => now.set({ id: one.code, geometry: one.after, properties: {} }));
  found.pieces.features.forEach((one) => shape(one.geometry, { stroke: false, fillColor: LAND, fillOpacity: 0.35 }));
  const outlines = new Map(
    found.grids.map((one) => [
      one.code,
      shape(one.after ?? one.before, { color: NEW, weight: one.after ? 2.5 : 0, fill: false }),
    ]),
  );
  const lines = found.grids.flatMap((one) => (one.before ? gone(one.before, now, seen) : []));
  if (lines.length)
    shape({ type: 'MultiLineString', coordinates: lines }, { color: OLD, weight: 2.5, dashArray: '6 5' });
  const names = new Map(found.grids.map((one) => [one.code, one.name])),
    called = (code) => (code ? (names.get(code) ?? code) : t('no grid'));
  $('difference').replaceChildren(
    h('h2', {}, t('Changed between %(from)s and %(to)s', { from: from.slice(0, 10), to: to.slice(0, 10) })),
    found.grids.length
      ? h(
          'ul',
          { className: 'rows' },
          found.grids.map((one) =>
            h(
              'li',
              {},
              h(
                'button',
                {
                  type: 'button',
                  className: 'link',
                  onclick: () => map.fitBounds(outlines.get(one.code).getBounds(), { padding: [40, 40], maxZoom: 18 }),
                },
                one.name,
              ),
              h(
                'span',
                { className: 'quiet' },
                one.change === 'changed'
                  ? found.pieces.features
                      .filter(({ properties: p }) => p.to === one.code)
                      .map(({ properties: p }) => `← ${called(p.from)} ${(p.area_m2 / 10000).toFixed(2)}`)
                      .join(' · ')
                  : CHANGE_LABELS[one.change],
              ),
            ),
          ),
        )
      : h('p', { className: 'quiet' }, t('No grid has other land.')),
    h(
      'p',
      { className: 'then-legend' },
      h('i', { className: 'old' }),
      t('before'),
      h('i', { className: 'now' }),
      t('after'),
      h('i', { className: 'land' }),
      t('land that changes hands'),
    ),
  );
  if (found.grids.length)
    map.fitBounds(
      [...outlines.values()].reduce((all, one) => all.extend(one.getBounds()), L.latLngBounds([])),
      { padding: [40, 40], maxZoom: 18, animate: false },
    );
} catch (error) {
  if (error.name !== 'AbortError') $('difference').replaceChildren(h('p', { role: 'alert' }, error.message));
}
$('difference').hidden = false;
$('tab-layers').click();
document.body.dataset.compared = 'true';
