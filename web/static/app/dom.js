// Elements, words and answers: the three things every part of the page needs. Text only ever enters as text.

export const page = JSON.parse(document.getElementById('page').textContent);
export const zh = page.language === 'zh';
export const $ = (id) => document.getElementById(id);
export const phone = matchMedia('(max-width: 760px)');

export const t = (key, values = {}) =>
  (page.words[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
export const number = (n) => Number(n).toLocaleString(zh ? 'zh-CN' : 'en');
// A pair of titles, either {zh, en} or {name_zh, name_en}, in the reader's language.
export const title = (pair) => (pair ? (zh ? pair.zh : pair.en) : '');

const SVG = 'http://www.w3.org/2000/svg';

export function h(tag, attributes = {}, ...children) {
  const made = tag === 'svg' || tag === 'path' || tag === 'circle' ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name === 'className' ? 'class' : name, value === true ? '' : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export function pin(category, large = false) {
  const layer = window.wangge.config.layers.find((one) => one.name === 'facilities');
  const style = layer.styles[category] || {};
  return h('svg', { className: large ? 'pin large' : 'pin', viewBox: '0 0 24 24', 'aria-hidden': 'true' },
    h('circle', { cx: 12, cy: 12, r: 12, fill: style.fill || '#5c6670' }),
    h('path', { transform: 'translate(4.5 4.5)', d: layer.icons[category] || '', fill: style.glyph || '#fff' }));
}

// What a problem says in the reader's language: the server gives the Chinese sentence as `zh`.
export const inWords = (problem) => (zh && problem.zh) || problem.detail || problem.title;

export class Refused extends Error {
  constructor(problem) { super(inWords(problem)); this.problem = { ...problem, detail: inWords(problem) }; }
}

// Asks the API; a newer question of the same kind cancels the older one.
const under_way = new Map();
export async function ask(path, kind = path) {
  under_way.get(kind)?.abort();
  const controller = new AbortController();
  under_way.set(kind, controller);
  let response;
  try {
    response = await fetch(page.api + path, { signal: controller.signal, headers: { Accept: 'application/json' } });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Refused({ status: 0, detail: t('offline') });
  }
  const body = await response.json().catch(() => ({ status: response.status, detail: t('error') }));
  if (!response.ok) throw new Refused(body);
  return body;
}

export const query = (values) => new URLSearchParams(Object.entries(values).filter(([, v]) => v !== null && v !== undefined && v !== '')).toString();
