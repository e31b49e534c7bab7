// The legend: households by class, or buildings where no household is known; they add up to all. Its lines choose, as the columns of the histogram do.
import { $, colour, h } from '../../shared/dom.js';
import { number, t } from '../../shared/i18n.js';
import { choice, longLabel, toggleClass } from './choice.js';
import { CLASSES, sumOf } from './cross.js';
import { classColour } from './drawing.js';

// Where it would hide the map it begins closed: the columns beside it have the same colours and counts.
let open = !matchMedia('(min-width: 761px) and (max-width: 1180px)').matches;

// `other` are the counts of the right side of a comparison, `names` those of both sides.
export function showLegend(counts, limits, minutes, other = null, names = []) {
  const { classes } = choice();
  const unit = sumOf(counts).households ? 'households' : 'buildings';
  const line = (key) =>
    h(
      'li',
      { 'data-class': key },
      h(
        'button',
        {
          type: 'button',
          className: classes.length && !classes.includes(key) ? 'faint' : '',
          'aria-pressed': String(classes.includes(key)),
          'data-line': key,
          onclick: () => toggleClass(key),
        },
        h('svg', { viewBox: '0 0 18 14', 'aria-hidden': 'true' }, swatch(key)),
        h('span', {}, longLabel(key, limits)),
        h('b', {}, number(counts[key][unit])),
        other ? h('b', {}, number(other[key][unit])) : null,
      ),
    );
  const within = limits.indexOf(minutes) + 1;
  const group = (heading, keys) => [h('h3', {}, heading), h('ul', {}, keys.map(line))];
  $('legend').hidden = false;
  $('legend').classList.toggle('two', Boolean(other));
  $('legend').replaceChildren(
    h(
      'details',
      { open, ontoggle: (event) => (open = event.target.open) },
      h(
        'summary',
        {},
        h(
          'h2',
          {},
          h('span', {}, t('Minutes on foot')),
          h('span', {}, unit === 'households' ? t('Households') : t('Buildings')),
        ),
      ),
      other
        ? h(
            'div',
            { className: 'cov-legend-sides' },
            names.map((name) => h('span', {}, name)),
          )
        : '',
      ...group(t('Served'), CLASSES.slice(0, within)),
      ...group(t('Beyond'), CLASSES.slice(within, -2)),
      ...group(t('Set apart'), CLASSES.slice(-2)),
      h(
        'p',
        { id: 'legend-total' },
        h('span', {}, t('Altogether')),
        h('b', {}, number(sumOf(counts)[unit])),
        other ? h('b', {}, number(sumOf(other)[unit])) : null,
      ),
    ),
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
