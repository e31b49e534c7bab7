// What is like a matter, what it repeats, what repeats it.
import { h } from '../../shared/dom.js';
import { distanceText } from '../../shared/distance.js';
import { t } from '../../shared/i18n.js';
import { when } from '../../shared/incident.js';
import { query, request } from '../../shared/request.js';
import { isEnded, stateLabel } from '../../shared/workflow.js';

/** The field of `link`: the number of any open matter, ours or a hotline's. */
export function linkFields(incident) {
  const field = h('input', { id: 'link-number', maxlength: 100, autocomplete: 'off', spellcheck: 'false' });
  return {
    element: h('div', {}, h('label', { for: 'link-number' }, t('Number of the matter it repeats')), field),
    read: async () => {
      const number = field.value.trim().toLowerCase();
      if (number.length < 4) return { wrong: t('Give at least four characters of the number.') };
      const { items } = await request(`/incidents?${query({ state: 'open', words: number, limit: '50' })}`, 'parent');
      const matches = items.filter(
        (item) =>
          item.id !== incident.id &&
          (item.id.startsWith(number) || String(item.attributes.external_number ?? '').toLowerCase() === number),
      );
      if (matches.length === 1) return { parent: matches[0].id };
      return {
        wrong: matches.length
          ? t('Several open matters have this number; give more of it.')
          : t('No open matter that you see has this number.'),
      };
    },
  };
}

export function kin(incident, { show, act }) {
  const other = (id, ...content) =>
    id
      ? h('button', { type: 'button', className: 'dsk-link', onclick: () => show(id) }, ...content)
      : h('span', {}, ...content);
  const like = (incident.duplicates ?? []).filter(
    (duplicate) =>
      duplicate.id !== incident.id && !incident.children.includes(duplicate.id) && duplicate.id !== incident.parent,
  );
  const parts = incident.split_from ? [incident.split_from] : incident.split_into;
  return [
    ...(parts?.length
      ? [
          h('h3', {}, incident.split_from ? t('Part of a report') : t('Parts of this report')),
          h(
            'ul',
            { className: 'dsk-near' },
            parts.map((id) => h('li', {}, other(id, id.slice(0, 8)))),
          ),
        ]
      : []),
    ...(incident.parent
      ? [h('h3', {}, t('Linked')), h('p', {}, other(incident.parent, incident.parent.slice(0, 8)))]
      : []),
    ...(incident.children.length
      ? [
          h('h3', {}, t('%(n)s linked', { n: incident.children.length })),
          h(
            'ul',
            { className: 'dsk-near' },
            incident.children.map((id) => h('li', {}, other(id, id.slice(0, 8)))),
          ),
        ]
      : []),
    ...(like.length && !incident.parent
      ? [
          h('h3', {}, t('Alike and near')),
          h(
            'ul',
            { className: 'dsk-near' },
            like.map((duplicate) =>
              h(
                'li',
                {},
                other(
                  duplicate.id,
                  stateLabel(duplicate.state),
                  ' · ',
                  distanceText(duplicate.distance_m),
                  ' · ',
                  when(duplicate.reported_at),
                ),
                duplicate.id &&
                  !isEnded(duplicate.state) &&
                  incident.moves.includes('link') &&
                  h(
                    'button',
                    {
                      type: 'button',
                      className: 'inc-do',
                      'data-link': duplicate.id,
                      onclick: () => act(incident, 'link', { parent: duplicate.id }, []),
                    },
                    t('Link to it'),
                  ),
              ),
            ),
          ),
        ]
      : []),
  ];
}
