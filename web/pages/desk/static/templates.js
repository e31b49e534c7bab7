// Templates of answers: those that fit a matter go into its note; the desk's own are written in a dialog.
import { $, h, page } from '../../shared/dom.js';
import { t, zh } from '../../shared/i18n.js';
import { call, request } from '../../shared/request.js';
import { hasWords } from '../../shared/typed.js';
import { groups } from './kinds.js';

/**
 * The templates that fit a matter, as a choice that writes into its note; null where there is none.
 * @param {any} incident
 * @param {HTMLTextAreaElement} note
 */
export async function templateChoice(incident, note) {
  const { items } = await request(`/answer-templates?incident=${incident.id}`, 'fitting').catch(() => ({ items: [] }));
  if (!items.length) return null;
  const choice = h(
    'select',
    {
      'aria-label': t('Answer template'),
      onchange: () => {
        const template = items[Number(choice.value)];
        if (!template) return;
        note.value = [note.value.trim(), template.text].filter(Boolean).join('\n');
        choice.value = '';
        note.dispatchEvent(new Event('input', { bubbles: true }));
        note.focus();
      },
    },
    h('option', { value: '' }, t('Insert an answer template …')),
    items.map((template, i) => h('option', { value: i }, template.title)),
  );
  return choice;
}

// ---- the dialog
const dialog = $('templates');
dialog.addEventListener('cancel', (event) => {
  if (hasWords(dialog) && !confirm(t('Discard what you wrote?'))) event.preventDefault();
});
const status = h('p', { className: 'inc-wrong', role: 'alert', hidden: true });
const showError = (error) => {
  status.textContent = error?.message ?? '';
  status.hidden = !error;
};
const kindOf = (code) => {
  const category = page.categories.find((item) => item.code === code);
  return category ? (zh ? category.zh : category.en) : code || t('All kinds');
};

async function drawList(edited = null) {
  showError(null);
  let items = [];
  try {
    items = (await request('/answer-templates', 'templates')).items;
  } catch (error) {
    showError(error);
  }
  dialog.replaceChildren(
    h('h2', { id: 'templates-title' }, t('Answer templates')),
    items.length
      ? h(
          'ul',
          { className: 'dsk-templates' },
          items.map((item) =>
            h(
              'li',
              {},
              h('b', {}, item.title),
              h('small', {}, `${kindOf(item.category)} · ${item.area_name}`),
              h('p', {}, item.text),
              h(
                'div',
                { className: 'inc-pair' },
                h('button', { type: 'button', className: 'inc-do', onclick: () => drawList(item) }, t('Change')),
                h('button', { type: 'button', className: 'inc-do', onclick: () => remove(item) }, t('Delete')),
              ),
            ),
          ),
        )
      : h('p', { className: 'quiet' }, t('None yet. What is written here can be inserted into the note of a move.')),
    editor(edited),
    h('form', { method: 'dialog' }, h('button', { className: 'inc-do' }, t('Close'))),
  );
  if (edited) dialog.querySelector('input').focus();
}

function editor(item) {
  const title = h('input', { id: 'template-title', maxlength: 40, required: true, value: item?.title ?? null });
  const text = h('textarea', { id: 'template-text', rows: 3, maxlength: 2000, required: true }, item?.text ?? '');
  const category = h(
    'select',
    { id: 'template-category' },
    h('option', { value: '' }, t('All kinds')),
    ...groups(item?.category),
  );
  const area = h(
    'select',
    { id: 'template-area' },
    page.areas.map((place) =>
      h(
        'option',
        { value: place.code, selected: place.code === item?.area },
        '\u3000'.repeat(place.depth) + place.name,
      ),
    ),
  );
  const save = async (event) => {
    event.preventDefault();
    const body = { title: title.value, text: text.value, category: category.value, area: area.value };
    try {
      if (item) await call('PUT', `/answer-templates/${item.id}`, body);
      else await call('POST', '/answer-templates', body);
      await drawList();
    } catch (error) {
      showError(error);
    }
  };
  const field = (id, name, element) => [h('label', { for: id }, name), element];
  return h(
    'form',
    { className: 'inc-form', onsubmit: save },
    h('h3', {}, item ? t('Change the template') : t('New template')),
    field('template-title', t('Title'), title),
    field('template-category', t('Kind'), category),
    field('template-area', t('Desk of'), area),
    field('template-text', t('What it says'), text),
    status,
    h('div', { className: 'inc-pair' }, h('button', { type: 'submit', className: 'inc-go' }, t('Save'))),
  );
}

async function remove(item) {
  try {
    await call('DELETE', `/answer-templates/${item.id}`);
    await drawList();
  } catch (error) {
    showError(error);
  }
}

$('open-templates')?.addEventListener('click', async () => {
  await drawList();
  dialog.showModal();
});
