// Where the review of a boundary draft stands, in words.
import { person } from './comments.js';
import { h } from './dom.js';
import { t, zh } from './i18n.js';
import { dateTime } from './moment.js';

const SENTENCES = {
  requested: (who) => t('%(who)s was asked to review it.', { who }),
  changes_requested: (who) => t('%(who)s requests changes:', { who }),
  approved: (who) => t('%(who)s has approved it as it is.', { who }),
  lapsed: (who, when) =>
    t('%(who)s approved it on %(when)s; it was changed since, so the approval has lapsed.', { who, when }),
};

export const sentence = ({ state, reviewer, reason, at }) =>
  `${SENTENCES[state](person(reviewer), dateTime(at))} ${reason}`.trim();

const CHANGES = {
  added: (what) => t('added: %(what)s', { what }),
  taken_back: (what) => t('taken back: %(what)s', { what }),
  redrawn: (what) => t('drawn again on newer boundaries: %(what)s', { what }),
};

// What changed since an approval that has lapsed, a line for each step: what, who, when.
export const changesSince = ({ changes }) =>
  changes.map((change) =>
    h(
      'li',
      {},
      CHANGES[change.change](zh ? change.zh : change.en),
      h('small', {}, ` ${person(change.who)} · ${dateTime(change.at)}`),
    ),
  );
