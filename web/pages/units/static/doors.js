// The homes of a building as a table of doors by stairwell and floor, and the selection that names them.
import { h } from '../../shared/dom.js';
import { t } from '../../shared/i18n.js';
import { colourOf } from './picture.js';

const stairText = (name) => (name === null ? t('No stairwell') : t('Stairwell %(name)s', { name }));
const floorText = (floor) =>
  floor === null ? t('Floor unknown') : floor < 0 ? t('B%(n)s', { n: -floor }) : t('%(n)sF', { n: floor });

function grouped(items, key) {
  const groups = new Map();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}

// One block to a stairwell; `changed` is called after the set of chosen homes has changed.
export function doorTable(homes, chosen, changed) {
  const toggle = (some) => {
    const all = some.every((home) => chosen.has(home));
    some.forEach((home) => (all ? chosen.delete(home) : chosen.add(home)));
    changed();
  };
  const button = (text, some) => h('button', { type: 'button', className: 'link', onclick: () => toggle(some) }, text);
  const door = (home) => {
    const element = h(
      'button',
      {
        type: 'button',
        className: 'unt-home',
        'data-home': homes.indexOf(home),
        'aria-pressed': 'false',
        title: home.unit_name ?? t('In no unit'),
        onclick: () => toggle([home]),
      },
      home.room,
    );
    element.style.borderLeftColor = colourOf(home.unit ?? '');
    return element;
  };
  const floorRow = ([floor, some]) =>
    h('tr', {}, h('th', { scope: 'row' }, button(floorText(floor), some)), h('td', {}, some.map(door)));
  const block = ([stairwell, some]) =>
    h(
      'section',
      { className: 'unt-stairs' },
      h('header', {}, h('b', {}, button(stairText(stairwell), some)), floorRange(some, chosen, changed)),
      h('table', {}, h('tbody', {}, [...grouped(some, (home) => home.floor)].map(floorRow))),
    );
  const stairs = [...grouped(homes, (home) => home.stairwell)];
  return [button(t('All homes'), homes), ...stairs.map(block)];
}

// Two fields and a button that chooses the homes from one floor to another.
function floorRange(homes, chosen, changed) {
  const floors = homes.map((home) => home.floor).filter((floor) => floor !== null);
  if (!floors.length) return '';
  const field = (value) => h('input', { type: 'number', value, 'aria-label': t('Floors'), autocomplete: 'off' });
  const low = field(Math.min(...floors)),
    high = field(Math.max(...floors));
  const select = () => {
    homes
      .filter(({ floor }) => floor !== null && floor >= Number(low.value) && floor <= Number(high.value))
      .forEach((home) => chosen.add(home));
    changed();
  };
  return [
    low,
    t('to'),
    high,
    h('button', { type: 'button', className: 'link', onclick: select }, t('Select these floors')),
  ];
}

// The chosen homes as the API takes them: doors by stairwell, so that none is meant twice.
export const selectionOf = (building, chosen) =>
  [...grouped([...chosen], (home) => home.stairwell)].map(([stairwell, some]) => ({
    building,
    stairwell: stairwell ?? '',
    rooms: some.map((home) => home.room),
  }));
