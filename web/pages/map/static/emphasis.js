// One emphasis at a time: a category of facilities alone, the ground it serves within a walk, and whom it leaves out.
import { $, h, page, phone, pin } from '../../shared/dom.js';
import { number, t, title } from '../../shared/i18n.js';
import { request, query, RequestError } from '../../shared/request.js';

const buttons = [...document.querySelectorAll('#categories button')];
let open; // of the page: shows the tab of the layers

// `chosen`: {category, minutes} or null; `actions.emphasise` chooses another.
export function showEmphasis(chosen, actions) {
  open = actions.openLayers;
  window.wangge.emphasise(chosen && { category: chosen.category, minutes: chosen.minutes });
  buttons.forEach((button) =>
    button.setAttribute('aria-pressed', String(button.dataset.category === chosen?.category)),
  );
  bar(chosen, actions);
  if (!chosen) {
    $('emphasis').replaceChildren();
    return;
  }
  draw(
    chosen,
    actions,
    h('div', { className: 'skeleton', role: 'status', 'aria-label': t('Looking it up…') }, h('i'), h('i')),
  );
  request(`/coverage?${query({ ...chosen, by: 'county' })}`, 'emphasis')
    .then(({ totals }) => draw(chosen, actions, ...counts(totals)))
    .catch((error) => {
      if (error.name === 'AbortError') return;
      if (!(error instanceof RequestError)) throw error;
      draw(
        chosen,
        actions,
        h('p', { className: 'note', role: 'alert' }, error.message),
        h(
          'button',
          { className: 'button', type: 'button', onclick: () => showEmphasis(chosen, actions) },
          t('Try again'),
        ),
      );
    });
}

export function offerCategories(actions) {
  buttons.forEach((button) => {
    button.onclick = () =>
      actions.emphasise(button.getAttribute('aria-pressed') === 'true' ? null : button.dataset.category);
  });
}

const close = (actions) =>
  h(
    'button',
    { className: 'close', type: 'button', 'aria-label': t('Show no category'), onclick: () => actions.emphasise(null) },
    h('svg', { viewBox: '0 0 20 20', 'aria-hidden': 'true' }, h('path', { d: 'M5 5l10 10M15 5 5 15' })),
  );

function draw({ category, minutes }, actions, ...below) {
  $('emphasis').replaceChildren(
    h(
      'div',
      { className: 'head' },
      pin(category, true),
      h('div', {}, h('h1', { className: 'title' }, title(page.categories[category]))),
      close(actions),
    ),
    h(
      'div',
      { className: 'switch', role: 'group', 'aria-label': t('Within a walk of') },
      page.limits.map((limit) =>
        h(
          'button',
          {
            type: 'button',
            'aria-pressed': String(limit === minutes),
            onclick: () => actions.emphasise(category, limit),
          },
          t('%(n)s min', { n: limit }),
        ),
      ),
    ),
    ...below,
  );
}

const line = (swatch, label, households, people, percent) =>
  h(
    'tr',
    {},
    h('th', { scope: 'row' }, h('i', { className: `swatch ${swatch}`, 'aria-hidden': 'true' }), label),
    h('td', {}, h('b', {}, number(households)), percent === null ? null : h('small', {}, `${percent}%`)),
    h('td', {}, h('b', {}, number(people))),
  );

function counts(totals) {
  const unsaid = totals.cannot_say_households + totals.off_network_households;
  const unsaidPeople = totals.cannot_say_people + totals.off_network_people;
  const within = totals.share === null ? null : (totals.share * 100).toFixed(1);
  const beyond = within && (100 - Number(within)).toFixed(1); // of the rounded: the two are to make 100
  return [
    h(
      'table',
      { className: 'within' },
      h(
        'thead',
        {},
        h('tr', {}, h('td'), h('th', { scope: 'col' }, t('households')), h('th', { scope: 'col' }, t('people'))),
      ),
      h(
        'tbody',
        {},
        line('served', t('within'), totals.served_households, totals.served_people, within),
        line('beyond', t('not within'), totals.beyond_households, totals.beyond_people, beyond),
        unsaid ? line('unsaid', t('cannot be said'), unsaid, unsaidPeople, null) : null,
      ),
    ),
    h(
      'p',
      { className: 'quiet' },
      t('Counted by walking distance from each door at 1.25 m/s; the outline is drawn to the pixel.'),
    ),
  ];
}

// What is emphasised is said on the map too, where the panel is closed or shows something else.
function bar(chosen, actions) {
  $('emphasised').hidden = !chosen;
  if (!chosen) return;
  $('emphasised').replaceChildren(
    h(
      'button',
      { type: 'button', className: 'what', onclick: () => open() },
      pin(chosen.category),
      h('span', {}, title(page.categories[chosen.category]), ' · ', t('%(n)s min', { n: chosen.minutes })),
      phone.matches
        ? null
        : h(
            'span',
            { className: 'key' },
            h('i', { className: 'swatch served' }),
            t('within'),
            h('i', { className: 'swatch beyond' }),
            t('not within'),
          ),
    ),
    close(actions),
  );
}
