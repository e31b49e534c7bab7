// A register: choose the file, confirm its columns, look at what it changes, load it. The file is sent again for every
// step, since the server keeps nothing of it.
import { $, h, page } from '../../shared/dom.js';
import { number, t, zh } from '../../shared/i18n.js';
import { answerOf, call, query, request } from '../../shared/request.js';

const SHOWN = 20; // changes of a kind that are listed at once
let result = null;

const say = (text, wrong = false) => {
  $('status').textContent = text;
  $('status').className = wrong ? 'acc-wrong' : 'reg-said';
};

// ---- sending
async function send(options, columns) {
  const body = new FormData();
  body.append('file', $('file').files[0]);
  if (columns) body.append('columns', JSON.stringify(columns));
  const address = `${page.api}/registers?${query({ crs: $('crs').value, ...options })}`;
  const headers = { Accept: 'application/json', 'X-CSRFToken': page.csrf };
  return answerOf(await fetch(address, { method: 'POST', headers, body }));
}

async function run(options, columns) {
  for (const button of document.querySelectorAll('.reg button')) button.disabled = true;
  say(t('Reading the file…'));
  try {
    result = await send(options, columns);
    show();
  } catch (error) {
    say(refusalText(error), true);
  }
  for (const button of document.querySelectorAll('.reg button')) button.disabled = false;
  $('commit').disabled = !canLoad();
}

function refusalText({ message, problem }) {
  const parts =
    (zh && problem?.errors_zh) || (problem?.errors ?? []).map((fault) => `${fault.field}: ${fault.message}`);
  return [message, ...parts.slice(0, SHOWN)].join(' ');
}

const chosenColumns = () =>
  [...$('columns').querySelectorAll('select')].map((select) => ({
    header: select.dataset.header,
    nth: Number(select.dataset.nth),
    field: select.value,
  }));

// ---- showing
function show() {
  $('result').hidden = false;
  $('h-result').textContent = result.kind_label;
  const others = result.others.filter((kind) => page.kinds[kind]).map((kind) => page.kinds[kind]);
  $('others').textContent = others.length ? t('It may also be: %(kinds)s', { kinds: others.join('、') }) : '';
  $('kind').value = result.kind;
  $('columns').replaceChildren(...result.columns.map(columnRow));
  $('not-kept').textContent = result.not_kept.length
    ? t('Not kept: %(columns)s', { columns: result.not_kept.join('、') })
    : '';
  $('rows').replaceChildren(...Object.entries(COUNTS).map(countItem));
  $('notes').replaceChildren(...result.notes.map((note) => h('li', {}, note)));
  showRefused();
  showChanges();
  $('skip-row').hidden = !result.may_skip;
  $('skip').checked &&= result.may_skip;
  $('later-row').hidden = result.kind !== 'buildings';
  say(saidText());
  if (result.committed) listRecipes();
  $('h-result').focus();
}

const COUNTS = {
  sure: () => t('sure'),
  guess: () => t('a guess: look at the notes'),
  refused: () => t('refused'),
  passed_over: () => t('passed over: totals, notes'),
};
const countItem = ([key, words]) =>
  h('li', { className: `reg-${key}` }, h('b', {}, number(result.rows[key])), ` ${words()}`);

function saidText() {
  if (result.committed) return t('Loaded.');
  if (result.refused.length) return t('Some rows are refused. Correct them in the file, or choose the columns anew.');
  return t('This is a preview: nothing is stored yet.');
}

function columnRow(column) {
  const select = h(
    'select',
    { 'data-header': column.header, 'data-nth': column.nth, 'aria-label': column.header },
    h('option', { value: '' }, t('not read')),
    ...result.fields.map((field) => h('option', { value: field.key }, field.label)),
  );
  select.value = column.field;
  const sure = column.certainty === 'sure';
  return h(
    'tr',
    { className: sure ? '' : 'reg-guess' },
    h('th', { scope: 'row' }, column.header),
    h('td', {}, select),
    h('td', {}, sure ? '' : h('b', {}, `${t('guess')}: `), column.reason),
  );
}

function showRefused() {
  $('refused').replaceChildren(
    result.refused.length
      ? h(
          'ul',
          { className: 'acc-wrong reg-wrong' },
          result.refused.map((row) => h('li', {}, row.text)),
        )
      : '',
  );
}

const CHANGES = {
  came: () => t('came'),
  changed: () => t('changed'),
  went: () => t('went'),
};

function showChanges() {
  const kinds = Object.entries(CHANGES).filter(([key]) => result.changes[key].count);
  $('changes').replaceChildren(
    ...kinds.map(([key, words]) => changeList(key, words(), result.changes[key])),
    kinds.length ? '' : h('p', { className: 'quiet' }, t('Nothing changes.')),
  );
}

function changeList(key, words, { count, items }) {
  const left = count - Math.min(count, SHOWN);
  return h(
    'details',
    { open: key === 'went' },
    h('summary', {}, h('b', {}, number(count)), ` ${words}`),
    h(
      'ul',
      {},
      items.slice(0, SHOWN).map((change) => h('li', {}, changeText(change))),
      left ? h('li', { className: 'quiet' }, t('and %(n)s more', { n: number(left) })) : '',
    ),
  );
}

const changeText = ({ name, old, new: now }) =>
  old && now ? `${name}: ${old} → ${now}` : `${name}${old || now ? `: ${old || now}` : ''}`;

const canLoad = () => Boolean(result) && !result.committed && (result.ready || $('skip').checked);

// ---- recipes
async function listRecipes() {
  const { items } = await request('/registers/recipes', 'recipes');
  const before = $('recipe').value;
  $('recipe').replaceChildren(
    h('option', { value: '' }, t('No recipe')),
    ...items.map((recipe) => h('option', { value: recipe.name }, `${recipe.name}（${recipe.kind_label}）`)),
  );
  $('recipe').value = items.some((recipe) => recipe.name === before) ? before : '';
  $('recipes').replaceChildren(
    ...items.map(recipeItem),
    items.length ? '' : h('li', { className: 'quiet' }, t('No recipes yet: give one a name when you load a register.')),
  );
}

const recipeItem = (recipe) =>
  h(
    'li',
    {},
    h('span', {}, `${recipe.name}（${recipe.kind_label}）`),
    h('small', {}, [recipe.area, recipe.author.replace('account ', '')].filter(Boolean).join(' · ')),
    h('button', { type: 'button', className: 'link', onclick: () => remove(recipe) }, t('Delete')),
  );

async function remove(recipe) {
  try {
    await call('DELETE', `/registers/recipes/${recipe.id}`);
    say(t('Deleted %(name)s', { name: recipe.name }));
  } catch (error) {
    say(error.message, true);
  }
  await listRecipes();
}

// ---- what is pressed
$('choose').addEventListener('submit', (event) => {
  event.preventDefault();
  const recipe = $('recipe').value;
  run(recipe ? { recipe } : { kind: $('kind').value });
});
$('file').addEventListener('change', () => {
  $('result').hidden = true;
  $('later').checked = false;
  $('kind').value = '';
});
const place = () => (result.kind === 'buildings' && $('later').checked ? 'later' : null);
const previewAgain = () => run({ kind: result.kind, place: place() }, chosenColumns());
$('again').addEventListener('click', previewAgain);
$('later').addEventListener('change', previewAgain);
$('skip').addEventListener('change', () => {
  $('commit').disabled = !canLoad();
});
$('load').addEventListener('submit', (event) => {
  event.preventDefault();
  const options = {
    kind: result.kind,
    commit: true,
    end_gone: $('end-gone').checked || null,
    skip_refused: $('skip').checked || null,
    place: place(),
    save_recipe: $('remember').value.trim(),
  };
  run(options, chosenColumns());
});
await listRecipes().catch((error) => say(error.message, true));
document.body.dataset.ready = '';
