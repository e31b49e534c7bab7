// The page: what the server gave its script, and elements. Text only ever enters as text.

export const page = JSON.parse(document.getElementById('page').textContent);
/** @type {(id: string) => any} */
export const $ = (id) => document.getElementById(id);
export const phone = matchMedia('(max-width: 760px)');
// Whether a key closes what is open. Within an input method, Escape drops a candidate and nothing of the page; Safari
// says so by the code 229 alone.
export const isEscape = (event) => event.key === 'Escape' && !event.isComposing && event.keyCode !== 229;

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

// Bring a list to these items. What reads as before stays the same element, for a finger may be on it; and the focus
// stays in an item that is drawn anew with the same data-id.
export function updateList(list, items) {
  const active = list.contains(document.activeElement) ? document.activeElement : null;
  const shown = new Map([...list.children].map((item) => [item.outerHTML, item]));
  const result = items.map((item) => shown.get(item.outerHTML) ?? item);
  for (const item of shown.values()) if (!result.includes(item)) item.remove();
  result.forEach((item, i) => {
    if (list.children[i] !== item) list.insertBefore(item, list.children[i] ?? null);
  });
  if (!active || active === document.activeElement) return;
  const id = active.closest('[data-id]')?.dataset.id;
  const item = result.find((other) => other.dataset.id === id);
  const target = list.contains(active) ? active : item?.querySelector(`.${active.classList[0]}`);
  target?.focus({ preventScroll: true });
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
