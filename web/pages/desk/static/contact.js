// How to reach who reported, for a reason.
import { h } from '../../shared/dom.js';
import { t } from '../../shared/i18n.js';
import { send } from '../../shared/incident.js';
import { hasWords } from '../../shared/typed.js';

// kept while the same matter is open: what happens meanwhile takes no half-written reason away
let contactBox = null;
const unsentBoxes = new Map(); // of other matters, where a reason was typed and not sent
export const contactFocus = () => (contactBox?.contains(document.activeElement) ? document.activeElement : null);
export function contact(incident, suggested = null) {
  if (contactBox?.dataset.id === incident.id) return contactBox;
  if (contactBox && hasWords(contactBox)) unsentBoxes.set(contactBox.dataset.id, contactBox);
  const unsent = unsentBoxes.get(incident.id);
  unsentBoxes.delete(incident.id);
  if (unsent) return (contactBox = unsent);
  const container = (contactBox = h('div', { 'data-id': incident.id }));
  const reason = h('input', {
      type: 'text',
      id: 'contact-reason',
      required: true,
      maxLength: 400,
      autocomplete: 'off',
      value: suggested,
    }),
    status = h('p', { className: 'quiet', role: 'alert' });
  container.append(
    h(
      'form',
      {
        className: 'dsk-contact',
        onsubmit: async (event) => {
          event.preventDefault();
          try {
            const { contact: reporter } = await send(`/incidents/${incident.id}/contact`, {
              body: { reason: reason.value },
            });
            container.replaceChildren(
              h('h3', {}, t('How to reach who reported')),
              h(
                'p',
                {},
                ...(reporter
                  ? [
                      reporter.name,
                      reporter.phone && h('a', { href: `tel:${reporter.phone}` }, reporter.phone),
                      reporter.email,
                    ]
                      .filter(Boolean)
                      .flatMap((item, i) => (i ? [' · ', item] : [item]))
                  : [t('Nothing was left')]),
              ),
            );
          } catch (error) {
            status.textContent = error.message;
            reason.focus();
          }
        },
      },
      h('label', { for: 'contact-reason' }, t('Why you need the contact (kept for auditors)')),
      reason,
      h('button', { type: 'submit', className: 'inc-do' }, t('Show contact')),
      status,
    ),
  );
  return container;
}
