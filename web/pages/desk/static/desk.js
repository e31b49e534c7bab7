// The dispatcher's desk: what is open, filtered by what the address says, one matter beside it, and what can be done.
import { $, h, page, phone } from '../../shared/dom.js';
import { number, t, zh } from '../../shared/i18n.js';
import { ask, inWords, query, Refused } from '../../shared/request.js';
import {
  clockBadge,
  gridOf,
  inOrder,
  live,
  moveButtons,
  moveWords,
  needsWords,
  newKey,
  photoList,
  pick,
  place,
  send,
  shape,
  stateWords,
  tags,
  timeline,
  urgency,
  useful,
  when,
} from '../../shared/incident.js';

const SEVERITY_LABELS = { low: t('Low'), normal: t('Normal'), high: t('Serious'), urgent: t('Urgent') };

const EVERY = 60_000,
  PAGE = 60,
  FETCH = 12; // rows fetched one by one when they change; more of them wait for the bar
const FIELDS = [
  'words',
  'area',
  'category',
  'colour',
  'way',
  'supervised',
  'pending',
  'queue',
  'since',
  'until',
  'sort',
];
const ENDED = ['closed', 'void'];
const TABS = [
  'open',
  'reported',
  'accepted',
  'returned',
  'dispatched',
  'taken',
  'suspended',
  'handled',
  'checked',
  'closed',
  'void',
  'all',
];
const { map } = window.wangge;
const news = new Map();
let rows = [],
  next = null,
  chosen = new Set(),
  at = -1,
  opened = null,
  full = null,
  results = new Map(),
  asked = 0,
  totals = null,
  marker = null;

// ---- the address: every filter, the state and the open matter
const address = () => new URLSearchParams(location.search);
const state = () => {
  const given = address().get('state') || 'open';
  return TABS.includes(given) ? given : 'open';
};
const filters = () => Object.fromEntries(FIELDS.map((name) => [name, address().get(name) ?? '']));
// as the API has them: `until` is a moment, the field's day is still within
const dayAfter = (day) => day && new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10);
const wanted = () => {
  const found = filters();
  return query({
    ...found,
    until: dayAfter(found.until),
    state: state() === 'all' ? '' : state(),
    sort: found.sort || (ENDED.includes(state()) || state() === 'all' ? 'newest' : 'urgent'),
  });
};

function go(changes, { replace = false } = {}) {
  const found = { state: state() === 'open' ? '' : state(), ...filters(), incident: opened ?? '', ...changes };
  const words = query(found);
  history[replace ? 'replaceState' : 'pushState'](null, '', words ? `?${words}` : location.pathname);
}

function showFilters() {
  const found = filters(),
    now = state();
  for (const name of FIELDS) {
    const field = $('filters').elements[name],
      value = found[name];
    if (field !== document.activeElement || field.tagName === 'SELECT') field.value = value;
  }
  const set = FIELDS.filter((name) => name !== 'sort' && found[name]).length;
  const more = FIELDS.filter((name) => found[name] && $('more-filters').contains($('filters').elements[name])).length;
  $('clear').hidden = !set;
  $('more-count').textContent = more ? number(more) : '';
  for (const tab of $('tabs').children) {
    if (tab.dataset.state === now) tab.setAttribute('aria-current', 'page');
    else tab.removeAttribute('aria-current');
  }
}

// ---- the list
async function load({ more = false, keep = false } = {}) {
  const mine = ++asked;
  document.querySelector('.dsk-table').setAttribute('aria-busy', 'true');
  if (!more && !keep) {
    chosen.clear();
    results.clear();
  }
  try {
    const [found, counted] = await Promise.all([
      ask(`/incidents?${wanted()}&${query({ limit: PAGE, cursor: more ? next : '' })}`, 'list'),
      more ? null : counts(),
    ]);
    if (mine !== asked) return;
    const known = new Set(rows.map((one) => one.id));
    rows = more ? [...rows, ...found.items.filter((one) => !known.has(one.id))] : found.items;
    next = found.next;
    if (!more) {
      news.clear();
      bar();
      if (!keep)
        at = Math.max(
          0,
          rows.findIndex((one) => one.id === opened),
        );
    }
    at = Math.min(at, rows.length - 1);
    chosen = new Set([...chosen].filter((id) => rows.some((one) => one.id === id)));
    draw();
    say('');
    return counted;
  } catch (error) {
    if (error.name === 'AbortError' || mine !== asked) return;
    failed(error, () => load({ more, keep }));
  } finally {
    if (mine === asked) document.querySelector('.dsk-table').removeAttribute('aria-busy');
  }
}

function failed(error, again) {
  if (error.problem?.status === 401) {
    location.href = `${page.sign_in}?${query({ next: location.pathname + location.search })}`;
    return;
  }
  say(
    [
      error.problem?.status === 0 && rows.length
        ? t('No connection. This is the list last seen; it is asked again by itself.')
        : error.message || t('This did not work'),
      ' ',
      h('button', { type: 'button', className: 'link', onclick: again }, t('Try again')),
    ],
    true,
  );
}

async function counts() {
  totals = await ask(
    `/incidents/counts?${query({ ...filters(), until: dayAfter(filters().until), sort: '' })}`,
    'counts',
  );
  for (const tab of $('tabs').children) {
    const n =
      tab.dataset.state === 'open'
        ? totals.open
        : tab.dataset.state === 'all'
          ? totals.all
          : totals.states[tab.dataset.state];
    tab.querySelector('b').textContent = number(n);
    tab.classList.toggle('zero', !n);
  }
  const here = $('tabs').querySelector('[aria-current]');
  if (
    here &&
    (here.offsetLeft < $('tabs').scrollLeft ||
      here.offsetLeft + here.offsetWidth > $('tabs').scrollLeft + $('tabs').clientWidth)
  )
    here.scrollIntoView({ block: 'nearest', inline: 'center' });
  foot();
}

function foot() {
  const all = totals && (state() === 'open' ? totals.open : state() === 'all' ? totals.all : totals.states[state()]);
  $('shown').textContent = rows.length
    ? t('%(n)s shown, %(all)s in all', { n: number(rows.length), all: number(Math.max(all ?? 0, rows.length)) })
    : '';
}

function say(words, bad = false) {
  $('said').classList.toggle('bad', bad);
  $('said').replaceChildren(...[words].flat());
}

const holder = (one) =>
  one.role || one.assigned_to
    ? [h('span', {}, one.assigned_to ?? pick(one, 'role')), one.assigned_to && h('small', {}, pick(one, 'role'))]
    : [
        h(
          'small',
          {},
          one.way === 'order' && one.offered
            ? t('offered to %(n)s', { n: one.offered })
            : one.queue
              ? zh
                ? one.queue.zh
                : one.queue.en
              : t('nobody yet'),
        ),
      ];

function row(one) {
  const result = results.get(one.id);
  return h(
    'tr',
    {
      'data-id': one.id,
      className: fits(one) ? null : 'old',
      'aria-current': one.id === opened ? 'true' : null,
      onclick: (event) => clicked(event, one.id),
    },
    h(
      'td',
      { className: 'dsk-pick' },
      h('input', {
        type: 'checkbox',
        checked: chosen.has(one.id),
        'aria-label': t('Choose %(what)s', { what: `${pick(one, 'category')} ${place(one)}` }),
        onchange: (event) => choose(one.id, event.target.checked),
      }),
    ),
    h('td', { className: 'dsk-clock' }, clockBadge(one)),
    h(
      'td',
      { className: 'dsk-what' },
      h('button', { type: 'button', className: 'dsk-open' }, pick(one, 'category')),
      ...tags(one).filter(Boolean),
      h('small', {}, one.description),
      result && h('p', { className: result.ok ? 'dsk-went' : 'dsk-failed' }, result.words),
    ),
    h('td', { className: 'dsk-where' }, h('span', {}, place(one)), one.address && h('small', {}, gridOf(one))),
    h('td', { className: 'dsk-state' }, h('b', { className: `inc-state ${one.state}` }, stateWords(one.state))),
    h('td', { className: 'dsk-held' }, ...holder(one).filter(Boolean)),
    h('td', { className: 'dsk-when' }, when(one.reported_at)),
  );
}

const fits = (one) => state() === 'all' || state() === one.state || (state() === 'open' && !ENDED.includes(one.state));
function clicked(event, id) {
  const cell = event.target.closest('.dsk-pick');
  if (cell) {
    if (event.target === cell) cell.firstChild.click();
    return;
  } // beside the box, as a thumb does
  show(id);
}

function draw() {
  $('rows').replaceChildren(...rows.map(row));
  const filtered = !$('clear').hidden;
  $('none').hidden = rows.length > 0;
  if (!rows.length) {
    const byOperator = !filtered && !totals?.all && page.unanswered;
    const empty =
      filtered || totals?.all
        ? t('Nothing fits these filters.')
        : byOperator
          ? t('Nothing waits here: every open matter is with somebody of its place. See also:')
          : t('Nothing has been reported here yet.');
    $('none').replaceChildren(
      h('p', {}, empty, byOperator && [' ', h('a', { href: page.unanswered }, t('Places nobody answers for'))]),
      filtered ? h('button', { type: 'button', className: 'inc-do', onclick: clear }, t('Clear the filters')) : '',
    );
  }
  $('more').hidden = !next;
  foot();
  drawBulk();
}

function redraw(one, mark = true) {
  const place = rows.findIndex((other) => other.id === one.id);
  if (place < 0) return false;
  rows[place] = one;
  const old = $('rows').children[place],
    fresh = row(one),
    held = old.contains(document.activeElement);
  old.replaceWith(fresh);
  if (held) fresh.querySelector('.dsk-open').focus({ preventScroll: true });
  fresh.classList.toggle('marked', mark);
  drawBulk();
  return true;
}

// ---- several at once
function choose(id, on) {
  chosen[on ? 'add' : 'delete'](id);
  drawBulk();
}

function drawBulk() {
  const picked = rows.filter((one) => chosen.has(one.id));
  $('bulk').hidden = !picked.length;
  $('all').checked = picked.length > 0 && picked.length === rows.length;
  $('all').indeterminate = picked.length > 0 && picked.length < rows.length;
  if (!picked.length) return;
  const not = new Set([
    'request_extend',
    'request_suspend',
    'request_void',
    'request_limit',
    'take',
    'handle',
    'link',
    'rate',
    'reclassify',
    'reopen',
    'approve_extend',
    'approve_limit',
  ]);
  const names = inOrder(
    picked.map((one) => new Set(useful(one))).reduce((a, b) => new Set([...a].filter((name) => b.has(name)))),
  ).filter((name) => !not.has(name));
  $('bulk').replaceChildren(
    h('b', {}, t('%(n)s chosen', { n: number(picked.length) })),
    ...names.map((name, i) =>
      h(
        'button',
        { type: 'button', className: i ? 'inc-do' : 'inc-go', 'data-move': name, onclick: () => bulk(name, picked) },
        moveWords(name),
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
          chosen.clear();
          draw();
        },
      },
      '×',
    ),
  );
}

async function bulk(name, picked, note = '') {
  if (needsWords(name) && !note) {
    words(name, picked);
    return;
  }
  $('bulk').setAttribute('aria-busy', 'true');
  try {
    const { results: found } = await send('/incidents/moves/bulk', {
      key: newKey(),
      body: { moves: picked.map((one) => ({ id: one.id, version: one.version, move: name, ...(note && { note }) })) },
    });
    results = new Map(
      found.map((one) => [
        one.id,
        {
          ok: one.ok,
          words: one.ok
            ? t('Done: %(move)s', { move: moveWords(name) })
            : t('Not accepted: %(why)s', { why: inWords(one.problem) }),
        },
      ]),
    );
    const bad = found.filter((one) => !one.ok);
    chosen = new Set(bad.map((one) => one.id));
    await refresh(found.map((one) => one.id));
    drawBulk();
    counts().catch(() => {});
    say(
      [
        t('%(move)s: %(n)s done', { move: moveWords(name), n: number(found.length - bad.length) }),
        bad.length ? ` · ${t('%(n)s not done', { n: number(bad.length) })}` : '',
      ],
      bad.length > 0,
    );
    if (opened && found.some((one) => one.id === opened)) show(opened, { quiet: true });
  } catch (error) {
    failed(error, () => bulk(name, picked, note));
  } finally {
    $('bulk').removeAttribute('aria-busy');
  }
}

// the words that a move of several needs, asked for where its button was
function words(name, picked) {
  const note = h('input', {
    maxlength: 2000,
    'aria-label': t('What is there to say'),
    placeholder: t('Say it in a few words: who comes after you reads this.'),
  });
  $('bulk').replaceChildren(
    h('b', {}, `${moveWords(name)} · ${t('%(n)s chosen', { n: number(picked.length) })}`),
    h(
      'form',
      {
        className: 'inc-pair',
        onsubmit: (event) => {
          event.preventDefault();
          if (note.value.trim()) bulk(name, picked, note.value.trim());
          else note.focus();
        },
      },
      note,
      h('button', { type: 'submit', className: 'inc-go' }, moveWords(name)),
      h('button', { type: 'button', className: 'inc-do', onclick: drawBulk }, t('Cancel')),
    ),
  );
  note.focus();
}

async function refresh(ids) {
  if (ids.length > FETCH) {
    await load({ keep: true });
    return;
  }
  await Promise.all(
    ids.map(async (id) => {
      try {
        redraw(await ask(`/incidents/${id}`, `row ${id}`));
      } catch (error) {
        if (error.problem?.status === 404) $('rows').querySelector(`[data-id="${id}"]`)?.classList.add('old');
      }
    }),
  );
}

// ---- one matter: its head, what was said of it, its facts, its moves, and what happened
const part = Object.fromEntries(
  ['head', 'said', 'top', 'moves', 'rest'].map((name) => [
    name,
    h(name === 'head' ? 'header' : 'div', { className: `dsk-${name}-part` }),
  ]),
);
part.said.setAttribute('role', 'alert');
part.ground = $('ground');
part.ground.remove();
part.ground.hidden = false;

async function show(id, { quiet = false } = {}) {
  const again = opened === id;
  opened = id;
  const found = rows.findIndex((one) => one.id === id);
  if (found >= 0) at = found;
  if (!quiet) go({ incident: id }, { replace: true });
  mark();
  document.body.classList.add('dsk-opened');
  if (!again || !full) {
    full = null;
    $('detail').replaceChildren(part.head, part.said, part.top, part.moves, part.ground, part.rest);
    for (const one of [part.moves, part.rest]) one.replaceChildren();
    if (rows[found]) fill(rows[found]);
    else {
      head(null);
      part.top.replaceChildren(h('div', { className: 'skeleton' }, ...[1, 2, 3, 4].map(() => h('i'))));
    }
    $('detail').scrollTop = 0;
    if (phone.matches) $('detail').focus();
  }
  if (!quiet) panelSays('');
  try {
    const one = await ask(`/incidents/${id}`, 'one');
    if (opened !== id) return;
    full = one;
    fill(one);
    redraw(one, false);
  } catch (error) {
    if (error.name === 'AbortError' || opened !== id) return;
    if (error.problem?.status === 404) {
      head(null);
      for (const one of [part.top, part.moves, part.rest]) one.replaceChildren();
      part.ground.remove();
    }
    panelSays([
      error.message,
      ' ',
      h('button', { type: 'button', className: 'dsk-link', onclick: () => show(id) }, t('Try again')),
    ]);
  }
}

function panelSays(what) {
  part.said.replaceChildren(...(what?.length ? [h('p', { className: 'inc-wrong' }, ...[what].flat())] : []));
  if (what?.length) $('detail').scrollTop = 0;
}
function mark() {
  for (const one of $('rows').children) {
    if (one.dataset.id === opened) one.setAttribute('aria-current', 'true');
    else one.removeAttribute('aria-current');
  }
}

function close() {
  const id = opened;
  opened = full = null;
  document.body.classList.remove('dsk-opened');
  $('detail').replaceChildren(h('p', { className: 'dsk-choose' }, t('Choose a matter on the left to see it here.')));
  go({ incident: '' }, { replace: true });
  mark();
  $('rows').querySelector(`[data-id="${id}"] .dsk-open`)?.focus();
}

function head(one) {
  part.head.replaceChildren(
    one ? shape(urgency(one)) : '',
    h('h2', {}, one ? pick(one, 'category') : ''),
    h('button', { type: 'button', className: 'dsk-x', 'aria-label': t('Close'), onclick: close }, '×'),
  );
}

const fact = (name, ...what) => {
  const said = what.flat().filter((one) => one !== null && one !== undefined && one !== false && one !== '');
  return said.length ? [h('dt', {}, name), h('dd', {}, ...said)] : [];
};
const writing = () => part.moves.querySelector('[data-writing]');

function fill(one) {
  head(one);
  const within = one.areas
    .filter((area) => ['community', 'grid', 'unit'].includes(area.level))
    .map((area) => area.name)
    .join(' › ');
  part.top.replaceChildren(
    h(
      'p',
      { className: 'dsk-line' },
      h('b', { className: `inc-state ${one.state}` }, stateWords(one.state)),
      clockBadge(one),
      ...tags(one).filter(Boolean),
    ),
    one.asked_by
      ? h('p', { className: 'quiet' }, t('asked by %(who)s', { who: one.asked_by.replace(/^(account|program) /, '') }))
      : '',
    h('blockquote', {}, one.description || t('No words given')),
    photoList(one.photos) || '',
    h(
      'dl',
      {},
      ...fact(t('Where'), place(one), within !== place(one) && h('small', {}, within)),
      ...fact(t('Held by'), ...holder(one)),
      ...fact(t('Reported'), when(one.reported_at)),
      ...fact(t('Severity'), SEVERITY_LABELS[one.severity]),
      ...fact(t('Rule'), one.rule),
      ...fact(t('Number'), h('span', { className: 'dsk-number' }, one.id.slice(0, 8))),
    ),
  );
  const typing = contactBox?.contains(document.activeElement) ? document.activeElement : null;
  part.rest.replaceChildren(
    ...kin(one),
    page.may.contacts ? contact(one) : '',
    h(
      'details',
      {},
      h('summary', {}, t('Why it came here')),
      h(
        'ol',
        { className: 'dsk-why' },
        one.how.map((step) => h('li', {}, zh ? step.zh : step.en)),
      ),
    ),
    ...(one.timeline ? [h('h3', {}, t('What happened')), timeline(one.timeline)] : []),
  );
  typing?.focus();
  ground(one);
  if (!writing())
    part.moves.replaceChildren(moveButtons(one, (name, body, photos) => act(one, name, body, photos), EXTRA(one)));
}

// where it is, on the map of the areas
function ground(one) {
  const spot = [one.point.lat, one.point.lon];
  requestAnimationFrame(() => {
    map.invalidateSize({ pan: false });
    map.setView(spot, 17, { animate: false });
    marker?.remove();
    marker = L.marker(spot, {
      interactive: false,
      keyboard: false,
      icon: L.divIcon({ className: 'dsk-pin', iconSize: [32, 32], html: shape(urgency(one)) }),
    }).addTo(map);
  });
}

// what is like it, what it repeats, what repeats it
function kin(one) {
  const other = (id, ...words) =>
    id
      ? h('button', { type: 'button', className: 'dsk-link', onclick: () => show(id) }, ...words)
      : h('span', {}, ...words);
  const like = (one.duplicates ?? []).filter(
    (found) => found.id !== one.id && !one.children.includes(found.id) && found.id !== one.parent,
  );
  return [
    ...(one.parent ? [h('h3', {}, t('Linked')), h('p', {}, other(one.parent, one.parent.slice(0, 8)))] : []),
    ...(one.children.length
      ? [
          h('h3', {}, t('%(n)s linked', { n: one.children.length })),
          h(
            'ul',
            { className: 'dsk-near' },
            one.children.map((id) => h('li', {}, other(id, id.slice(0, 8)))),
          ),
        ]
      : []),
    ...(like.length && !one.parent
      ? [
          h('h3', {}, t('Alike and near')),
          h(
            'ul',
            { className: 'dsk-near' },
            like.map((found) =>
              h(
                'li',
                {},
                other(
                  found.id,
                  stateWords(found.state),
                  ' · ',
                  t('%(n)s m', { n: Math.round(found.distance_m) }),
                  ' · ',
                  when(found.reported_at),
                ),
                found.id &&
                  !ENDED.includes(found.state) &&
                  one.moves.includes('link') &&
                  h(
                    'button',
                    {
                      type: 'button',
                      className: 'inc-do',
                      'data-link': found.id,
                      onclick: () => act(one, 'link', { parent: found.id }, []),
                    },
                    t('Link to it'),
                  ),
              ),
            ),
          ),
        ]
      : []),
  ];
}

// kept while the same matter is open: what happens meanwhile takes no half-written reason away
let contactBox = null;
function contact(one) {
  if (contactBox?.dataset.id === one.id) return contactBox;
  const box = (contactBox = h('div', { 'data-id': one.id }));
  const reason = h('input', {
      type: 'text',
      id: 'contact-reason',
      required: true,
      maxLength: 400,
      autocomplete: 'off',
    }),
    said = h('p', { className: 'quiet', role: 'alert' });
  box.append(
    h(
      'form',
      {
        className: 'dsk-contact',
        onsubmit: async (event) => {
          event.preventDefault();
          try {
            const { contact: found } = await send(`/incidents/${one.id}/contact`, { body: { reason: reason.value } });
            box.replaceChildren(
              h('h3', {}, t('How to reach who reported')),
              h(
                'p',
                {},
                ...(found
                  ? [found.name, found.phone && h('a', { href: `tel:${found.phone}` }, found.phone), found.email]
                      .filter(Boolean)
                      .flatMap((said, i) => (i ? [' · ', said] : [said]))
                  : [t('Nothing was left')]),
              ),
            );
          } catch (error) {
            said.textContent = error.message;
            reason.focus();
          }
        },
      },
      h('label', { for: 'contact-reason' }, t('Why you need the contact (kept for auditors)')),
      reason,
      h('button', { type: 'submit', className: 'inc-do' }, t('Show contact')),
      said,
    ),
  );
  return box;
}

// ---- fields of its own that a move asks for
const standing = (found) =>
  [
    pick(found, 'role'),
    found.stands_in && t('stands in'),
    found.away ? t('on leave') : found.code ? t('%(n)s open', { n: number(found.load) }) : t('vacant'),
    found.metres !== null && t('%(n)s m', { n: number(Math.round(found.metres)) }),
    found.skills && t('has the skill'),
  ]
    .filter(Boolean)
    .join(' · ');

const EXTRA = (one) => ({
  dispatch: async () => {
    const { items: found } = await ask(`/incidents/${one.id}/candidates`, 'candidates').catch(() => ({ items: [] }));
    const there = (person) => person.code && !person.away && person.name !== one.assigned_to;
    const first = (one.skill && found.find((person) => person.skills && there(person))) || found.find(there);
    const choice = (value, words, small, more) =>
      h(
        'label',
        { className: 'dsk-who' },
        h('input', { type: 'radio', name: 'to', value, checked: value === '' }),
        h('span', {}, h('i', {}, words), more && h('em', {}, more), small && h('small', {}, small)),
      );
    const people = found.filter((person) => person.code).sort((a, b) => Number(b === first) - Number(a === first));
    const element = h(
      'fieldset',
      { className: 'dsk-people' },
      h('legend', {}, t('Give it to')),
      choice('', t('As the rule says'), t('whoever the routing rule finds now')),
      one.skill &&
        choice('order', t('Push as an order'), t('whoever claims it first; unclaimed in time it comes back')),
      people.map((person) =>
        choice(
          String(found.indexOf(person)),
          person.name ?? pick(person, 'role'),
          standing(person),
          person === first && t('Suggested'),
        ),
      ),
    );
    return {
      element,
      read: () => {
        const value = element.querySelector('input:checked')?.value;
        if (value === 'order') return { way: 'order' };
        const person = value ? found[Number(value)] : null;
        return person ? { ...(person.code && { to: person.code }), ...(!person.skills && { role: person.role }) } : {};
      },
    };
  },
  reclassify: () => {
    const kind = h('select', { id: 'inc-kind' }, groups(one.category)),
      severity = h(
        'select',
        { id: 'inc-severity' },
        page.severities.map((key) => h('option', { value: key, selected: key === one.severity }, SEVERITY_LABELS[key])),
      );
    return {
      element: h(
        'div',
        {},
        h('label', { for: 'inc-kind' }, t('Kind')),
        kind,
        h('label', { for: 'inc-severity' }, t('Severity')),
        severity,
      ),
      read: () => ({ category: kind.value, severity: severity.value }),
    };
  },
});

const groups = (selected) => {
  const grouped = new Map();
  for (const one of page.categories) grouped.set(pick(one, 'major'), [...(grouped.get(pick(one, 'major')) ?? []), one]);
  return [...grouped].map(([name, all]) =>
    h(
      'optgroup',
      { label: name },
      all.map((one) => h('option', { value: one.code, selected: one.code === selected }, zh ? one.zh : one.en)),
    ),
  );
};

async function act(one, name, body, photos) {
  if (part.moves.hasAttribute('aria-busy')) return;
  part.moves.setAttribute('aria-busy', 'true');
  panelSays('');
  try {
    const found = await send(`/incidents/${one.id}/moves`, {
      key: newKey(),
      version: one.version,
      body: { move: name, ...body },
      photos,
    });
    part.moves.replaceChildren();
    redraw(found);
    counts().catch(() => {});
    say(t('Done: %(move)s', { move: moveWords(name) }));
    if (opened === one.id) await show(one.id, { quiet: true });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (error.problem.status === 409) await conflict(one, error.problem);
    else
      panelSays(error.problem.status === 0 ? t('No connection') : t('Not accepted: %(why)s', { why: error.message }));
  } finally {
    part.moves.removeAttribute('aria-busy');
  }
}

// somebody was faster: what they did, and the matter as it stands now
async function conflict(one, problem) {
  try {
    const now = await ask(`/incidents/${one.id}`, 'one'),
      last = now.timeline.at(-1);
    if (now.version === one.version) {
      panelSays(t('Not accepted: %(why)s', { why: problem.detail }));
      return;
    }
    full = now;
    part.moves.replaceChildren();
    fill(now);
    redraw(now);
    panelSays(
      t('Somebody was faster: %(why)s', {
        why: `${zh ? last.role_zh : last.role} · ${zh ? last.move_zh : last.move_en} → ${stateWords(now.state)}`,
      }),
    );
  } catch {
    panelSays(t('Somebody was faster: %(why)s', { why: problem.detail }));
  }
}

// ---- what is new: rows change where they stand; what would move them waits for the bar
function bar() {
  $('news').hidden = !news.size;
  $('news').textContent = t('%(n)s new: show them', { n: number(news.size) });
}

const heard = new Set();
let soon;
function hear(event) {
  heard.add(event);
  clearTimeout(soon);
  soon = setTimeout(settle, 250);
}

// those of some that the filters let through; an event says no more of its matter than state and category
async function among(ids) {
  const { words: said, area, colour, way, supervised, pending, queue, since, until } = filters();
  if (!ids.length || ![said, area, colour, way, supervised, pending, queue, since, until].some(Boolean)) return ids;
  const found = await ask(`/incidents?${wanted()}&${query({ limit: PAGE })}`, 'among').catch(() => ({ items: [] }));
  return ids.filter((id) => found.items.some((one) => one.id === id));
}

async function settle() {
  const events = [...heard];
  heard.clear();
  if (events.includes(null)) news.set('gap', true);
  const last = new Map(events.filter(Boolean).map((event) => [event.id, event]));
  const own = [],
    fresh = [];
  for (const [id, event] of last) {
    const known = rows.find((one) => one.id === id);
    if (known) {
      if (known.version < event.version) own.push(id);
    } else if (fits(event) && (!filters().category || event.category.startsWith(filters().category)) && !news.has(id))
      fresh.push(id);
    if (id === opened && (full?.version ?? 0) < event.version && !part.moves.hasAttribute('aria-busy')) {
      if (writing())
        panelSays([
          `${t('changed')}: ${stateWords(event.state)} `,
          h(
            'button',
            {
              type: 'button',
              className: 'dsk-link',
              onclick: () => {
                part.moves.replaceChildren();
                panelSays('');
                show(id, { quiet: true });
              },
            },
            t('Try again'),
          ),
        ]);
      else show(id, { quiet: true });
    }
  }
  counts().catch(() => {});
  (await among(fresh)).forEach((id) => news.set(id, true));
  if (own.length > FETCH) own.forEach((id) => news.set(id, true));
  else await refresh(own);
  bar();
}

// ---- by hand
const clear = () => {
  go(Object.fromEntries(FIELDS.map((name) => [name, ''])));
  again();
};
const again = () => {
  showFilters();
  load();
};
let typing;
$('filters').addEventListener('submit', (event) => event.preventDefault());
$('filters').addEventListener('input', ({ target }) => {
  clearTimeout(typing);
  const apply = () => {
    go({ [target.name]: target.value.trim() }, { replace: target.name === 'words' });
    again();
  };
  if (target.name === 'words') typing = setTimeout(apply, 350);
  else apply();
});
$('tabs').append(
  ...TABS.map((name) =>
    h(
      'button',
      {
        type: 'button',
        'data-state': name,
        onclick: () => {
          go({ state: name === 'open' ? '' : name });
          again();
        },
      },
      name === 'open' ? t('Open') : name === 'all' ? t('All states') : stateWords(name),
      h('b', {}),
    ),
  ),
);
$('clear').addEventListener('click', clear);
$('more').addEventListener('click', () => load({ more: true }));
$('news').addEventListener('click', () => load({ keep: true }));
$('all').addEventListener('change', ({ target }) => {
  chosen = new Set(target.checked ? rows.map((one) => one.id) : []);
  draw();
});
addEventListener('popstate', () => {
  const id = address().get('incident');
  again();
  if (id && id !== opened) show(id, { quiet: true });
  else if (!id && opened) close();
});

addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
  if (event.key === 'Escape' && writing()) {
    writing().querySelector('.inc-form .inc-do[type=button]')?.click();
    return;
  }
  if (event.target.closest('textarea, select, input:not([type="checkbox"])')) {
    if (event.key === 'Escape') event.target.blur();
    return;
  }
  const step = { j: 1, k: -1 }[event.key];
  if (step && rows.length) {
    at = Math.min(rows.length - 1, Math.max(0, at + step));
    mark();
    const link = $('rows').children[at].querySelector('.dsk-open');
    link.focus({ preventScroll: true });
    link.closest('tr').scrollIntoView({ block: 'nearest' });
    if (opened && !writing() && !phone.matches) show(rows[at].id);
  } else if (event.key === 'Enter' && rows[at] && (event.target === document.body || event.target.closest('tr'))) {
    event.preventDefault();
    show(rows[at].id);
  } else if (event.key === 'x' && rows[at]) {
    choose(rows[at].id, !chosen.has(rows[at].id));
    $('rows').children[at].querySelector('input').checked = chosen.has(rows[at].id);
  } else if (event.key === '/') {
    event.preventDefault();
    $('filters').elements.words.focus();
  } else if (event.key === 'r' && news.size) load({ keep: true });
  else if (event.key === '?') $('help').showModal();
  else if (event.key === 'Escape' && opened) close();
});

// ---- begin
$('filters').elements.area.append(
  h('option', { value: '' }, t('All areas')),
  ...page.areas.map((one) => h('option', { value: one.code }, '\u3000'.repeat(one.depth) + one.name)),
);
$('filters').elements.category.append(h('option', { value: '' }, t('All kinds')), ...groups());
for (const way of [map.scrollWheelZoom, map.keyboard]) way.disable();
showFilters();
const first = address().get('incident');
await load();
if (first) show(first, { quiet: true });
live(hear);
// the clocks of the rows run on, also where nothing happens; nothing moves
setInterval(async () => {
  if (document.hidden || !rows.length || part.moves.hasAttribute('aria-busy')) return;
  const found = await ask(
    `/incidents?${wanted()}&${query({ limit: Math.min(200, Math.max(PAGE, rows.length)) })}`,
    'tick',
  ).catch(() => null);
  for (const one of found?.items ?? []) {
    const place = rows.findIndex((other) => other.id === one.id);
    if (place >= 0 && rows[place].version <= one.version) {
      rows[place] = one;
      $('rows').children[place].querySelector('.dsk-clock').replaceChildren(clockBadge(one));
    }
  }
}, EVERY);
document.body.dataset.ready = 'yes';
