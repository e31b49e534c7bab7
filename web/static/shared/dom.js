// The page: what the server gave its script, and elements. Text only ever enters as text.

export const page = JSON.parse(document.getElementById('page').textContent);
/** @type {(id: string) => any} */
export const $ = (id) => document.getElementById(id);
export const phone = matchMedia('(max-width: 760px)');

// A colour of gis/palette.py, as /static/tokens.css names it.
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const SVG = 'http://www.w3.org/2000/svg';

/** @returns {any} */
export function h(tag, attributes = {}, ...children) {
  const element =
    tag === 'svg' || tag === 'path' || tag === 'circle'
      ? document.createElementNS(SVG, tag)
      : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name === 'className' ? 'class' : name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function pin(category, large = false) {
  const layer = window.wangge.config.layers.find((layer) => layer.name === 'facilities');
  const style = layer.styles[category] || {};
  return h(
    'svg',
    { className: large ? 'pin large' : 'pin', viewBox: '0 0 24 24', 'aria-hidden': 'true' },
    h('circle', { cx: 12, cy: 12, r: 12, fill: style.fill || colour('mark') }),
    h('path', {
      transform: 'translate(4.5 4.5)',
      d: layer.icons[category] || '',
      fill: style.glyph || colour('white'),
    }),
  );
}
