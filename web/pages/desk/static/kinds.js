// The kinds of matters, as the options of a select.
import { h, page } from '../../shared/dom.js';
import { zh } from '../../shared/i18n.js';
import { inLanguage } from '../../shared/incident.js';

export const groups = (selected) => {
  const grouped = new Map();
  for (const category of page.categories)
    grouped.set(inLanguage(category, 'major'), [...(grouped.get(inLanguage(category, 'major')) ?? []), category]);
  return [...grouped].map(([name, all]) =>
    h(
      'optgroup',
      { label: name },
      all.map((category) =>
        h('option', { value: category.code, selected: category.code === selected }, zh ? category.zh : category.en),
      ),
    ),
  );
};
