// A report of several complaints: its parts, each with words and a kind of its own.
import { h, page } from '../../shared/dom.js';
import { number, t } from '../../shared/i18n.js';
import { groups } from './kinds.js';

/** The fields of `split`: the first part stays, the others become matters of their own. */
export function splitFields(incident) {
  const [least, most] = page.parts;
  const list = h('div', { className: 'dsk-parts' });
  const part = (description, category) => {
    const n = list.children.length + 1;
    return h(
      'fieldset',
      {},
      h('legend', {}, n === 1 ? t('Part 1: stays here') : t('Part %(n)s', { n: number(n) })),
      h('select', { name: `part-kind-${n}`, 'aria-label': t('Kind') }, groups(category)),
      h('textarea', { name: `part-words-${n}`, rows: 2, maxlength: 2000, 'aria-label': t('Words') }, description),
    );
  };
  const add = (description = '', category = incident.category) => {
    list.append(part(description, category));
    more.hidden = list.children.length >= most;
  };
  const more = h('button', { type: 'button', className: 'inc-do', onclick: () => add() }, t('One more part'));
  add(incident.description);
  while (list.children.length < least) add();
  return {
    element: h('div', {}, list, more),
    // as many parts as there were
    prepare: (values) => {
      while (list.children.length < most && `part-words-${list.children.length + 1}` in values) add();
    },
    read: () => {
      const parts = [...list.children]
        .map((field) => ({
          category: field.querySelector('select').value,
          description: field.querySelector('textarea').value.trim(),
        }))
        .filter((part) => part.description);
      return parts.length < least ? { wrong: t('Give the words of at least two parts.') } : { parts };
    },
  };
}
