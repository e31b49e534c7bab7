// Words, numbers and titles in the reader's language. The English text is the key of the catalogue.
import { page } from './dom.js';
import { fill } from './fill.js';

const PATIENCE_MS = 15_000, // a page waits for its words no longer
  RETRY_MS = 1000;

export const zh = page.language === 'zh';
const messages = await readMessages();

async function readMessages() {
  if (!page.messages) return {}; // English
  const late = new AbortController();
  setTimeout(() => late.abort(), PATIENCE_MS);
  for (const isLast of [false, true]) {
    try {
      const answer = await fetch(page.messages, { signal: late.signal });
      if (answer.ok) return await answer.json();
    } catch {
      /* once more, unless it is late */
    }
    if (!isLast) await new Promise((done) => setTimeout(done, RETRY_MS));
  }
  document.documentElement.classList.add('incomplete'); // as when a script is missing
  return {}; // better in English than not at all
}

export const t = (text, values) => fill(messages[text] ?? text, values);
export const number = (n) => Number(n).toLocaleString(zh ? 'zh-CN' : 'en');
// A pair of titles, either {zh, en} or {name_zh, name_en}, in the reader's language.
export const title = (pair) => (pair ? (zh ? pair.zh : pair.en) : '');
