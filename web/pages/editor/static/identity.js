// Names, codes, communities and settled units: what the draft changes of them, and how to change them.
import { $, h, page } from '../../shared/dom.js';
import { t } from '../../shared/i18n.js';
import { identityLines, settledText } from '../../shared/identity.js';
import { restyle } from './picture.js';
import { coverage, mayEdit, state } from './state.js';
import { operate } from './steps.js';

const COMMUNITY_DIGITS = 12;
const communities = page.places.filter((place) => place.level === 'community');

// The form for the one chosen grid: its name, its code, its community.
export function showChosen() {
  const form = $('ed-identity'),
    grid = state.chosen.length === 1 ? coverage.grids.get(state.chosen[0]) : null;
  form.hidden = !grid || !state.editable || !mayEdit(grid.code);
  const shown = grid && `${grid.code} ${grid.properties.name}`;
  if (form.hidden || form.dataset.shown === shown) return; // what is being typed stays
  form.dataset.shown = shown;
  form.dataset.code = grid.code;
  form.elements.name.value = grid.properties.name;
  form.elements.code.value = grid.code;
  const community = grid.code.slice(0, COMMUNITY_DIGITS);
  form.elements.parent.replaceChildren(
    ...communities.map((place) => h('option', { value: place.code, selected: place.code === community }, place.name)),
  );
}

/**
 * One operation for what was changed: another community gives another code by itself.
 * @returns {Record<string, string> | null}
 */
function operation({ name, code, parent }, grid) {
  const named = name === grid.properties.name ? {} : { name };
  if (parent && parent !== grid.code.slice(0, COMMUNITY_DIGITS))
    return { op: 'move_to', code: grid.code, parent, ...(code === grid.code ? {} : { new_code: code }), ...named };
  if (code !== grid.code) return { op: 'recode', code: grid.code, new_code: code, ...named };
  return named.name ? { op: 'rename', code: grid.code, name } : null;
}

$('ed-identity').addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = event.target,
    grid = coverage.grids.get(form.dataset.code);
  const value = (key) => form.elements[key].value.trim();
  const op = grid && operation({ name: value('name'), code: value('code'), parent: value('parent') }, grid);
  if (!op || !(await operate(op))) return;
  if (coverage.grids.has(op.new_code)) state.chosen = [op.new_code];
  restyle();
  showChosen();
});

export function showIdentity(preview) {
  $('ed-identity-changes').replaceChildren(...identityLines(preview));
  $('ed-settled').replaceChildren(
    ...preview.settled.map((unit) =>
      h(
        'li',
        {},
        ...settledText(unit, preview.names),
        state.editable
          ? h(
              'button',
              { type: 'button', className: 'link', onclick: () => operate({ op: 'settle', unit: unit.unit }) },
              t('Take the decision back'),
            )
          : null,
      ),
    ),
  );
  showChosen();
}
