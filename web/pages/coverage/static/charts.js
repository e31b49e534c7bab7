// Small bars, the histogram and the curve of people served against sites, as SVG without styles of their own.
import { number, t } from '../../shared/i18n.js';

const NS = 'http://www.w3.org/2000/svg';

/** @returns {any} */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.flat());
  return element;
}

// Parts of a whole side by side; parts are [class, value], and the colour where the class has none.
export function stack(parts, total, height = 12) {
  let x = 0;
  const bar = svg('svg', {
    class: 'cov-stack',
    viewBox: `0 0 100 ${height}`,
    preserveAspectRatio: 'none',
    'aria-hidden': 'true',
  });
  for (const [name, value, fill] of parts) {
    const width = total ? (100 * value) / total : 0;
    const colours = fill ? { fill } : {};
    if (width) bar.append(svg('rect', { class: name, x: x.toFixed(3), width: width.toFixed(3), height, ...colours }));
    x += width;
  }
  return bar;
}

// One column of a histogram, from the bottom up; `share` of the height is 0 to 1. What is not nothing stays visible.
export function column(share, { fill, dashed = false }) {
  const height = share ? Math.max(100 * share, 1.5) : 0;
  const attributes = { x: 0, y: (100 - height).toFixed(2), width: 10, height: height.toFixed(2), fill };
  return svg(
    'svg',
    {
      class: dashed ? 'cov-column dashed' : 'cov-column',
      viewBox: '0 0 10 100',
      preserveAspectRatio: 'none',
      'aria-hidden': 'true',
    },
    svg('rect', attributes),
  );
}

// A scale whose top is a round number.
function roundTop(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].map((step) => step * power).find((top) => top >= value) ?? 10 * power;
}

// People newly served against the number of sites; points are the sums for 1, 2, … sites.
export function curve(points, chosen) {
  const width = 400,
    height = 190,
    left = 52,
    right = 14,
    top = 22,
    bottom = 36;
  const highest = roundTop(Math.max(...points, 1));
  const last = Math.max(points.length, 1);
  const x = (sites) => left + (sites / last) * (width - left - right);
  const y = (value) => height - bottom - (value / highest) * (height - top - bottom);
  const label = t('With %(sites)s new sites %(people)s people are newly served', {
    sites: number(points.length),
    people: number(points.at(-1) ?? 0),
  });
  const drawing = svg('svg', {
    class: 'cov-curve',
    viewBox: `0 0 ${width} ${height}`,
    role: 'img',
    'aria-label': label,
  });
  for (const share of [0, 0.5, 1]) {
    const value = highest * share;
    drawing.append(
      svg('line', { x1: left, x2: width - right, y1: y(value), y2: y(value), class: share ? 'grid' : 'axis' }),
      svg('text', { x: left - 8, y: y(value) + 4, class: 'end' }, number(value)),
    );
  }
  drawing.append(svg('text', { x: 0, y: 11, class: 'title' }, t('People newly served')));
  const step = Math.ceil(last / 10);
  for (let sites = 0; sites <= last; sites += step) {
    drawing.append(svg('text', { x: x(sites), y: height - bottom + 16, class: 'middle' }, number(sites)));
  }
  drawing.append(
    svg('text', { x: width - right, y: height - 3, class: 'end title' }, t('New sites')),
    svg('path', { d: `M${x(0)} ${y(0)}` + points.map((value, i) => `L${x(i + 1)} ${y(value)}`).join('') }),
    ...points.map((value, i) =>
      svg(
        'circle',
        { cx: x(i + 1), cy: y(value), r: i + 1 === chosen ? 5 : 3.5, class: i + 1 === chosen ? 'now' : '' },
        svg('title', {}, t('%(sites)s: %(people)s people', { sites: number(i + 1), people: number(value) })),
      ),
    ),
  );
  return drawing;
}
