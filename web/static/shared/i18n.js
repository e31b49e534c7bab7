// Words, numbers and titles in the reader's language. The English text is the key of the catalogue.
import { page } from './dom.js';
import { fill } from './fill.js';

const PATIENCE_MS = 15_000; // a page waits for its words no longer

export const zh = page.language === 'zh';
const messages = await readMessages();

async function readMessages() {
  if (!page.messages) return {}; // English
  const late = new AbortController();
  setTimeout(() => late.abort(), PATIENCE_MS);
  try {
    return await (await fetch(page.messages, { signal: late.signal })).json();
  } catch {
    return {}; // better in English than not at all
  }
}

export const t = (text, values) => fill(messages[text] ?? text, values);
export const number = (n) => Number(n).toLocaleString(zh ? 'zh-CN' : 'en');
// A pair of titles, either {zh, en} or {name_zh, name_en}, in the reader's language.
export const title = (pair) => (pair ? (zh ? pair.zh : pair.en) : '');
