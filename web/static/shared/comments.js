// Comments on a boundary draft: numbered pins on the map, and a list to answer and resolve them.
import { h, isEscape, page } from './dom.js';
import { t } from './i18n.js';
import { dateTime } from './moment.js';
import { call } from './request.js';

const path = `/revisions/${page.revision}/comments`;
export const person = (actor) => actor.replace(/^(account|program) /, '');

// Threads in order: each comment with its replies, and the number of its pin.
export const threads = (items) =>
  items
    .filter((item) => item.reply_to === null)
    .map((item, i) => ({ ...item, number: i + 1, replies: items.filter((other) => other.reply_to === item.id) }));

const SHAKE = 4; // pixels a click may wander before it is a drag

/**
 * map: a Leaflet map. list: the element of the list. count: shows how many are open. write: whether comments are taken.
 * gridAt: the grid of the draft at a place, {code, name} or null. onWait: called when a click is waited for and no more.
 * @returns {{ load: () => Promise<void> }}
 */
export function showComments({ map, list, count, write, gridAt, onWait = undefined }) {
  const pins = L.layerGroup().addTo(map);
  const status = h('p', { className: 'cm-status', role: 'alert' });
  const begin = h('button', { type: 'button', className: 'link cm-begin', onclick: () => wait(true) });
  let waiting = false,
    pressed = null, // where the mouse went down
    answered = false; // whether the last click placed a comment: the next may be its second half
  list.before(status);
  if (write) list.before(begin);

  function wait(on) {
    waiting = on;
    begin.textContent = on ? t('Now click the place on the map') : t('Comment on a place or grid');
    map.getContainer().classList.toggle('cm-waiting', on);
    onWait?.(on);
  }

  // Before anything else hears of it: a click that places a comment draws, paints and chooses nothing.
  const hear = (type, listener) => map.getContainer().addEventListener(type, listener, { capture: true });
  hear('pointerdown', (event) => {
    pressed = [event.clientX, event.clientY];
  });
  hear('click', (event) => {
    answered &&= event.detail > 1;
    const dragged = pressed && Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) > SHAKE;
    if (!waiting && !answered) return;
    event.stopPropagation();
    if (answered || dragged) return;
    answered = true;
    wait(false);
    ask(map.mouseEventToLatLng(event));
  });
  hear('dblclick', (event) => answered && event.stopPropagation());
  document.addEventListener(
    'keydown',
    (event) => {
      if (!waiting || !isEscape(event)) return;
      event.stopPropagation();
      wait(false);
    },
    { capture: true },
  );

  async function send(address, body) {
    status.textContent = '';
    try {
      show((await call('POST', address, body)).items);
      return true;
    } catch (error) {
      status.textContent = error.message;
      if (error.problem?.status === 409) load(); // somebody was first
      return false;
    }
  }

  const form = (label, submit, about, ...fields) =>
    h(
      'form',
      {
        className: 'cm-form',
        onsubmit: async (event) => {
          event.preventDefault();
          const { target } = event;
          if (await send(path, { text: target.text.value, ...about(target) })) target.remove();
        },
      },
      fields,
      h('label', {}, label, h('textarea', { name: 'text', rows: 2, maxlength: 1000, required: true })),
      h('button', { type: 'submit', className: 'button acc-second' }, submit),
    );

  async function ask(latlng) {
    status.textContent = '';
    const grid = await gridAt(latlng).catch((error) => {
      status.textContent = error.message;
      return null;
    });
    const point = { lon: Number(latlng.lng.toFixed(7)), lat: Number(latlng.lat.toFixed(7)) };
    const about = (target) => (target.about?.value === 'grid' ? { grid: grid.code } : point);
    list.querySelector('.cm-new')?.remove();
    const item = h(
      'li',
      { className: 'cm-new' },
      form(t('Comment on this place'), t('Pin it'), about, grid && choice(grid)),
    );
    list.prepend(item);
    item.querySelector('textarea').focus();
  }

  const choice = (grid) => {
    const option = (value, words) =>
      h('label', {}, h('input', { type: 'radio', name: 'about', value, checked: value === 'point' }), ` ${words}`);
    return h(
      'p',
      { className: 'cm-about', role: 'radiogroup', 'aria-label': t('What it is about') },
      option('point', t('This point')),
      option('grid', t('The whole of %(name)s', { name: grid.name })),
    );
  };

  function fly(thread) {
    map.getContainer().scrollIntoView({ block: 'nearest' });
    map.flyTo([thread.lat, thread.lon], Math.max(map.getZoom(), 17), { duration: 0.6 });
  }

  const says = (comment) => [
    comment.grid && h('b', { className: 'cm-grid' }, comment.grid_name),
    h('p', { className: 'cm-text' }, comment.text),
    h('small', {}, `${person(comment.author)} · ${dateTime(comment.at)}`),
  ];

  const replies = (thread) => thread.replies.map((answer) => h('div', { className: 'cm-reply' }, says(answer)));
  const resolve = (thread) =>
    write &&
    !thread.resolved_by &&
    h(
      'button',
      { type: 'button', className: 'link', onclick: () => send(`${path}/${thread.id}/resolve`, {}) },
      t('Resolve'),
    );

  const asItem = (thread) =>
    h(
      'li',
      { className: thread.resolved_by ? 'cm-thread resolved' : 'cm-thread', id: `comment-${thread.id}` },
      h(
        'button',
        { type: 'button', className: 'cm-go', onclick: () => fly(thread), title: t('Show on the map') },
        String(thread.number),
      ),
      h(
        'div',
        {},
        says(thread),
        replies(thread),
        thread.resolved_by
          ? h('small', { className: 'cm-done' }, `✓ ${t('resolved by %(who)s', { who: person(thread.resolved_by) })}`)
          : write &&
              h(
                'details',
                {},
                h('summary', {}, t('Reply')),
                form(t('Reply'), t('Send'), () => ({ reply_to: thread.id })),
              ),
        resolve(thread),
      ),
    );
  const asPopup = (thread) => h('div', { className: 'cm-popup' }, says(thread), replies(thread), resolve(thread));

  function show(items) {
    const all = threads(items);
    pins.clearLayers();
    all
      .filter((thread) => !thread.resolved_by)
      .forEach((thread) =>
        L.marker([thread.lat, thread.lon], {
          icon: L.divIcon({
            className: thread.grid ? 'cm-pin grid' : 'cm-pin',
            html: h('span', {}, String(thread.number)),
            iconSize: [26, 26],
          }),
          title: thread.text.slice(0, 80),
          alt: t('Comment %(n)s', { n: thread.number }),
          pmIgnore: true,
          snapIgnore: true,
        })
          .bindPopup(() => asPopup(thread), { maxWidth: 260 })
          .on('click', () => document.getElementById(`comment-${thread.id}`)?.scrollIntoView({ block: 'nearest' }))
          .addTo(pins),
      );
    count.textContent = all.filter((thread) => !thread.resolved_by).length || '';
    list.replaceChildren(...(all.length ? all.map(asItem) : [h('li', { className: 'quiet' }, t('No comments yet.'))]));
  }

  async function load() {
    try {
      show((await call('GET', path)).items);
    } catch (error) {
      status.textContent = error.message;
    }
  }

  wait(false);
  return { load };
}
