// What is chosen in the charts: classes of minutes, communities, and whether only the view of the map counts.
import { $, h } from '../../shared/dom.js';
import { t } from '../../shared/i18n.js';
import { state, writeAddress } from './address.js';
import { CLASSES, codeOf, listOf, rangeOf, toggled } from './cross.js';

// What an address says that is no class is passed over.
const chosenClasses = () => listOf(state.class).filter((key) => CLASSES.includes(key));
export const choice = () => ({ classes: chosenClasses(), communities: listOf(state.community) });
export const isChosen = () => Boolean(chosenClasses().length || state.community);
const inOrder = (keys) => [...keys].sort((a, b) => CLASSES.indexOf(a) - CLASSES.indexOf(b));
const names = new Map(); // code -> name of a community, also of one out of view

let changed = () => {};
export const onChoice = (listener) => (changed = listener);

function choose(change) {
  writeAddress(change);
  changed();
}
export const toggleClass = (key) => choose({ class: inOrder(toggled(chosenClasses(), key)).join(',') });
export const toggleCommunity = (code) =>
  choose({ community: toggled(listOf(state.community), codeOf(code)).join(',') });
export const clearChoice = () => choose({ class: '', community: '' });

const SHORT = {
  to: ({ n }) => `≤ ${n}`,
  between: ({ from, to }) => `${from}–${to}`,
  over: ({ n }) => `> ${n}`,
  unreachable: () => '> 60',
};
const LONG = {
  to: (values) => t('to %(n)s min', values),
  between: (values) => t('%(from)s–%(to)s min', values),
  over: (values) => t('over %(n)s min', values),
  unreachable: () => t('not within 60 min'),
  cannot_say: () => t('Cannot say'),
  off_network: () => t('Off the network'),
};
export const longLabel = (key, limits) => text(LONG, rangeOf(key, limits));
export const shortLabel = (key, limits) => text({ ...LONG, ...SHORT }, rangeOf(key, limits));
const text = (texts, [code, values]) => texts[code](values);

export const nameOf = ({ code, name }) => (code ? name || code : t('In no community'));

// The chips above the tabs' content: what is chosen, each to be taken away, and all at once.
export function showChips({ limits, areas }) {
  areas.forEach((area) => names.set(codeOf(area.code), nameOf(area)));
  const chip = (label, away) =>
    h(
      'li',
      {},
      h(
        'button',
        {
          type: 'button',
          className: 'cov-chip',
          'aria-label': t('Take away: %(what)s', { what: label }),
          onclick: () => {
            away();
            ($('chips').querySelector('button') ?? $('in-view')).focus(); // this chip is gone
          },
        },
        label,
        h('svg', { viewBox: '0 0 20 20', 'aria-hidden': 'true' }, h('path', { d: 'm6 6 8 8M14 6l-8 8' })),
      ),
    );
  const { classes, communities } = choice();
  $('chips').replaceChildren(
    ...classes.map((key) => chip(longLabel(key, limits), () => toggleClass(key))),
    ...communities.map((code) => chip(names.get(code) ?? code, () => toggleCommunity(code))),
  );
  $('choice').hidden = !isChosen();
}
