// The account menu, on every page, and what else opens over a page: Escape and a click elsewhere close it.
import { isEscape } from './dom.js';

const open = () => document.querySelectorAll('details:is(.me, [data-menu])[open]');

document.addEventListener('click', (/** @type {any} */ { target }) =>
  open().forEach((menu) => {
    if (!menu.contains(target)) menu.open = false;
  }),
);
// before the keys of the page: what Escape closes is the menu, and nothing under it
document.addEventListener(
  'keydown',
  (event) => {
    if (!isEscape(event) || !open().length) return;
    event.stopPropagation();
    open().forEach((menu) => {
      menu.open = false;
      menu.querySelector('summary').focus();
    });
  },
  { capture: true },
);
document.addEventListener('focusin', (/** @type {any} */ { target }) =>
  open().forEach((menu) => {
    if (!menu.contains(target)) menu.open = false;
  }),
);

// The lists that /work keeps on this phone (work/kept-list.js) are for the account that is signed in and nobody else.
// What waits to be sent, and what was begun, stays for its author.
const LISTS = 'wangge.work.';
function dropLists(account) {
  try {
    Object.keys(localStorage)
      .filter((key) => key.startsWith(LISTS) && key !== LISTS + account)
      .forEach((key) => localStorage.removeItem(key));
  } catch {
    /* not allowed: then there are none */
  }
}
dropLists(/** @type {any} */ (document.querySelector('.me'))?.dataset.account);
document.addEventListener('submit', (/** @type {any} */ { target }) => {
  if (target.matches('[data-signs-out]')) dropLists();
});
