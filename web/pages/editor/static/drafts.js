// A new draft: a title and a place, then the editor.
import { $, page } from '../../shared/dom.js';
import { t } from '../../shared/i18n.js';
import { call } from '../../shared/request.js';

$('new-draft').addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = event.target,
    title = form.title.value.trim();
  $('draft-status').textContent = title ? '' : t('Say in a few words what the change is');
  if (!title) return form.title.focus();
  form.querySelector('button').disabled = true;
  try {
    const draft = await call('POST', '/revisions', { title });
    location.href = `${page.root}/editor/${draft.id}?within=${encodeURIComponent(form.within.value)}`;
  } catch (error) {
    $('draft-status').textContent = error.message;
    form.querySelector('button').disabled = false;
  }
});
