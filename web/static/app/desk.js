// The dispatcher's desk: what is open, filtered by what the address says, one matter beside it, and what can be done.
import { $, Refused, ask, h, number, page, phone, query, t, zh } from './dom.js';
import { clockBadge, gridOf, inOrder, live, moveButtons, moveWords, needsWords, newKey, photoList, pick, place, send, shape, stateWords, tags, timeline, urgency, when } from './incident.js';

const { map } = window.wangge;
const EVERY = 60_000, PAGE = 60, FETCH = 12; // rows fetched one by one when they change; more of them wait for the bar
const FIELDS = ['words', 'area', 'category', 'colour', 'way', 'supervised', 'pending', 'since', 'until', 'sort'];
const ENDED = ['closed', 'void'];
let rows = [], next = null, chosen = new Set(), at = -1, opened = null, full = null, news = new Map(), results = new Map(), asked = 0, marker = null;

// ---- the address: every filter, the state and the open matter
const address = () => new URLSearchParams(location.search);
const state = () => { const given = address().get('state') || 'open'; return page.tabs.includes(given) ? given : 'open'; };
const filters = () => Object.fromEntries(FIELDS.map((name) => [name, address().get(name) ?? '']));
const wanted = () => { const found = filters(); return query({ ...found, sort: found.sort || (ENDED.includes(state()) ? 'newest' : 'urgent') }); };

function go(changes, { replace = false } = {}) {
  const found = { state: state() === 'open' ? '' : state(), ...filters(), incident: opened ?? '', ...changes };
  const words = query(found);
  history[replace ? 'replaceState' : 'pushState'](null, '', words ? `?${words}` : location.pathname);
}

function showFilters() {
  const found = filters(), now = state();
  for (const name of FIELDS) {
    const field = $('filters').elements[name];
    if (field.type === 'checkbox') field.checked = found[name] === 'true';
    else if (field !== document.activeElement || field.value !== found[name]) field.value = found[name];
  }
  const set = FIELDS.filter((name) => name !== 'sort' && found[name]).length;
  $('clear').hidden = !set;
  $('more-filters').querySelector('b').textContent = set ? number(set) : '';
  for (const tab of $('tabs').children) {
    if (tab.dataset.state === now) { tab.setAttribute('aria-current', 'page'); tab.scrollIntoView({ block: 'nearest', inline: 'nearest' }); } else tab.removeAttribute('aria-current');
    tab.href = `?${query({ ...found, state: tab.dataset.state })}`;
  }
}

// ---- the list
async function load({ more = false, keep = false } = {}) {
  const mine = ++asked;
  document.querySelector('.dsk-table').setAttribute('aria-busy', 'true');
  if (!more && !keep) { chosen.clear(); results.clear(); }
  try {
    const [found, counted] = await Promise.all([
      ask(`/incidents?${wanted()}&${query({ state: state(), limit: PAGE, cursor: more ? next : '' })}`, 'list'),
      more ? null : counts(),
    ]);
    if (mine !== asked) return;
    const known = new Set(rows.map((one) => one.id));
    rows = more ? [...rows, ...found.items.filter((one) => !known.has(one.id))] : found.items;
    next = found.next;
    if (!more) { news.clear(); bar(); if (!keep) at = Math.max(0, rows.findIndex((one) => one.id === opened)); }
    at = Math.min(at, rows.length - 1);
    chosen = new Set([...chosen].filter((id) => rows.some((one) => one.id === id)));
    draw();
    say('');
    return counted;
  } catch (error) {
    if (error.name === 'AbortError' || mine !== asked) return;
    failed(error, () => load({ more, keep }));
  } finally { if (mine === asked) document.querySelector('.dsk-table').removeAttribute('aria-busy'); }
}

function failed(error, again) {
  if (error.problem?.status === 401) { location.href = `${page.sign_in}?${query({ next: location.pathname + location.search })}`; return; }
  say([error.message || t('error'), ' ', h('button', { type: 'button', className: 'link', onclick: again }, t('retry'))], true);
  if (!rows.length) $('rows').replaceChildren(h('tr', { className: 'dsk-none' }, h('td', { colspan: 7 }, t('error'))));
}

async function counts() {
  const found = await ask(`/incidents/counts?${query(filters())}`, 'counts');
  for (const tab of $('tabs').children) tab.querySelector('b').textContent = number(tab.dataset.state === 'open' ? found.open : found.states[tab.dataset.state]);
  $('n-supervised').textContent = number(found.supervised);
  $('n-pending').textContent = number(found.pending);
}

function say(words, bad = false) {
  $('said').hidden = !words || !words.length;
  $('said').classList.toggle('bad', bad);
  $('said').replaceChildren(...[words].flat());
}

const holder = (one) => one.role || one.assigned_to
  ? [h('b', {}, one.assigned_to ?? pick(one, 'role')), one.assigned_to && h('small', {}, pick(one, 'role'))]
  : [h('span', { className: 'quiet' }, one.way === 'order' && one.offered ? t('offered', { n: one.offered }) : t('nobody'))];

function row(one) {
  const result = results.get(one.id), gone = !fits(one);
  return h('tr', { 'data-id': one.id, className: [urgency(one), one.supervised && 'watched', gone && 'gone', one.id === opened && 'opened', one.id === rows[at]?.id && 'at', result && (result.ok ? 'went' : 'failed')].filter(Boolean).join(' '), onclick: (event) => clicked(event, one.id) },
    h('td', { className: 'c-pick' }, h('input', { type: 'checkbox', checked: chosen.has(one.id), 'aria-label': t('select', { what: `${pick(one, 'category')} ${place(one)}` }), onchange: (event) => choose(one.id, event.target.checked) })),
    h('td', { className: 'c-clock' }, clockBadge(one)),
    h('td', { className: 'c-what' }, h('a', { href: `?${query({ state: state(), ...filters(), incident: one.id })}`, className: 'dsk-open' }, pick(one, 'category')), ' ', ...tags(one).filter(Boolean),
      one.description && h('small', {}, one.description), result && h('em', {}, result.words)),
    h('td', { className: 'c-where' }, h('span', {}, place(one)), one.address && h('small', {}, gridOf(one))),
    h('td', { className: 'c-who' }, ...holder(one).filter(Boolean)),
    h('td', { className: 'c-state' }, h('span', { className: `inc-state s-${one.state}` }, stateWords(one.state))),
    h('td', { className: 'c-when' }, when(one.reported_at)));
}

const fits = (one) => state() === one.state || (state() === 'open' && !ENDED.includes(one.state));
function clicked(event, id) {
  if (event.target.closest('input, .c-pick')) return;
  if (event.target.closest('a') && (event.metaKey || event.ctrlKey || event.shiftKey)) return;
  event.preventDefault();
  show(id);
}

function draw() {
  $('rows').replaceChildren(...rows.map(row));
  if (!rows.length) {
    const some = !$('clear').hidden;
    $('rows').replaceChildren(h('tr', { className: 'dsk-none' }, h('td', { colspan: 7 }, t(some || state() !== 'open' ? 'empty' : 'empty_open'), ' ',
      some && h('button', { type: 'button', className: 'link', onclick: clear }, t('clear')))));
  }
  $('more').hidden = !next;
  $('shown').textContent = rows.length ? t(next ? 'shown_more' : 'shown', { n: number(rows.length) }) : '';
  drawBulk();
}

function redraw(one) {
  const place = rows.findIndex((other) => other.id === one.id);
  if (place < 0) return false;
  rows[place] = one;
  const old = $('rows').children[place], fresh = row(one), held = old.contains(document.activeElement) && document.activeElement.className;
  old.replaceWith(fresh);
  if (held) fresh.querySelector(`.${CSS.escape(held)}`)?.focus({ preventScroll: true });
  fresh.classList.add('changed');
  drawBulk();
  return true;
}

// ---- several at once
function choose(id, on) { chosen[on ? 'add' : 'delete'](id); drawBulk(); }

function drawBulk() {
  const picked = rows.filter((one) => chosen.has(one.id));
  $('bulk').hidden = !picked.length;
  $('pick-all').checked = picked.length > 0 && picked.length === rows.length;
  $('pick-all').indeterminate = picked.length > 0 && picked.length < rows.length;
  if (!picked.length) return;
  const not = new Set(['request_extend', 'request_suspend', 'request_void', 'take', 'handle', 'link', 'rate', 'reclassify', 'reopen', 'set_limit', 'approve_extend']);
  const names = inOrder(picked.map((one) => new Set(one.moves)).reduce((a, b) => new Set([...a].filter((name) => b.has(name))))).filter((name) => !not.has(name));
  $('bulk').replaceChildren(h('b', {}, t('selected', { n: number(picked.length) })),
    ...names.map((name, i) => h('button', { type: 'button', className: i ? 'inc-do' : 'inc-go', 'data-move': name, onclick: () => bulk(name, picked) }, moveWords(name))),
    ...(names.length ? [] : [h('span', { className: 'quiet' }, t('bulk_none'))]),
    h('button', { type: 'button', className: 'link', onclick: () => { chosen.clear(); draw(); } }, t('cancel')));
}

async function bulk(name, picked) {
  const note = needsWords(name) ? await words(t('bulk_words', { move: moveWords(name), n: number(picked.length) })) : '';
  if (note === null) return;
  $('bulk').setAttribute('aria-busy', 'true');
  try {
    const { results: found } = await send('/incidents/moves/bulk', { key: newKey(), body: { moves: picked.map((one) => ({ id: one.id, version: one.version, move: name, ...(note && { note }) })) } });
    results = new Map(found.map((one) => [one.id, { ok: one.ok, words: one.ok ? t('row_done', { move: moveWords(name) }) : t('refused', { why: one.problem.detail }) }]));
    const bad = found.filter((one) => !one.ok);
    chosen = new Set(bad.map((one) => one.id));
    await refresh(found.map((one) => one.id));
    counts().catch(() => {});
    say([t('bulk_done', { move: moveWords(name), n: number(found.length - bad.length) }), bad.length ? ` · ${t('bulk_failed', { n: number(bad.length) })}` : ''], bad.length > 0);
    if (opened && found.some((one) => one.id === opened)) show(opened, { quiet: true });
  } catch (error) { failed(error, () => bulk(name, picked)); } finally { $('bulk').removeAttribute('aria-busy'); }
}

function words(title) {
  return new Promise((done) => {
    const note = h('textarea', { rows: 3, maxlength: 2000, id: 'ask-words' }), said = h('p', { className: 'inc-wrong', role: 'alert', hidden: true });
    let answer = null;
    $('ask').replaceChildren(h('form', { className: 'inc-form', onsubmit: (event) => {
      event.preventDefault();
      if (!note.value.trim()) { said.textContent = t('say_why'); said.hidden = false; note.focus(); return; }
      answer = note.value.trim();
      $('ask').close();
    } }, h('h2', { id: 'ask-title' }, title), h('label', { for: 'ask-words' }, t('words')), note, said,
    h('div', { className: 'inc-pair' }, h('button', { type: 'button', className: 'inc-do', onclick: () => $('ask').close() }, t('cancel')), h('button', { type: 'submit', className: 'inc-go' }, 'OK'))));
    $('ask').onclose = () => done(answer);
    $('ask').showModal();
  });
}

async function refresh(ids) {
  if (ids.length > FETCH) { await load({ keep: true }); return; }
  await Promise.all(ids.map(async (id) => {
    try { redraw(await ask(`/incidents/${id}`, `row ${id}`)); } catch (error) { if (error.problem?.status === 404) $('rows').querySelector(`[data-id="${id}"]`)?.classList.add('gone'); }
  }));
}

// ---- one matter
async function show(id, { quiet = false, said = '' } = {}) {
  const again = opened === id;
  opened = id;
  if (!quiet) {
    at = Math.max(at, 0);
    const place = rows.findIndex((one) => one.id === id);
    if (place >= 0) at = place;
    go({ incident: id }, { replace: true });
  }
  mark();
  $('panel').hidden = false;
  document.body.classList.add('dsk-opened');
  if (!again || !full) {
    const known = rows.find((one) => one.id === id);
    full = null;
    if (known) fill(known); else { $('panel-top').replaceChildren(h('div', { className: 'skeleton' }, ...[1, 2, 3, 4].map(() => h('i')))); $('panel-rest').replaceChildren(); $('panel-moves').replaceChildren(); head(null); }
    $('panel-body').scrollTop = 0;
    if (phone.matches) $('panel').focus();
  }
  panelSays(said);
  try {
    const found = await ask(`/incidents/${id}`, 'one');
    if (opened !== id) return;
    full = found;
    fill(found);
    redraw(found);
    $('rows').querySelector(`[data-id="${id}"]`)?.classList.remove('changed');
  } catch (error) {
    if (error.name === 'AbortError' || opened !== id) return;
    if (error.problem?.status === 404) { head(null); for (const part of ['panel-rest', 'panel-moves']) $(part).replaceChildren(); $('panel-map').hidden = true; $('panel-top').replaceChildren(h('p', { className: 'quiet' }, t('not_found'))); return; }
    panelSays([error.message, ' ', h('button', { type: 'button', className: 'link', onclick: () => show(id) }, t('retry'))]);
  }
}

function panelSays(what) { $('panel-said').hidden = !what || !what.length; $('panel-said').replaceChildren(...[what].flat()); if (what?.length) $('panel-body').scrollTop = 0; }
function mark() { for (const one of $('rows').children) { one.classList.toggle('opened', one.dataset.id === opened); one.classList.toggle('at', one.dataset.id === rows[at]?.id); } }

function close() {
  const id = opened;
  opened = full = null;
  $('panel').hidden = true;
  document.body.classList.remove('dsk-opened');
  go({ incident: '' }, { replace: true });
  mark();
  $('rows').querySelector(`[data-id="${id}"] .dsk-open`)?.focus();
}

function head(one) {
  $('panel-head').replaceChildren(one ? shape(urgency(one)) : '', h('h2', {}, one ? pick(one, 'category') : ''),
    h('button', { type: 'button', className: 'dsk-x', 'aria-label': t('close_panel'), onclick: close }, h('svg', { viewBox: '0 0 20 20', 'aria-hidden': 'true' }, h('path', { d: 'm5 5 10 10M15 5 5 15' }))));
}

const fact = (name, ...what) => { const said = what.flat().filter((one) => one !== null && one !== undefined && one !== false && one !== ''); return said.length ? [h('dt', {}, t(name)), h('dd', {}, ...said)] : []; };
const writing = () => $('panel-moves').querySelector('.inc-form');

function fill(one) {
  head(one);
  const keep = writing();
  $('panel-top').replaceChildren(
    h('p', { className: 'dsk-line' }, h('b', { className: `inc-state s-${one.state}` }, stateWords(one.state)), clockBadge(one), ...tags(one).filter(Boolean)),
    one.description ? h('blockquote', {}, one.description) : '', photoList(one.photos) || '',
    h('dl', { className: 'facts' },
      ...fact('where', place(one)), ...fact('grid', one.areas.filter((area) => ['community', 'grid', 'unit'].includes(area.level)).map((area) => area.name).join(' › ')),
      ...fact('holds', one.role || one.assigned_to ? [one.assigned_to && h('b', {}, `${one.assigned_to} `), pick(one, 'role')] : one.way === 'order' && one.offered ? t('offered', { n: one.offered }) : t('nobody')),
      ...fact('reported', when(one.reported_at), ` · ${page.channels[one.channel] ?? one.channel}`), ...fact('severity', page.severities[one.severity]),
      ...fact('rule', one.rule), ...(one.rating ? fact('rated_by', `${t('rated', { n: one.rating })}${one.solved === null ? '' : ` · ${t(one.solved ? 'solved' : 'unsolved')}`}`) : []),
      ...fact('number', h('code', {}, one.id.slice(0, 8)))));
  $('panel-map').hidden = false;
  const spot = [one.point.lat, one.point.lon];
  requestAnimationFrame(() => {
    map.invalidateSize();
    map.setView(spot, 17, { animate: false });
    marker?.remove();
    marker = L.marker(spot, { interactive: false, keyboard: false, icon: L.divIcon({ className: 'dsk-pin', iconSize: [34, 34], html: shape(urgency(one)) }) }).addTo(map);
  });
  const reasons = h('details', { className: 'dsk-how' }, h('summary', {}, t('why')), h('ol', { className: 'how' }, one.how.map((step) => h('li', {}, zh ? step.zh : step.en))));
  $('panel-rest').replaceChildren(
    h('div', { id: 'suggest' }), kin(one), reasons,
    page.contacts ? contact(one) : '',
    one.timeline ? h('section', {}, h('h3', {}, t('timeline')), timeline(one.timeline)) : '');
  if (keep) return; // not while somebody writes
  const buttons = one.moves.length ? moveButtons(one, (name, body, photos) => act(one, name, body, photos), EXTRA(one)) : h('p', { className: 'quiet' }, page.dispatch ? t('nothing_to_do') : t('read_only'));
  $('panel-moves').replaceChildren(buttons);
  if (one.timeline && one.moves.includes('dispatch')) suggest(one);
}

// what is like it, what it repeats, what repeats it
function kin(one) {
  const other = (id, words, more) => h('li', {}, h('a', { href: `?${query({ incident: id })}`, onclick: (event) => { event.preventDefault(); show(id); } }, words), more);
  const like = (one.duplicates ?? []).filter((found) => found.id !== one.id && !one.children.includes(found.id));
  return h('div', { className: 'dsk-kin' },
    one.parent && h('p', {}, `${t('child_of')} `, other(one.parent, t('open_it')).firstChild),
    one.children.length > 0 && h('section', {}, h('h3', {}, t('linked')), h('ul', {}, one.children.map((id) => other(id, h('code', {}, id.slice(0, 8)))))),
    like.length > 0 && !one.parent && h('section', {}, h('h3', {}, t('duplicates')), h('ul', {}, like.map((found) => other(found.id,
      [stateWords(found.state), ' · ', t('metres', { n: Math.round(found.distance_m) }), ' · ', when(found.reported_at)],
      found.id && !ENDED.includes(found.state) && one.moves.includes('link') && h('button', { type: 'button', className: 'inc-do small', 'data-link': found.id, onclick: () => act(one, 'link', { parent: found.id }, []) }, t('link')))))));
}

function contact(one) {
  const box = h('div', { className: 'dsk-contact' });
  box.append(h('button', { type: 'button', className: 'link', onclick: async () => {
    try {
      const { contact: found } = await ask(`/incidents/${one.id}?contact=true`, 'contact');
      box.replaceChildren(h('h3', {}, t('contact')), h('p', {}, found ? [found.name, found.phone && h('a', { href: `tel:${found.phone}` }, found.phone), found.email].filter(Boolean).flatMap((part, i) => (i ? [' · ', part] : [part])) : t('contact_none')));
    } catch (error) { box.append(h('p', { className: 'quiet' }, error.message)); }
  } }, t('show_contact')));
  return box;
}

// who should go: the first of the list who is there, with what speaks for it
const people = async (one) => (await ask(`/incidents/${one.id}/candidates`, 'candidates')).items;
const standing = (found) => [pick(found, 'role'), found.stands_in && t('stands_in'), found.away && t('away'), !found.away && found.code && t('load', { n: number(found.load) }),
  found.metres !== null && t('metres', { n: number(Math.round(found.metres)) }), found.skills && t('takes_orders')].filter(Boolean).join(' · ');

async function suggest(one) {
  try {
    const found = (await people(one)).filter((person) => !person.away && person.code && person.name !== one.assigned_to);
    const first = (one.skill && found.find((person) => person.skills)) || found[0];
    if (!first || opened !== one.id) return;
    $('suggest').replaceChildren(h('section', { className: 'dsk-suggest' }, h('h3', {}, t('suggest_title')),
      h('p', {}, h('b', {}, first.name), h('small', {}, standing(first))),
      ['accepted', 'returned'].includes(one.state) && h('button', { type: 'button', className: 'inc-do', onclick: () => act(one, 'dispatch', { to: first.code, role: first.skills ? '' : first.role }, []) }, t('suggest_give', { name: first.name }))));
  } catch { /* the form offers them too */ }
}

const EXTRA = (one) => ({
  dispatch: async () => {
    const found = await people(one).catch(() => []);
    const choice = (value, words, small, away = false) => h('label', { className: away ? 'away' : null }, h('input', { type: 'radio', name: 'to', value }), h('span', {}, words, small && h('small', {}, small)));
    const element = h('fieldset', { className: 'dsk-people' }, h('legend', {}, t('to_whom')), choice('', t('by_rule')),
      one.skill && choice('order', t('push_order')),
      found.map((person, i) => choice(String(i), person.name ?? pick(person, 'role'), standing(person), person.away)),
      !found.length && h('p', { className: 'quiet' }, t('nobody_there')));
    element.querySelector('input').checked = true;
    return { element, read: () => {
      const value = element.querySelector('input:checked')?.value;
      if (value === 'order') return { way: 'order' };
      const person = value ? found[Number(value)] : null;
      return person ? { ...(person.code && { to: person.code }), ...(!person.skills && { role: person.role }) } : {};
    } };
  },
  reclassify: () => {
    const kind = h('select', { id: 'inc-kind' }, groups(one.category)), severity = h('select', { id: 'inc-severity' }, Object.entries(page.severities).map(([key, words]) => h('option', { value: key, selected: key === one.severity }, words)));
    return { element: h('div', {}, h('label', { for: 'inc-kind' }, t('category')), kind, h('label', { for: 'inc-severity' }, t('severity')), severity), read: () => ({ category: kind.value, severity: severity.value }) };
  },
});

const groups = (selected) => {
  const grouped = new Map();
  for (const one of page.categories) grouped.set(pick(one, 'major'), [...(grouped.get(pick(one, 'major')) ?? []), one]);
  return [...grouped].map(([name, all]) => h('optgroup', { label: name }, all.map((one) => h('option', { value: one.code, selected: one.code === selected }, zh ? one.zh : one.en))));
};

async function act(one, name, body, photos) {
  const box = $('panel-moves');
  if (box.hasAttribute('aria-busy')) return;
  box.setAttribute('aria-busy', 'true');
  panelSays('');
  try {
    const found = await send(`/incidents/${one.id}/moves`, { key: newKey(), version: one.version, body: { move: name, ...body }, photos });
    box.replaceChildren();
    redraw(found);
    counts().catch(() => {});
    say(t('done', { move: moveWords(name) }));
    if (opened === one.id) await show(one.id, { quiet: true });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (error.problem.status === 409) await conflict(one, error.problem);
    else panelSays(error.problem.status === 0 ? t('offline') : t('refused', { why: error.message }));
  } finally { box.removeAttribute('aria-busy'); }
}

// somebody was faster: what they did, and the matter as it stands now
async function conflict(one, problem) {
  try {
    const now = await ask(`/incidents/${one.id}`, 'one'), last = now.timeline.at(-1);
    if (now.version === one.version) { panelSays(t('refused', { why: problem.detail })); return; }
    full = now;
    $('panel-moves').replaceChildren();
    fill(now);
    redraw(now);
    panelSays(t('conflict_now', { state: stateWords(now.state), move: zh ? last.move_zh : last.move_en, role: zh ? last.role_zh : last.role }));
  } catch { panelSays(t('conflict', { why: problem.detail })); }
}

// ---- what is new: rows change where they stand; what would move them waits for the bar
function bar() {
  $('news').hidden = !news.size;
  $('news').replaceChildren(h('b', {}, t('news', { n: number(news.size) })), ' ', t('news_show'));
}

const heard = new Set();
let soon;
function hear(event) {
  heard.add(event);
  clearTimeout(soon);
  soon = setTimeout(settle, 250);
}

async function settle() {
  const events = [...heard];
  heard.clear();
  if (events.includes(null)) news.set('gap', true);
  const last = new Map(events.filter(Boolean).map((event) => [event.id, event]));
  const own = [];
  for (const [id, event] of last) {
    const known = rows.find((one) => one.id === id);
    if (known) {
      if (known.version < event.version) own.push(id);
    } else if (fits(event) && (!filters().category || event.category.startsWith(filters().category)) && !news.has(id)) news.set(id, event);
    if (id === opened && (full?.version ?? 0) < event.version && !$('panel-moves').hasAttribute('aria-busy')) {
      if (writing()) panelSays([t('changed_here', { state: stateWords(event.state) }), ' ', h('button', { type: 'button', className: 'link', onclick: () => { $('panel-moves').replaceChildren(); show(id, { quiet: true }); } }, t('show_it'))]);
      else show(id, { quiet: true });
    }
  }
  counts().catch(() => {});
  if (own.length > FETCH) own.forEach((id) => news.set(id, true)); else await refresh(own);
  bar();
}

// ---- by hand
const clear = () => { go(Object.fromEntries(FIELDS.map((name) => [name, '']))); again(); };
const again = () => { showFilters(); load(); };
let typing;
$('filters').addEventListener('submit', (event) => event.preventDefault());
$('filters').addEventListener('input', ({ target }) => {
  clearTimeout(typing);
  const apply = () => { go({ [target.name]: target.type === 'checkbox' ? (target.checked ? 'true' : '') : target.value.trim() }, { replace: target.name === 'words' }); again(); };
  if (target.name === 'words') typing = setTimeout(apply, 350); else apply();
});
$('tabs').addEventListener('click', (event) => {
  const tab = event.target.closest('a');
  if (!tab || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  go({ state: tab.dataset.state === 'open' ? '' : tab.dataset.state });
  again();
});
$('more-filters').addEventListener('click', () => { const on = $('filters').classList.toggle('all'); $('more-filters').setAttribute('aria-expanded', String(on)); });
$('clear').addEventListener('click', clear);
$('more').addEventListener('click', () => load({ more: true }));
$('news').addEventListener('click', () => load({ keep: true }));
$('help').addEventListener('click', () => $('keys').showModal());
$('pick-all').addEventListener('change', ({ target }) => { chosen = new Set(target.checked ? rows.map((one) => one.id) : []); draw(); });
addEventListener('popstate', () => {
  const id = address().get('incident');
  again();
  if (id && id !== opened) show(id, { quiet: true });
  else if (!id && opened) { opened = full = null; $('panel').hidden = true; document.body.classList.remove('dsk-opened'); }
});

addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
  if (event.key === 'Escape' && writing()) { writing().querySelector('.inc-do')?.click(); return; }
  if (event.target.closest('textarea, select, input:not([type="checkbox"])')) { if (event.key === 'Escape') event.target.blur(); return; }
  const step = { j: 1, k: -1 }[event.key];
  if (step && rows.length) {
    at = Math.min(rows.length - 1, Math.max(0, at + step));
    mark();
    const link = $('rows').children[at].querySelector('.dsk-open');
    link.focus({ preventScroll: true });
    link.closest('tr').scrollIntoView({ block: 'nearest' });
    if (opened && !writing() && !phone.matches) show(rows[at].id);
  } else if (event.key === 'Enter' && rows[at] && (event.target === document.body || event.target.closest('tr'))) { event.preventDefault(); show(rows[at].id); }
  else if (event.key === 'x' && rows[at]) { choose(rows[at].id, !chosen.has(rows[at].id)); $('rows').children[at].querySelector('input').checked = chosen.has(rows[at].id); }
  else if (event.key === '/') { event.preventDefault(); $('filters').elements.words.focus(); }
  else if (event.key === 'r' && news.size) load({ keep: true });
  else if (event.key === '?') $('keys').showModal();
  else if (event.key === 'Escape' && opened) close();
});

// ---- begin
$('filters').elements.area.append(...page.areas.map((one) => h('option', { value: one.code }, '\u3000'.repeat(one.depth) + one.name)));
$('filters').elements.category.append(...groups());
for (const way of [map.scrollWheelZoom, map.keyboard]) way.disable();
showFilters();
const first = address().get('incident');
await load();
if (first) show(first, { quiet: true });
live(hear);
// the clocks of the rows run on, also where nothing happens; nothing moves
setInterval(async () => {
  if (document.hidden || !rows.length || $('panel-moves').hasAttribute('aria-busy')) return;
  const found = await ask(`/incidents?${wanted()}&${query({ state: state(), limit: Math.min(200, Math.max(PAGE, rows.length)) })}`, 'tick').catch(() => null);
  for (const one of found?.items ?? []) {
    const place = rows.findIndex((other) => other.id === one.id);
    if (place >= 0 && rows[place].version <= one.version) {
      rows[place] = one;
      $('rows').children[place].querySelector('.c-clock').replaceChildren(clockBadge(one));
    }
  }
}, EVERY);
document.body.dataset.ready = 'yes';
