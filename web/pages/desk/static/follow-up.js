// What is asked in a follow-up call, and the reporter's own word taken down for them.
import { h, page } from '../../shared/dom.js';
import { t } from '../../shared/i18n.js';

const radios = (name, legend, choices) =>
  h(
    'fieldset',
    { className: 'dsk-radios' },
    h('legend', {}, legend),
    choices.map(([value, text]) => h('label', {}, h('input', { type: 'radio', name, value }), text)),
  );
const chosen = (field) => field.querySelector('input:checked')?.value ?? null;
const YES_NO = () => [
  ['true', t('Yes')],
  ['false', t('No')],
];
const RATINGS = () => [1, 2, 3, 4, 5].map((n) => [String(n), String(n)]);
const SCRIPT = [
  t('Good day, this is the community office. You reported something to us; do you have a minute?'),
  t('Is what you reported solved?'),
  t('How content are you with how it was handled, from 1 (not) to 5 (very)?'),
];

/** The fields of `follow_up`: how the call went, and what was said. */
export function followUpFields() {
  const outcome = radios('outcome', t('How the call went'), page.outcomes);
  const solved = radios('solved', t('Is it solved?'), YES_NO());
  const rating = radios('rating', t('Satisfaction, 1 to 5'), RATINGS());
  const reasons = h(
    'fieldset',
    { className: 'dsk-radios' },
    h('legend', {}, t('Not content, because')),
    page.reasons.map(([value, text]) => h('label', {}, h('input', { type: 'checkbox', value }), text)),
  );
  const again = h('input', { type: 'datetime-local', id: 'again-at' });
  const later = h('div', { hidden: true }, h('label', { for: 'again-at' }, t('Call again at')), again);
  const reached = h('div', { hidden: true }, solved, rating, reasons);
  outcome.addEventListener('change', () => {
    reached.hidden = chosen(outcome) !== 'reached';
    later.hidden = chosen(outcome) !== 'call_later';
  });
  const script = h(
    'details',
    {},
    h('summary', {}, t('What to say')),
    h(
      'ol',
      { className: 'dsk-why' },
      SCRIPT.map((line) => h('li', {}, line)),
    ),
  );
  const answers = () => ({
    solved: chosen(solved) === 'true',
    ...(chosen(rating) && { rating: Number(chosen(rating)) }),
    reasons: [...reasons.querySelectorAll('input:checked')].map((box) => box.value),
  });
  return {
    element: h('div', {}, script, outcome, reached, later),
    read: () => {
      const result = chosen(outcome);
      if (!result) return { wrong: t('Say how the call went.') };
      if (result === 'reached' && !chosen(solved)) return { wrong: t('Say whether it is solved.') };
      if (result === 'call_later' && !again.value) return { wrong: t('Say when to call again.') };
      return {
        outcome: result,
        ...(result === 'reached' && answers()),
        ...(result === 'call_later' && { again_at: again.value }),
      };
    },
  };
}

/** The fields of `rate`, in the reporter's word. */
export function ratingFields() {
  const solved = radios('solved', t('Is it solved?'), YES_NO());
  const rating = radios('rating', t('Satisfaction, 1 to 5'), RATINGS());
  return {
    element: h('div', {}, solved, rating),
    read: () =>
      chosen(rating) || chosen(solved)
        ? {
            ...(chosen(rating) && { rating: Number(chosen(rating)) }),
            ...(chosen(solved) && { solved: chosen(solved) === 'true' }),
          }
        : { wrong: t('Choose a rating, or whether it is solved.') },
  };
}
