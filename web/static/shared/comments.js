// Comments on a boundary draft: numbered pins on the map, and a list to answer and resolve them.
import { h, page } from './dom.js';
import { t } from './i18n.js';
import { call } from './request.js';

const path = `/revisions/${page.revision}/comments`;
export const person = (actor) => actor.replace(/^(account|program) /, '');

// Threads in order: each comment with its replies, and the number of its pin.
export const threads = (items) =>
  items
    .filter((item) => item.reply_to === null)
    .map((item, i) => ({ ...item, number: i + 1, replies: items.filter((other) => other.reply_to === item.id) }));

/**
 * map: a Leaflet map. list: the element of the list. count: shows how many are open. write: whether comments are taken.
 * @returns {{ load: () => Promise<void>, takes: (latlng: any) => boolean }} takes: whether a click places a comment
 */
export function showComments({ map, list, count, write }) {
  const pins = L.layerGroup().addTo(map);
  const status = h('p', { className: 'cm-status', role: 'alert' });
  const begin = h('button', { type: 'button', className: 'link cm-begin', onclick: () => wait(true) });
  let waiting = false;
  list.before(status);
  if (write) list.before(begin);

  function wait(on) {
    waiting = on;
    begin.textContent = on ? t('Now click the place on the map') : t('Comment on a place');
    map.getContainer().classList.toggle('cm-waiting', on);
  }

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

  const form = (label, submit, extra) =>
    h(
      'form',
      {
        className: 'cm-form',
        onsubmit: async (event) => {
          event.preventDefault();
          if (await send(path, { text: event.target.text.value, ...extra })) event.target.remove();
        },
      },
      h('label', {}, label, h('textarea', { name: 'text', rows: 2, maxlength: 1000, required: true })),
      h('button', { type: 'submit', className: 'button acc-second' }, submit),
    );

  function takes(latlng) {
    if (!waiting) return false;
    wait(false);
    list.querySelector('.cm-new')?.remove();
    const place = { lon: Number(latlng.lng.toFixed(7)), lat: Number(latlng.lat.toFixed(7)) };
    const item = h('li', { className: 'cm-new' }, form(t('Comment on this place'), t('Pin it'), place));
    list.prepend(item);
    item.querySelector('textarea').focus();
    return true;
  }

  function fly(thread) {
    map.getContainer().scrollIntoView({ block: 'nearest' });
    map.flyTo([thread.lat, thread.lon], Math.max(map.getZoom(), 17), { duration: 0.6 });
  }

  const says = (comment) => [
    h('p', { className: 'cm-text' }, comment.text),
    h('small', {}, `${person(comment.author)} · ${new Date(comment.at).toLocaleString()}`),
  ];

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
        thread.replies.map((answer) => h('div', { className: 'cm-reply' }, says(answer))),
        thread.resolved_by
          ? h('small', { className: 'cm-done' }, `✓ ${t('resolved by %(who)s', { who: person(thread.resolved_by) })}`)
          : write &&
              h('details', {}, h('summary', {}, t('Reply')), form(t('Reply'), t('Send'), { reply_to: thread.id })),
        !thread.resolved_by &&
          write &&
          h(
            'button',
            { type: 'button', className: 'link', onclick: () => send(`${path}/${thread.id}/resolve`, {}) },
            t('Resolve'),
          ),
      ),
    );

  function show(items) {
    const all = threads(items);
    pins.clearLayers();
    all
      .filter((thread) => !thread.resolved_by)
      .forEach((thread) =>
        L.marker([thread.lat, thread.lon], {
          icon: L.divIcon({ className: 'cm-pin', html: h('span', {}, String(thread.number)), iconSize: [26, 26] }),
          title: thread.text.slice(0, 80),
          alt: t('Comment %(n)s', { n: thread.number }),
          pmIgnore: true,
          snapIgnore: true,
        })
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
  return { load, takes };
}
