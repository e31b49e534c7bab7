// Who works on the draft, where its review stands, and the comments pinned to it.
import { $, h, page } from '../../shared/dom.js';
import { person, showComments } from '../../shared/comments.js';
import { t } from '../../shared/i18n.js';
import { changesSince, sentence } from '../../shared/review.js';
import { coverage, map, name, state } from './state.js';

const comments = showComments({
  map,
  list: $('ed-comments'),
  count: $('ed-comment-count'),
  write: page.state === 'draft',
  gridAt: async ({ lng, lat }) => {
    const code = coverage.at(lng, lat);
    return code && { code, name: name(code) };
  },
  onWait: (waiting) => {
    state.commenting = waiting;
  },
});
comments.load();

export function showPeople({ author, editors, review }) {
  const names = [author, ...editors].map(person).join('、');
  const lapsed = review?.state === 'lapsed',
    verdict = review ? sentence(review) : '';
  $('ed-people').textContent = `${t('Drawn by %(names)s.', { names })} ${lapsed ? '' : verdict}`.trim();
  $('ed-lapsed').hidden = !lapsed;
  $('ed-lapsed').replaceChildren(...(lapsed ? [h('p', {}, verdict), h('ul', {}, changesSince(review))] : []));
}
