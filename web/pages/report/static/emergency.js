// What is on screen as soon as words tell of danger.
import { h } from '../../shared/dom.js';
import { t, title } from '../../shared/i18n.js';

// Danger as the server tells it from words, and whom to call first; null where there is none.
export function emergency(danger) {
  if (!danger) return null;
  return h(
    'div',
    { className: 'emergency', role: 'alert' },
    h('p', {}, h('b', {}, t('This sounds like danger: %(danger)s. Call first:', { danger: title(danger) }))),
    h(
      'p',
      { className: 'emergency-calls' },
      danger.call.map((number) =>
        h('a', { href: `tel:${number.replaceAll(' ', '')}` }, t('Call %(number)s', { number: number })),
      ),
    ),
    h('p', {}, t('Then send it here too: the grid leader, the community and the command centre are told at once.')),
  );
}
