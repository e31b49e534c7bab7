// Parts of a matter that external units and colleagues do: who was asked, by when, and what they did.
import { h, page } from './dom.js';
import { t } from './i18n.js';
import { inLanguage, newKey, send, when } from './incident.js';
import { request } from './request.js';

const KINDS = { external: t('External unit'), assist: t('Assists'), sign: t('Signs') };

/**
 * Shows the parts of a matter, with the buttons to ask for one and to say that one is done.
 *
 * @param {any} incident
 * @param {() => void} [changed] called when something was done
 */
export function jointParts(incident, changed = () => {}) {
  const box = h('section', { className: 'inc-joint' });
  const status = h('p', { className: 'inc-wrong', role: 'alert', hidden: true });
  const address = `/incidents/${incident.id}/parts`;
  const write = async (path, body) => {
    try {
      draw(await send(path, { key: newKey(), body }));
      changed();
    } catch (error) {
      status.textContent = t('Not accepted: %(why)s', { why: error.message });
      status.hidden = false;
    }
  };
  const draw = ({ items, may_hand_out: mayHandOut }) => {
    status.hidden = true;
    box.replaceChildren();
    if (!items.length && !mayHandOut) return;
    box.append(
      h('h3', {}, t('Joint handling')),
      h(
        'ul',
        {},
        items.map((item) =>
          h(
            'li',
            {},
            partLine(item, (body) => write(`${address}/${item.id}/finish`, body)),
          ),
        ),
      ),
      status,
    );
    if (!mayHandOut) return;
    const ask = async () => open.replaceWith(await handOutForm(incident, (body) => write(address, body)));
    const open = h(
      'button',
      { type: 'button', className: 'inc-do', 'data-hand-out': '', onclick: ask },
      t('Ask others for a part'),
    );
    box.append(open);
  };
  request(address, 'parts').then(draw, () => {}); // nothing to show where it cannot be read
  return box;
}

function partLine(item, finish) {
  const whom = item.organisation_name ?? item.person ?? t('a colleague');
  const result = h('textarea', { rows: 2, maxlength: 4000, required: true, 'aria-label': t('What was done') });
  const form = h(
    'form',
    {
      className: 'inc-form',
      hidden: true,
      onsubmit: (event) => {
        event.preventDefault();
        finish({ result: result.value });
      },
    },
    result,
    h('button', { type: 'submit', className: 'inc-go' }, t('It is done')),
  );
  const done = h(
    'button',
    {
      type: 'button',
      className: 'inc-do',
      'data-finish': item.id,
      onclick: () => {
        form.hidden = false;
        done.remove();
        result.focus();
      },
    },
    t('Say that it is done'),
  );
  return [
    h('b', {}, `${KINDS[item.kind]} · ${whom}`),
    item.note && h('p', {}, item.note),
    h(
      'small',
      { className: item.late ? 'late' : null },
      item.finished_at
        ? t('done %(time)s', { time: when(item.finished_at).textContent })
        : t('by %(time)s', { time: when(item.due).textContent }),
      item.late && ` · ${t('Overdue')}`,
    ),
    item.result && h('p', {}, item.result),
    ...(!item.finished_at && (item.mine || page.may?.dispatch) ? [done, form] : []),
  ];
}

async function handOutForm(incident, submit) {
  const [units, people] = await Promise.all([
    request('/organisations', 'units').catch(() => ({ items: [] })),
    request(`/incidents/${incident.id}/candidates`, 'signers').catch(() => ({ items: [] })),
  ]);
  const kind = h(
    'select',
    { 'aria-label': t('How') },
    Object.entries(KINDS).map(([value, label]) => h('option', { value }, label)),
  );
  const whom = h('select', { 'aria-label': t('Whom to ask') });
  const choices = () => [
    ...units.items.map((unit) => h('option', { value: `organisation ${unit.code}` }, unit.name)),
    ...(kind.value === 'external'
      ? []
      : people.items
          .filter((person) => person.code && !person.skills)
          .map((person) =>
            h(
              'option',
              { value: `person ${person.code}` },
              [person.name, inLanguage(person, 'role')].filter(Boolean).join(' · '),
            ),
          )),
  ];
  const fill = () => whom.replaceChildren(...choices());
  kind.onchange = fill;
  fill();
  const note = h('textarea', { rows: 2, maxlength: 4000, 'aria-label': t('What is asked for') });
  return h(
    'form',
    {
      className: 'inc-form',
      onsubmit: (event) => {
        event.preventDefault();
        const [field, code] = whom.value.split(/ (.*)/);
        submit({ kind: kind.value, note: note.value, ...(code && { [field]: code }) });
      },
    },
    kind,
    whom,
    h('label', {}, t('What is asked for'), note),
    h('button', { type: 'submit', className: 'inc-go' }, t('Ask for it')),
  );
}
