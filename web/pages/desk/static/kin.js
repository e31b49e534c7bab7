// What is like a matter, what it repeats, what repeats it.
import { h } from '../../shared/dom.js';
import { t } from '../../shared/i18n.js';
import { when } from '../../shared/incident.js';
import { isEnded, stateLabel } from '../../shared/workflow.js';

export function kin(incident, { show, act }) {
  const other = (id, ...content) =>
    id
      ? h('button', { type: 'button', className: 'dsk-link', onclick: () => show(id) }, ...content)
      : h('span', {}, ...content);
  const like = (incident.duplicates ?? []).filter(
    (duplicate) =>
      duplicate.id !== incident.id && !incident.children.includes(duplicate.id) && duplicate.id !== incident.parent,
  );
  return [
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
                  t('%(n)s m', { n: Math.round(duplicate.distance_m) }),
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
