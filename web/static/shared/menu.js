// The account menu, on every page, and what else opens over a page: Escape and a click elsewhere close it.
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
    if (event.key !== 'Escape' || !open().length) return;
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
export {};
