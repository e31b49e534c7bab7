// The people of a draft: who draws it, who reviews it, and what its reviewer decides.
import { $, h, page } from '../../shared/dom.js';
import { person } from '../../shared/comments.js';
import { t } from '../../shared/i18n.js';
import { call } from '../../shared/request.js';
import { changesSince, sentence } from '../../shared/review.js';

const path = `/revisions/${page.revision}`;
// what is done holds for the draft as this page shows it: a step that a colleague adds meanwhile is refused
export const asSeen = { 'If-Match': `"${page.version}"` };

async function act(method, address, body) {
  $('rev-people-status').textContent = '';
  try {
    await call(method, path + address, body, asSeen);
    location.reload();
  } catch (error) {
    $('rev-people-status').textContent = error.message;
  }
}

export function showPeople(draft) {
  const { review } = draft;
  $('rev-review').className = review ? `rev-verdict ${review.state}` : 'quiet';
  $('rev-review').textContent = review ? sentence(review) : t('Nobody was asked to review it yet.');
  $('rev-changes').replaceChildren(...(review ? changesSince(review) : []));
  $('rev-editors').replaceChildren(
    h('li', {}, h('b', {}, person(draft.author)), ` ${t('author')}`),
    ...draft.editors.map((editor) =>
      h(
        'li',
        {},
        h('b', {}, person(editor)),
        page.may.ask &&
          h(
            'button',
            {
              type: 'button',
              className: 'link',
              onclick: () => act('DELETE', `/editors/${encodeURIComponent(person(editor))}`),
            },
            t('Withdraw the invitation'),
          ),
      ),
    ),
  );
}

async function fill(form, right) {
  if (!form) return;
  const { accounts } = await call('GET', `${path}/colleagues?right=${right}`);
  form.querySelector('select').append(...accounts.map((name) => h('option', { value: name }, name)));
}

$('rev-ask')?.addEventListener('submit', (event) => {
  event.preventDefault();
  act('POST', '/review', { reviewer: event.target.reviewer.value });
});
$('rev-invite')?.addEventListener('submit', (event) => {
  event.preventDefault();
  act('POST', '/editors', { account: event.target.account.value });
});
$('rev-decide')?.addEventListener('submit', (event) => {
  event.preventDefault();
  const { value } = event.submitter;
  act('POST', '/review/decision', { decision: value, version: page.version, reason: event.target.reason.value });
});
fill($('rev-ask'), 'publish');
fill($('rev-invite'), 'draft');
