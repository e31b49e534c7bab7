// Where the review of a boundary draft stands, in words.
import { person } from './comments.js';
import { t } from './i18n.js';

const SENTENCES = {
  requested: (who) => t('%(who)s was asked to review it.', { who }),
  changes_requested: (who) => t('%(who)s requests changes:', { who }),
  approved: (who) => t('%(who)s has approved it as it is.', { who }),
  lapsed: (who) => t('%(who)s approved it; it was changed since, so the approval has lapsed.', { who }),
};

export const sentence = ({ state, reviewer, reason }) => `${SENTENCES[state](person(reviewer))} ${reason}`.trim();
