// Fields of its own that a move asks for.
import { h, page } from '../../shared/dom.js';
import { distanceText } from '../../shared/distance.js';
import { number, t } from '../../shared/i18n.js';
import { inLanguage, SEVERITY_LABELS } from '../../shared/incident.js';
import { request } from '../../shared/request.js';
import { followUpFields, ratingFields } from './follow-up.js';
import { linkFields } from './kin.js';
import { groups } from './kinds.js';
import { relocateFields } from './place.js';
import { splitFields } from './parts.js';

const standing = (candidate) =>
  [
    inLanguage(candidate, 'role'),
    candidate.stands_in && t('stands in'),
    candidate.away ? t('on leave') : candidate.code ? t('%(n)s open', { n: number(candidate.load) }) : t('vacant'),
    candidate.metres !== null && distanceText(candidate.metres),
    candidate.skills && t('has the skill'),
  ]
    .filter(Boolean)
    .join(' · ');

// the same person may have several posts, and a skill beside them
const postOf = (candidate) => [candidate.code, candidate.role, candidate.skills && 'skill'].filter(Boolean).join(' ');

export const fieldsOf = (incident) => ({
  relocate: () => relocateFields(),
  split: () => splitFields(incident),
  follow_up: () => followUpFields(),
  rate: () => ratingFields(),
  reopen: () => null,
  link: () => linkFields(incident),

  dispatch: async () => {
    const { items: candidates } = await request(`/incidents/${incident.id}/candidates`, 'candidates').catch(() => ({
      items: [],
    }));
    const suggestion = candidates.find((person) => person.suggested);
    const preset = suggestion ? postOf(suggestion) : '';
    const choice = (value, label, small, mark, late) =>
      h(
        'label',
        { className: 'dsk-who' },
        h('input', { type: 'radio', name: 'to', value, checked: value === preset }),
        h(
          'span',
          {},
          h('i', {}, label),
          mark && h('em', { className: late ? 'late' : null }, mark),
          small && h('small', {}, small),
        ),
      );
    const people = candidates
      .filter((person) => person.code)
      .sort((a, b) => Number(b === suggestion) - Number(a === suggestion));
    const element = h(
      'fieldset',
      { className: 'dsk-people' },
      h('legend', {}, t('Give it to')),
      choice('', t('As the rule says'), t('whoever the routing rule finds now')),
      incident.skill &&
        choice('order', t('Push as an order'), t('whoever claims it first; unclaimed in time it comes back')),
      people.map((person) =>
        choice(
          postOf(person),
          person.name ?? inLanguage(person, 'role'),
          standing(person),
          person === suggestion ? t('Suggested') : person.late && t('Late with it'),
          person.late,
        ),
      ),
    );
    return {
      element,
      read: () => {
        const value = element.querySelector('input:checked')?.value;
        if (value === 'order') return { way: 'order' };
        const person = value ? candidates.find((candidate) => postOf(candidate) === value) : null;
        return person ? { ...(person.code && { to: person.code }), ...(!person.skills && { role: person.role }) } : {};
      },
    };
  },
  reclassify: () => {
    const kind = h('select', { id: 'inc-kind' }, groups(incident.category)),
      severity = h(
        'select',
        { id: 'inc-severity' },
        page.severities.map((key) =>
          h('option', { value: key, selected: key === incident.severity }, SEVERITY_LABELS[key]),
        ),
      );
    return {
      element: h(
        'div',
        {},
        h('label', { for: 'inc-kind' }, t('Kind')),
        kind,
        h('label', { for: 'inc-severity' }, t('Severity')),
        severity,
      ),
      read: () => ({ category: kind.value, severity: severity.value }),
    };
  },
});
