// The dispatcher's desk: what is open, filtered by what the address says, one matter beside it, and what can be done.
import { $, h, page, phone } from '../../shared/dom.js';
import { number, t, zh } from '../../shared/i18n.js';
import { request, errorText, query, RequestError } from '../../shared/request.js';
import {
  clockBadge,
  gridOf,
  subscribe,
  moveButtons,
  needsNote,
  newKey,
  photoList,
  inLanguage,
  locationText,
  send,
  shape,
  tags,
  timeline,
  urgency,
  useful,
  when,
} from '../../shared/incident.js';
import { inOfferedOrder, isEnded, moveLabel, moveOf, stateLabel, stateOf, states } from '../../shared/workflow.js';

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
const TABS = ['open', ...states.map((state) => state.key), 'all'];
const { map } = window.wangge;
const news = new Map();
let rows = [],
  next = null,
  chosen = new Set(),
  at = -1,
  opened = null,
  full = null,
  results = new Map(),
  requestCount = 0,
  totals = null,
  marker = null;

// ---- the address: every filter, the state and the open matter
const address = () => new URLSearchParams(location.search);
const state = () => {
  const value = address().get('state') || 'open';
  return TABS.includes(value) ? value : 'open';
};
const filters = () => Object.fromEntries(FIELDS.map((name) => [name, address().get(name) ?? '']));
// as the API has them: `until` is a moment, the field's day is still within
const dayAfter = (day) => day && new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10);
const listQuery = () => {
  const values = filters();
  return query({
    ...values,
    until: dayAfter(values.until),
    state: state() === 'all' ? '' : state(),
    sort: values.sort || (isEnded(state()) || state() === 'all' ? 'newest' : 'urgent'),
  });
};

function updateAddress(changes, { replace = false } = {}) {
  const values = { state: state() === 'open' ? '' : state(), ...filters(), incident: opened ?? '', ...changes };
  const search = query(values);
  history[replace ? 'replaceState' : 'pushState'](null, '', search ? `?${search}` : location.pathname);
}

function showFilters() {
  const values = filters(),
    now = state();
  for (const name of FIELDS) {
    const field = $('filters').elements[name],
      value = values[name];
    if (field !== document.activeElement || field.tagName === 'SELECT') field.value = value;
  }
  const set = FIELDS.filter((name) => name !== 'sort' && values[name]).length;
  const extraCount = FIELDS.filter(
    (name) => values[name] && $('more-filters').contains($('filters').elements[name]),
  ).length;
  $('clear').hidden = !set;
  $('more-count').textContent = extraCount ? number(extraCount) : '';
  for (const tab of $('tabs').children) {
    if (tab.dataset.state === now) tab.setAttribute('aria-current', 'page');
    else tab.removeAttribute('aria-current');
  }
}

// ---- the list
async function load({ append = false, keep = false } = {}) {
  const requestNumber = ++requestCount;
  document.querySelector('.dsk-table').setAttribute('aria-busy', 'true');
  if (!append && !keep) {
    chosen.clear();
    results.clear();
  }
  try {
    const [answer, counted] = await Promise.all([
      request(`/incidents?${listQuery()}&${query({ limit: PAGE, cursor: append ? next : '' })}`, 'list'),
      append ? null : counts(),
    ]);
    if (requestNumber !== requestCount) return;
    const listed = new Set(rows.map((incident) => incident.id));
    rows = append ? [...rows, ...answer.items.filter((incident) => !listed.has(incident.id))] : answer.items;
    next = answer.next;
    if (!append) {
      news.clear();
      bar();
      if (!keep)
        at = Math.max(
          0,
          rows.findIndex((incident) => incident.id === opened),
        );
    }
    at = Math.min(at, rows.length - 1);
    chosen = new Set([...chosen].filter((id) => rows.some((incident) => incident.id === id)));
    draw();
    showStatus('');
    return counted;
  } catch (error) {
    if (error.name === 'AbortError' || requestNumber !== requestCount) return;
    failed(error, () => load({ append, keep }));
  } finally {
    if (requestNumber === requestCount) document.querySelector('.dsk-table').removeAttribute('aria-busy');
  }
}

function failed(error, retry) {
  if (error.problem?.status === 401) {
    location.href = `${page.sign_in}?${query({ next: location.pathname + location.search })}`;
    return;
  }
  showStatus(
    [
      error.problem?.status === 0 && rows.length
        ? t('No connection. This is the list last seen; it is asked again by itself.')
        : error.message || t('This did not work'),
      ' ',
      h('button', { type: 'button', className: 'link', onclick: retry }, t('Try again')),
    ],
    true,
  );
}

async function counts() {
  totals = await request(
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
  const current = $('tabs').querySelector('[aria-current]');
  if (
    current &&
    (current.offsetLeft < $('tabs').scrollLeft ||
      current.offsetLeft + current.offsetWidth > $('tabs').scrollLeft + $('tabs').clientWidth)
  )
    current.scrollIntoView({ block: 'nearest', inline: 'center' });
  foot();
}

function foot() {
  const all = totals && (state() === 'open' ? totals.open : state() === 'all' ? totals.all : totals.states[state()]);
  $('list-count').textContent = rows.length
    ? t('%(n)s shown, %(all)s in all', { n: number(rows.length), all: number(Math.max(all ?? 0, rows.length)) })
    : '';
}

function showStatus(content, bad = false) {
  $('status').classList.toggle('bad', bad);
  $('status').replaceChildren(...[content].flat());
}

const holder = (incident) =>
  incident.role || incident.assigned_to
    ? [
        h('span', {}, incident.assigned_to ?? inLanguage(incident, 'role')),
        incident.assigned_to && h('small', {}, inLanguage(incident, 'role')),
      ]
    : [
        h(
          'small',
          {},
          incident.way === 'order' && incident.offered
            ? t('offered to %(n)s', { n: incident.offered })
            : incident.queue
              ? zh
                ? incident.queue.zh
                : incident.queue.en
              : t('nobody yet'),
        ),
      ];

function row(incident) {
  const result = results.get(incident.id);
  return h(
    'tr',
    {
      'data-id': incident.id,
      className: fits(incident) ? null : 'old',
      'aria-current': incident.id === opened ? 'true' : null,
      onclick: (event) => clicked(event, incident.id),
    },
    h(
      'td',
      { className: 'dsk-pick' },
      h('input', {
        type: 'checkbox',
        checked: chosen.has(incident.id),
        'aria-label': t('Choose %(what)s', { what: `${inLanguage(incident, 'category')} ${locationText(incident)}` }),
        onchange: (event) => choose(incident.id, event.target.checked),
      }),
    ),
    h('td', { className: 'dsk-clock' }, clockBadge(incident)),
    h(
      'td',
      { className: 'dsk-what' },
      h('button', { type: 'button', className: 'dsk-open' }, inLanguage(incident, 'category')),
      ...tags(incident).filter(Boolean),
      h('small', {}, incident.description),
      result && h('p', { className: result.ok ? 'dsk-went' : 'dsk-failed' }, result.words),
    ),
    h(
      'td',
      { className: 'dsk-where' },
      h('span', {}, locationText(incident)),
      incident.address && h('small', {}, gridOf(incident)),
    ),
    h(
      'td',
      { className: 'dsk-state' },
      h('b', { className: `inc-state ${stateOf(incident.state).tone}` }, stateLabel(incident.state)),
    ),
    h('td', { className: 'dsk-held' }, ...holder(incident).filter(Boolean)),
    h('td', { className: 'dsk-when' }, when(incident.reported_at)),
  );
}

const fits = (incident) =>
  state() === 'all' || state() === incident.state || (state() === 'open' && !isEnded(incident.state));
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

function redraw(incident, mark = true) {
  const index = rows.findIndex((other) => other.id === incident.id);
  if (index < 0) return false;
  rows[index] = incident;
  const old = $('rows').children[index],
    replacement = row(incident),
    hadFocus = old.contains(document.activeElement);
  old.replaceWith(replacement);
  if (hadFocus) replacement.querySelector('.dsk-open').focus({ preventScroll: true });
  replacement.classList.toggle('marked', mark);
  drawBulk();
  return true;
}

// ---- several at once
function choose(id, isChosen) {
  chosen[isChosen ? 'add' : 'delete'](id);
  drawBulk();
}

function drawBulk() {
  const picked = rows.filter((incident) => chosen.has(incident.id));
  $('bulk').hidden = !picked.length;
  $('all').checked = picked.length > 0 && picked.length === rows.length;
  $('all').indeterminate = picked.length > 0 && picked.length < rows.length;
  if (!picked.length) return;
  const names = inOfferedOrder(
    picked.map((incident) => new Set(useful(incident))).reduce((a, b) => new Set([...a].filter((name) => b.has(name)))),
  ).filter((name) => moveOf(name).bulk);
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
          chosen.clear();
          draw();
        },
      },
      '×',
    ),
  );
}

async function bulk(name, picked, note = '') {
  if (needsNote(name) && !note) {
    askForNote(name, picked);
    return;
  }
  $('bulk').setAttribute('aria-busy', 'true');
  try {
    const { results: outcomes } = await send('/incidents/moves/bulk', {
      key: newKey(),
      body: {
        moves: picked.map((incident) => ({
          id: incident.id,
          version: incident.version,
          move: name,
          ...(note && { note }),
        })),
      },
    });
    results = new Map(
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
    chosen = new Set(bad.map((incident) => incident.id));
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
    if (opened && outcomes.some((incident) => incident.id === opened)) show(opened, { quiet: true });
  } catch (error) {
    failed(error, () => bulk(name, picked, note));
  } finally {
    $('bulk').removeAttribute('aria-busy');
  }
}

// the words that a move of several needs, asked for where its button was
function askForNote(name, picked) {
  const note = h('input', {
    maxlength: 2000,
    'aria-label': t('What is there to say'),
    placeholder: t('Say it in a few words: who comes after you reads this.'),
  });
  $('bulk').replaceChildren(
    h('b', {}, `${moveLabel(name)} · ${t('%(n)s chosen', { n: number(picked.length) })}`),
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
      h('button', { type: 'submit', className: 'inc-go' }, moveLabel(name)),
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
        redraw(await request(`/incidents/${id}`, `row ${id}`));
      } catch (error) {
        if (error.problem?.status === 404) $('rows').querySelector(`[data-id="${id}"]`)?.classList.add('old');
      }
    }),
  );
}

// ---- one matter: its head, what was said of it, its facts, its moves, and what happened
const part = Object.fromEntries(
  ['head', 'status', 'top', 'moves', 'facts'].map((name) => [
    name,
    h(name === 'head' ? 'header' : 'div', { className: `dsk-${name}-part` }),
  ]),
);
part.status.setAttribute('role', 'alert');
part.ground = $('ground');
part.ground.remove();
part.ground.hidden = false;

async function show(id, { quiet = false } = {}) {
  const sameIncident = opened === id;
  opened = id;
  const index = rows.findIndex((incident) => incident.id === id);
  if (index >= 0) at = index;
  if (!quiet) updateAddress({ incident: id }, { replace: true });
  mark();
  document.body.classList.add('dsk-opened');
  if (!sameIncident || !full) {
    full = null;
    $('detail').replaceChildren(part.head, part.status, part.top, part.moves, part.ground, part.facts);
    for (const element of [part.moves, part.facts]) element.replaceChildren();
    if (rows[index]) fill(rows[index]);
    else {
      head(null);
      part.top.replaceChildren(h('div', { className: 'skeleton' }, ...[1, 2, 3, 4].map(() => h('i'))));
    }
    $('detail').scrollTop = 0;
    if (phone.matches) $('detail').focus();
  }
  if (!quiet) panelSays('');
  try {
    const incident = await request(`/incidents/${id}`, 'one');
    if (opened !== id) return;
    full = incident;
    fill(incident);
    redraw(incident, false);
  } catch (error) {
    if (error.name === 'AbortError' || opened !== id) return;
    if (error.problem?.status === 404) {
      head(null);
      for (const element of [part.top, part.moves, part.facts]) element.replaceChildren();
      part.ground.remove();
    }
    panelSays([
      error.message,
      ' ',
      h('button', { type: 'button', className: 'dsk-link', onclick: () => show(id) }, t('Try again')),
    ]);
  }
}

function panelSays(content) {
  part.status.replaceChildren(...(content?.length ? [h('p', { className: 'inc-wrong' }, ...[content].flat())] : []));
  if (content?.length) $('detail').scrollTop = 0;
}
function mark() {
  for (const tableRow of $('rows').children) {
    if (tableRow.dataset.id === opened) tableRow.setAttribute('aria-current', 'true');
    else tableRow.removeAttribute('aria-current');
  }
}

function close() {
  const id = opened;
  opened = full = null;
  document.body.classList.remove('dsk-opened');
  $('detail').replaceChildren(h('p', { className: 'dsk-choose' }, t('Choose a matter on the left to see it here.')));
  updateAddress({ incident: '' }, { replace: true });
  mark();
  $('rows').querySelector(`[data-id="${id}"] .dsk-open`)?.focus();
}

function head(incident) {
  part.head.replaceChildren(
    incident ? shape(urgency(incident)) : '',
    h('h2', {}, incident ? inLanguage(incident, 'category') : ''),
    h('button', { type: 'button', className: 'dsk-x', 'aria-label': t('Close'), onclick: close }, '×'),
  );
}

const fact = (name, ...content) => {
  const parts = content.flat().filter((item) => item !== null && item !== undefined && item !== false && item !== '');
  return parts.length ? [h('dt', {}, name), h('dd', {}, ...parts)] : [];
};
const writing = () => part.moves.querySelector('[data-writing]');

function fill(incident) {
  head(incident);
  const within = incident.areas
    .filter((area) => ['community', 'grid', 'unit'].includes(area.level))
    .map((area) => area.name)
    .join(' › ');
  part.top.replaceChildren(
    h(
      'p',
      { className: 'dsk-line' },
      h('b', { className: `inc-state ${stateOf(incident.state).tone}` }, stateLabel(incident.state)),
      clockBadge(incident),
      ...tags(incident).filter(Boolean),
    ),
    incident.asked_by
      ? h(
          'p',
          { className: 'quiet' },
          t('asked by %(who)s', { who: incident.asked_by.replace(/^(account|program) /, '') }),
        )
      : '',
    h('blockquote', {}, incident.description || t('No words given')),
    photoList(incident.photos) || '',
    h(
      'dl',
      {},
      ...fact(t('Where'), locationText(incident), within !== locationText(incident) && h('small', {}, within)),
      ...fact(t('Held by'), ...holder(incident)),
      ...fact(t('Reported'), when(incident.reported_at)),
      ...fact(t('Severity'), SEVERITY_LABELS[incident.severity]),
      ...fact(t('Rule'), incident.rule),
      ...fact(t('Number'), h('span', { className: 'dsk-number' }, incident.id.slice(0, 8))),
    ),
  );
  const typing = contactBox?.contains(document.activeElement) ? document.activeElement : null;
  part.facts.replaceChildren(
    ...kin(incident),
    page.may.contacts ? contact(incident) : '',
    h(
      'details',
      {},
      h('summary', {}, t('Why it came here')),
      h(
        'ol',
        { className: 'dsk-why' },
        incident.how.map((step) => h('li', {}, zh ? step.zh : step.en)),
      ),
    ),
    ...(incident.timeline ? [h('h3', {}, t('What happened')), timeline(incident.timeline)] : []),
  );
  typing?.focus();
  ground(incident);
  if (!writing())
    part.moves.replaceChildren(
      moveButtons(incident, (name, body, photos) => act(incident, name, body, photos), EXTRA(incident)),
    );
}

// where it is, on the map of the areas
function ground(incident) {
  const latLng = [incident.point.lat, incident.point.lon];
  requestAnimationFrame(() => {
    map.invalidateSize({ pan: false });
    map.setView(latLng, 17, { animate: false });
    marker?.remove();
    marker = L.marker(latLng, {
      interactive: false,
      keyboard: false,
      icon: L.divIcon({ className: 'dsk-pin', iconSize: [32, 32], html: shape(urgency(incident)) }),
    }).addTo(map);
  });
}

// what is like it, what it repeats, what repeats it
function kin(incident) {
  const other = (id, ...content) =>
    id
      ? h('button', { type: 'button', className: 'dsk-link', onclick: () => show(id) }, ...content)
      : h('span', {}, ...content);
  const like = (incident.duplicates ?? []).filter(
    (duplicate) =>
      duplicate.id !== incident.id && !incident.children.includes(duplicate.id) && duplicate.id !== incident.parent,
  );
  return [
    ...(incident.parent
      ? [h('h3', {}, t('Linked')), h('p', {}, other(incident.parent, incident.parent.slice(0, 8)))]
      : []),
    ...(incident.children.length
      ? [
          h('h3', {}, t('%(n)s linked', { n: incident.children.length })),
          h(
            'ul',
            { className: 'dsk-near' },
            incident.children.map((id) => h('li', {}, other(id, id.slice(0, 8)))),
          ),
        ]
      : []),
    ...(like.length && !incident.parent
      ? [
          h('h3', {}, t('Alike and near')),
          h(
            'ul',
            { className: 'dsk-near' },
            like.map((duplicate) =>
              h(
                'li',
                {},
                other(
                  duplicate.id,
                  stateLabel(duplicate.state),
                  ' · ',
                  t('%(n)s m', { n: Math.round(duplicate.distance_m) }),
                  ' · ',
                  when(duplicate.reported_at),
                ),
                duplicate.id &&
                  !isEnded(duplicate.state) &&
                  incident.moves.includes('link') &&
                  h(
                    'button',
                    {
                      type: 'button',
                      className: 'inc-do',
                      'data-link': duplicate.id,
                      onclick: () => act(incident, 'link', { parent: duplicate.id }, []),
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
function contact(incident) {
  if (contactBox?.dataset.id === incident.id) return contactBox;
  const container = (contactBox = h('div', { 'data-id': incident.id }));
  const reason = h('input', {
      type: 'text',
      id: 'contact-reason',
      required: true,
      maxLength: 400,
      autocomplete: 'off',
    }),
    status = h('p', { className: 'quiet', role: 'alert' });
  container.append(
    h(
      'form',
      {
        className: 'dsk-contact',
        onsubmit: async (event) => {
          event.preventDefault();
          try {
            const { contact: reporter } = await send(`/incidents/${incident.id}/contact`, {
              body: { reason: reason.value },
            });
            container.replaceChildren(
              h('h3', {}, t('How to reach who reported')),
              h(
                'p',
                {},
                ...(reporter
                  ? [
                      reporter.name,
                      reporter.phone && h('a', { href: `tel:${reporter.phone}` }, reporter.phone),
                      reporter.email,
                    ]
                      .filter(Boolean)
                      .flatMap((item, i) => (i ? [' · ', item] : [item]))
                  : [t('Nothing was left')]),
              ),
            );
          } catch (error) {
            status.textContent = error.message;
            reason.focus();
          }
        },
      },
      h('label', { for: 'contact-reason' }, t('Why you need the contact (kept for auditors)')),
      reason,
      h('button', { type: 'submit', className: 'inc-do' }, t('Show contact')),
      status,
    ),
  );
  return container;
}

// ---- fields of its own that a move asks for
const standing = (candidate) =>
  [
    inLanguage(candidate, 'role'),
    candidate.stands_in && t('stands in'),
    candidate.away ? t('on leave') : candidate.code ? t('%(n)s open', { n: number(candidate.load) }) : t('vacant'),
    candidate.metres !== null && t('%(n)s m', { n: number(Math.round(candidate.metres)) }),
    candidate.skills && t('has the skill'),
  ]
    .filter(Boolean)
    .join(' · ');

const EXTRA = (incident) => ({
  dispatch: async () => {
    const { items: candidates } = await request(`/incidents/${incident.id}/candidates`, 'candidates').catch(() => ({
      items: [],
    }));
    const isAvailable = (person) => person.code && !person.away && person.name !== incident.assigned_to;
    const suggestion =
      (incident.skill && candidates.find((person) => person.skills && isAvailable(person))) ||
      candidates.find(isAvailable);
    const choice = (value, label, small, mark) =>
      h(
        'label',
        { className: 'dsk-who' },
        h('input', { type: 'radio', name: 'to', value, checked: value === '' }),
        h('span', {}, h('i', {}, label), mark && h('em', {}, mark), small && h('small', {}, small)),
      );
    const people = candidates
      .filter((person) => person.code)
      .sort((a, b) => Number(b === suggestion) - Number(a === suggestion));
    const element = h(
      'fieldset',
      { className: 'dsk-people' },
      h('legend', {}, t('Give it to')),
      choice('', t('As the rule says'), t('whoever the routing rule finds now')),
      incident.skill &&
        choice('order', t('Push as an order'), t('whoever claims it first; unclaimed in time it comes back')),
      people.map((person) =>
        choice(
          String(candidates.indexOf(person)),
          person.name ?? inLanguage(person, 'role'),
          standing(person),
          person === suggestion && t('Suggested'),
        ),
      ),
    );
    return {
      element,
      read: () => {
        const value = element.querySelector('input:checked')?.value;
        if (value === 'order') return { way: 'order' };
        const person = value ? candidates[Number(value)] : null;
        return person ? { ...(person.code && { to: person.code }), ...(!person.skills && { role: person.role }) } : {};
      },
    };
  },
  reclassify: () => {
    const kind = h('select', { id: 'inc-kind' }, groups(incident.category)),
      severity = h(
        'select',
        { id: 'inc-severity' },
        page.severities.map((key) =>
          h('option', { value: key, selected: key === incident.severity }, SEVERITY_LABELS[key]),
        ),
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
  for (const category of page.categories)
    grouped.set(inLanguage(category, 'major'), [...(grouped.get(inLanguage(category, 'major')) ?? []), category]);
  return [...grouped].map(([name, all]) =>
    h(
      'optgroup',
      { label: name },
      all.map((category) =>
        h('option', { value: category.code, selected: category.code === selected }, zh ? category.zh : category.en),
      ),
    ),
  );
};

async function act(incident, name, body, photos) {
  if (part.moves.hasAttribute('aria-busy')) return;
  part.moves.setAttribute('aria-busy', 'true');
  panelSays('');
  try {
    const moved = await send(`/incidents/${incident.id}/moves`, {
      key: newKey(),
      version: incident.version,
      body: { move: name, ...body },
      photos,
    });
    part.moves.replaceChildren();
    redraw(moved);
    counts().catch(() => {});
    showStatus(t('Done: %(move)s', { move: moveLabel(name) }));
    if (opened === incident.id) await show(incident.id, { quiet: true });
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    if (error.problem.status === 409) await conflict(incident, error.problem);
    else
      panelSays(error.problem.status === 0 ? t('No connection') : t('Not accepted: %(why)s', { why: error.message }));
  } finally {
    part.moves.removeAttribute('aria-busy');
  }
}

// somebody was faster: what they did, and the matter as it stands now
async function conflict(incident, problem) {
  try {
    const now = await request(`/incidents/${incident.id}`, 'one'),
      last = now.timeline.at(-1);
    if (now.version === incident.version) {
      panelSays(t('Not accepted: %(why)s', { why: problem.detail }));
      return;
    }
    full = now;
    part.moves.replaceChildren();
    fill(now);
    redraw(now);
    panelSays(
      t('Someone else updated this first: %(reason)s', {
        reason: `${zh ? last.role_zh : last.role} · ${zh ? last.move_zh : last.move_en} → ${stateLabel(now.state)}`,
      }),
    );
  } catch {
    panelSays(t('Someone else updated this first: %(reason)s', { reason: problem.detail }));
  }
}

// ---- what is new: rows change where they stand; what would move them waits for the bar
function bar() {
  $('news').hidden = !news.size;
  $('news').textContent = t('%(n)s new: show them', { n: number(news.size) });
}

const pendingEvents = new Set();
let soon;
function hear(event) {
  pendingEvents.add(event);
  clearTimeout(soon);
  soon = setTimeout(settle, 250);
}

// those of some that the filters let through; an event says no more of its matter than state and category
async function among(ids) {
  const { words: search, area, colour, way, supervised, pending, queue, since, until } = filters();
  if (!ids.length || ![search, area, colour, way, supervised, pending, queue, since, until].some(Boolean)) return ids;
  const matches = await request(`/incidents?${listQuery()}&${query({ limit: PAGE })}`, 'among').catch(() => ({
    items: [],
  }));
  return ids.filter((id) => matches.items.some((incident) => incident.id === id));
}

async function settle() {
  const events = [...pendingEvents];
  pendingEvents.clear();
  if (events.includes(null)) news.set('gap', true);
  const last = new Map(events.filter(Boolean).map((event) => [event.id, event]));
  const changed = [],
    added = [];
  for (const [id, event] of last) {
    const listed = rows.find((incident) => incident.id === id);
    if (listed) {
      if (listed.version < event.version) changed.push(id);
    } else if (fits(event) && (!filters().category || event.category.startsWith(filters().category)) && !news.has(id))
      added.push(id);
    if (id === opened && (full?.version ?? 0) < event.version && !part.moves.hasAttribute('aria-busy')) {
      if (writing())
        panelSays([
          `${t('changed')}: ${stateLabel(event.state)} `,
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
  (await among(added)).forEach((id) => news.set(id, true));
  if (changed.length > FETCH) changed.forEach((id) => news.set(id, true));
  else await refresh(changed);
  bar();
}

// ---- by hand
const clear = () => {
  updateAddress(Object.fromEntries(FIELDS.map((name) => [name, ''])));
  reload();
};
const reload = () => {
  showFilters();
  load();
};
let typing;
$('filters').addEventListener('submit', (event) => event.preventDefault());
$('filters').addEventListener('input', ({ target }) => {
  clearTimeout(typing);
  const apply = () => {
    updateAddress({ [target.name]: target.value.trim() }, { replace: target.name === 'words' });
    reload();
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
          updateAddress({ state: name === 'open' ? '' : name });
          reload();
        },
      },
      name === 'open' ? t('Open') : name === 'all' ? t('All states') : stateLabel(name),
      h('b', {}),
    ),
  ),
);
$('clear').addEventListener('click', clear);
$('more').addEventListener('click', () => load({ append: true }));
$('news').addEventListener('click', () => load({ keep: true }));
$('all').addEventListener('change', ({ target }) => {
  chosen = new Set(target.checked ? rows.map((incident) => incident.id) : []);
  draw();
});
addEventListener('popstate', () => {
  const id = address().get('incident');
  reload();
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
  ...page.areas.map((area) => h('option', { value: area.code }, '\u3000'.repeat(area.depth) + area.name)),
);
$('filters').elements.category.append(h('option', { value: '' }, t('All kinds')), ...groups());
for (const way of [map.scrollWheelZoom, map.keyboard]) way.disable();
showFilters();
const initialIncident = address().get('incident');
await load();
if (initialIncident) show(initialIncident, { quiet: true });
subscribe(hear);
// the clocks of the rows run on, also where nothing happens; nothing moves
setInterval(async () => {
  if (document.hidden || !rows.length || part.moves.hasAttribute('aria-busy')) return;
  const answer = await request(
    `/incidents?${listQuery()}&${query({ limit: Math.min(200, Math.max(PAGE, rows.length)) })}`,
    'tick',
  ).catch(() => null);
  for (const incident of answer?.items ?? []) {
    const index = rows.findIndex((other) => other.id === incident.id);
    if (index >= 0 && rows[index].version <= incident.version) {
      rows[index] = incident;
      $('rows').children[index].querySelector('.dsk-clock').replaceChildren(clockBadge(incident));
    }
  }
}, EVERY);
document.body.dataset.ready = 'yes';
