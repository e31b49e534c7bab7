// Several matters at once: which are chosen, the moves they have in common, and what became of them.
import { $, h } from '../../shared/dom.js';
import { number, t } from '../../shared/i18n.js';
import { inLanguage, needsNote, newKey, send } from '../../shared/incident.js';
import { errorText } from '../../shared/request.js';
import { inOfferedOrder, moveLabel, moveOf } from '../../shared/workflow.js';
import { show } from './detail.js';
import { inbox } from './inbox.js';
import { counts, failed, refresh } from './list.js';
import { draw, onDrawn, showStatus } from './rows.js';

// What is being written for a move of several: {move, words}. What happens meanwhile redraws the bar, and takes none of it.
let writing = null;

export function choose(id, isChosen) {
  inbox.chosen[isChosen ? 'add' : 'delete'](id);
  drawBulk();
}

const chosenRows = () => inbox.rows.filter((incident) => inbox.chosen.has(incident.id));

export function drawBulk() {
  const picked = chosenRows();
  $('bulk').hidden = !picked.length;
  $('all').checked = picked.length > 0 && picked.length === inbox.rows.length;
  $('all').indeterminate = picked.length > 0 && picked.length < inbox.rows.length;
  if (!picked.length) return;
  const names = inOfferedOrder(
    picked.map((incident) => new Set(incident.moves)).reduce((a, b) => new Set([...a].filter((name) => b.has(name)))),
  ).filter((name) => moveOf(name).bulk);
  if (names.includes(writing?.move)) return askForNote(writing.move);
  $('bulk').replaceChildren(
    h('b', {}, t('%(n)s chosen', { n: number(picked.length) })),
    ...names.map((name, i) =>
      h(
        'button',
        { type: 'button', className: i ? 'inc-do' : 'inc-go', 'data-move': name, onclick: () => bulk(name, picked) },
        moveLabel(name),
      ),
    ),
    ...(names.length ? [] : [h('span', { className: 'quiet' }, t('These have no move in common.'))]),
    h(
      'button',
      {
        type: 'button',
        className: 'dsk-x',
        'aria-label': t('Cancel'),
        onclick: () => {
          writing = null;
          inbox.chosen.clear();
          draw();
        },
      },
      '×',
    ),
  );
}

async function bulk(name, picked, note = '', confirmed = false) {
  if (needsNote(name) && !note) return askForNote(name);
  if (moveOf(name).changes_holder && !confirmed) return preview(name, picked, note);
  $('bulk').setAttribute('aria-busy', 'true');
  try {
    const { results: outcomes } = await send('/incidents/moves/bulk', {
      key: newKey(),
      body: movesOf(name, picked, note),
    });
    writing = null;
    inbox.results = new Map(
      outcomes.map((outcome) => [
        outcome.id,
        {
          ok: outcome.ok,
          words: outcome.ok
            ? t('Done: %(move)s', { move: moveLabel(name) })
            : t('Not accepted: %(why)s', { why: errorText(outcome.problem) }),
        },
      ]),
    );
    const bad = outcomes.filter((outcome) => !outcome.ok);
    inbox.chosen = new Set(bad.map((incident) => incident.id));
    await refresh(outcomes.map((incident) => incident.id));
    drawBulk();
    counts().catch(() => {});
    showStatus(
      [
        t('%(move)s: %(n)s done', { move: moveLabel(name), n: number(outcomes.length - bad.length) }),
        bad.length ? ` · ${t('%(n)s not done', { n: number(bad.length) })}` : '',
      ],
      bad.length > 0,
    );
    if (inbox.opened && outcomes.some((incident) => incident.id === inbox.opened)) show(inbox.opened, { quiet: true });
  } catch (error) {
    failed(error, () => bulk(name, picked, note, confirmed));
  } finally {
    $('bulk').removeAttribute('aria-busy');
  }
}

const movesOf = (name, picked, note) => ({
  moves: picked.map(({ id, version }) => ({ id, version, move: name, ...(note && { note }) })),
});

// to whom each would go, said before it is done
async function preview(name, picked, note) {
  $('bulk').setAttribute('aria-busy', 'true');
  try {
    const { results } = await send('/incidents/moves/bulk?dry_run=true', { body: movesOf(name, picked, note) });
    drawPreview(name, picked, note, results);
  } catch (error) {
    failed(error, () => preview(name, picked, note));
  } finally {
    $('bulk').removeAttribute('aria-busy');
  }
}

function drawPreview(name, picked, note, results) {
  const possible = picked.filter((_, i) => results[i].ok);
  const held = new Map(picked.map((incident) => [incident.id, incident]));
  const receivers = Map.groupBy(
    results.filter((result) => result.ok),
    (result) => receiver(result, held.get(result.id)),
  );
  const refusals = Map.groupBy(
    results.filter((result) => !result.ok),
    (result) => errorText(result.problem),
  );
  const line =
    (mark) =>
    ([words, some]) =>
      h('li', { className: mark }, h('span', {}, words), h('b', {}, number(some.length)));
  $('bulk').replaceChildren(
    h('b', {}, t('%(move)s: this goes to', { move: moveLabel(name) })),
    h('ul', { className: 'dsk-preview' }, ...[...receivers].map(line('')), ...[...refusals].map(line('refused'))),
    h(
      'div',
      { className: 'inc-pair' },
      possible.length
        ? h(
            'button',
            {
              type: 'button',
              className: 'inc-go',
              'data-confirm': name,
              onclick: () => bulk(name, possible, note, true),
            },
            t('%(move)s: %(n)s matters', { move: moveLabel(name), n: number(possible.length) }),
          )
        : '',
      h('button', { type: 'button', className: 'inc-do', onclick: drawBulk }, t('Cancel')),
    ),
  );
  /** @type {HTMLElement} */ ($('bulk').querySelector('[data-confirm]') ?? $('bulk').querySelector('button')).focus();
}

// who would have a matter: a person, a role, several who may claim it, or the queue where it waits
const receiver = (result, incident) => {
  const role = inLanguage(result, 'role');
  const isLate = incident.colour === 'red' && incident.assigned_to === result.assigned_to;
  if (result.assigned_to)
    return [result.assigned_to, role, isLate && t('has it already and is late')].filter(Boolean).join(' · ');
  if (result.offered) return t('offered to %(n)s', { n: number(result.offered) });
  return (
    role ||
    (result.queue ? inLanguage({ queue_zh: result.queue.zh, queue_en: result.queue.en }, 'queue') : t('nobody yet'))
  );
};

// the words that a move of several needs, asked for where its button was
function askForNote(name) {
  if (writing?.move !== name) writing = { move: name, words: '' };
  const title = h('b', {}, `${moveLabel(name)} · ${t('%(n)s chosen', { n: number(chosenRows().length) })}`);
  if ($('bulk').querySelector(`[data-note="${name}"]`)) {
    $('bulk').firstChild.replaceWith(title);
    return;
  }
  const note = h('input', {
    'data-note': name,
    value: writing.words,
    oninput: () => {
      writing.words = note.value;
    },
    maxlength: 2000,
    'aria-label': t('What is there to say'),
    placeholder: t('Say it in a few words: who comes after you reads this.'),
  });
  $('bulk').replaceChildren(
    title,
    h(
      'form',
      {
        className: 'inc-pair',
        onsubmit: (event) => {
          event.preventDefault();
          if (note.value.trim()) bulk(name, chosenRows(), note.value.trim());
          else note.focus();
        },
      },
      note,
      h('button', { type: 'submit', className: 'inc-go' }, moveLabel(name)),
      h('button', { type: 'button', className: 'inc-do', onclick: giveUp }, t('Cancel')),
    ),
  );
  note.focus();
}

function giveUp() {
  writing = null;
  drawBulk();
}

onDrawn(drawBulk);
