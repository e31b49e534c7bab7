// Words, numbers and titles in the reader's language.
import { page } from './dom.js';

export const zh = page.language === 'zh';
export const t = (key, values = {}) =>
  (page.words[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
export const number = (n) => Number(n).toLocaleString(zh ? 'zh-CN' : 'en');
// A pair of titles, either {zh, en} or {name_zh, name_en}, in the reader's language.
export const title = (pair) => (pair ? (zh ? pair.zh : pair.en) : '');
