// Where one report stands, for who has its secret; and the reports this browser remembers.
import { $, h, page } from '../../shared/dom.js';
import { number, t, title, zh } from '../../shared/i18n.js';
import { Refused } from '../../shared/request.js';
import { emergency } from './emergency.js';
import { forget, kept, remember } from './my-reports.js';
import { prepared } from '../../shared/image.js';

const STATE_NOTES = {
  suspended: t('The clock is stopped until it can go on.'),
  void: t('It was made void.'),
  returned: t('It is being passed on to the right person.'),
};
const DUE_LABELS = { green: t('in time'), amber: t('nearly due'), red: t('overdue') };
const STAR_LABELS = { 1: t('very unhappy'), 2: t('unhappy'), 3: t('so so'), 4: t('satisfied'), 5: t('very satisfied') };
const STEP_LABELS = [t('Filed'), t('Accepted'), t('Sent on'), t('In hand'), t('Done'), t('Closed')];

const EVERY = 30_000; // milliseconds between looks while the page is seen
const HOLDS = new Set(['dispatch', 'take', 'escalate', 'hand_over', 'follow', 'reopen', 'send_back', 'resume']);
const ICONS = { done: 'm4 10 4 4 8-8', now: 'M10 5v5l3 3', stop: 'M7 5v10M13 5v10', end: 'm5 5 10 10M15 5 5 15' };

let secret = location.hash.slice(1) || kept().find((one) => one.id === page.id)?.secret || '';
let seen = null,
  drawn = '',
  looked = null,
  timer = 0;

const role = (word) => (zh ? word : (page.roles[word] ?? word));
const time = (at) =>
  h(
    'time',
    { datetime: at },
    new Date(at).toLocaleString(zh ? 'zh-CN' : 'en-GB', {
      month: 'short',
      day: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
    }),
  );
const icon = (name) => h('svg', { viewBox: '0 0 20 20', 'aria-hidden': 'true' }, h('path', { d: ICONS[name] }));
// A sentence with an element where %(name)s stands.
const filled = (text, name, what) => {
  const [before, after] = text.split(`%(${name})s`);
  return [before, what, after ?? ''];
};

// ---- asking
/**
 * @param {string} path
 * @param {{body?: any, key?: string, headers?: object}} [options]
 */
async function api(path, { body, key, headers = {} } = {}) {
  let response;
  try {
    response = await fetch(page.api + path, {
      method: body ? 'POST' : 'GET',
      body,
      cache: 'no-store',
      headers: {
        'X-Tracking-Secret': secret,
        ...(key ? { 'Idempotency-Key': key } : {}),
        ...(body && page.csrf ? { 'X-CSRFToken': page.csrf } : {}),
        ...headers,
      },
    });
  } catch {
    throw new Refused({ status: 0, detail: t('No connection. This is the state last seen.') });
  }
  if (!response.ok)
    throw new Refused(await response.json().catch(() => ({ status: response.status, detail: t('This did not work') })));
  return response;
}

async function look() {
  clearTimeout(timer);
  if (!secret) {
    askFor(false);
    return;
  }
  try {
    const text = await (await api(`/incidents/${page.id}/track`, { headers: { Accept: 'application/json' } })).text();
    seen = JSON.parse(text);
    looked = new Date();
    remember({
      id: page.id,
      secret,
      zh: seen.category_zh,
      en: seen.category_en,
      state: seen.state,
      at: seen.reported_at,
    });
    if (location.hash.slice(1) !== secret) history.replaceState(null, '', `#${secret}`);
    if (text !== drawn) {
      drawn = text;
      draw();
      drawMine();
    }
    said('');
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (error.problem.status === 404) {
      askFor(true);
      return;
    }
    if (seen) said(error.problem.status ? error.message : t('No connection. This is the state last seen.'));
    else failed(error.problem.status ? error.message : t('No connection. Nothing has been seen of this report yet.'));
  }
  stamp();
  if (!document.hidden) timer = setTimeout(look, EVERY);
}

function askFor(wrong) {
  $('seen').hidden = true;
  $('ask').hidden = false;
  $('ask-said').hidden = !wrong;
  $('ask-said').replaceChildren(
    h('b', {}, t('There is no such report, or the code is not its own')),
    h('span', {}, t('Check the link or the code you were given when you reported.')),
  );
  $('ask').onsubmit = (event) => {
    event.preventDefault();
    secret = $('secret').value.trim().replace(/^.*#/, '');
    $('ask').hidden = true;
    $('seen').hidden = false;
    look();
  };
}

function failed(words) {
  $('seen').setAttribute('aria-busy', 'false');
  $('seen').replaceChildren(
    h('h1', {}, t('This did not work')),
    h('p', { className: 'lead' }, words),
    h('button', { type: 'button', className: 'rep-go', onclick: look }, t('Try again')),
  );
}

function said(words) {
  const box = $('trk-said');
  if (box) {
    box.textContent = words;
    box.hidden = !words;
  }
}

function stamp() {
  const box = $('trk-stamp');
  if (box && looked) box.replaceChildren(...filled(t('Looked up %(time)s'), 'time', time(looked.toISOString())));
}

// ---- photos: fetched with the secret in a header, shown from memory
const blobs = new Map();
function blob(path) {
  if (!blobs.has(path)) {
    const got = api(path)
      .then((response) => response.blob())
      .then((data) => URL.createObjectURL(data));
    got.catch(() => blobs.delete(path));
    blobs.set(path, got);
  }
  return blobs.get(path);
}

function pictures(ids) {
  return ids?.length
    ? h(
        'ul',
        { className: 'trk-photos' },
        ids.map((id, i) => {
          const img = h('img', { alt: t('Photo %(n)s', { n: i + 1 }), width: 96, height: 96 });
          const button = h(
            'button',
            { type: 'button', 'aria-label': t('Open photo %(n)s', { n: i + 1 }), onclick: () => enlarge(id, i) },
            img,
          );
          blob(`/photos/${id}/thumbnail`)
            .then((url) => {
              img.src = url;
            })
            .catch(() => button.replaceWith(h('span', { className: 'gone' }, t('A photo cannot be shown'))));
          return h('li', {}, button);
        }),
      )
    : null;
}

async function enlarge(id, i) {
  const box = $('large'),
    img = box.querySelector('img');
  img.alt = t('Photo %(n)s', { n: i + 1 });
  img.src = await blob(`/photos/${id}/thumbnail`).catch(() => '');
  box.showModal();
  img.src = await blob(`/photos/${id}`).catch(() => img.src);
}
$('large').querySelector('button').setAttribute('aria-label', t('Close'));
$('large').querySelector('button').onclick = () => $('large').close();
$('large').onclick = ({ target }) => {
  if (target === $('large')) $('large').close();
};

// ---- the report
function draw() {
  const box = $('seen'),
    open = document.activeElement?.id,
    typed = [...box.querySelectorAll('form')].map((one) => /** @type {[string, any]} */ ([one.id, one]));
  /** @type {Map<string, any>} */
  const forms = new Map(typed); // forms somebody is filling in stay as they are
  const unfolded = [...box.querySelectorAll('details[open]')].map((one) => one.id);
  box.setAttribute('aria-busy', 'false');
  document.title = `${zh ? seen.category_zh : seen.category_en} · ${zh ? seen.state_zh : seen.state_en}`;
  box.replaceChildren(
    ...[
      head(),
      emergency(seen.danger),
      stepper(),
      holder(),
      h('p', { id: 'trk-said', className: 'trk-wrong', role: 'alert', hidden: true }),
      rating(forms),
      reopening(forms),
      timeline(),
      noting(forms),
      foot(),
    ].filter(Boolean),
  );
  unfolded.forEach((id) => {
    if ($(id)) $(id).open = true;
  });
  if (open) $(open)?.focus({ preventScroll: true });
}

function head() {
  const near = kept().find((one) => one.id === page.id)?.near;
  return h(
    'header',
    { className: 'trk-head' },
    h('p', { className: 'trk-when' }, filled(t('Reported %(time)s'), 'time', time(seen.reported_at))),
    h('h1', {}, zh ? seen.category_zh : seen.category_en),
    seen.description ? h('p', { className: 'trk-words' }, seen.description) : null,
    h('p', { className: 'quiet' }, [seen.community, seen.address].filter(Boolean).join(' · ')),
    near
      ? h(
          'p',
          { className: 'rep-near' },
          t('%(n)s of the same kind had been reported nearby within 7 days; the community looks at them together.', {
            n: number(near),
          }),
        )
      : null,
  );
}

function stepper() {
  const at = page.steps.findIndex((states) => states.includes(seen.state)),
    void_ = seen.state === 'void';
  const word = zh ? seen.state_zh : seen.state_en;
  return h(
    'section',
    { className: 'trk-where', 'data-state': seen.state },
    h(
      'p',
      { className: `trk-state ${void_ ? 'void' : seen.state}` },
      icon(void_ ? 'end' : seen.state === 'suspended' ? 'stop' : seen.state === 'closed' ? 'done' : 'now'),
      word[0].toUpperCase() + word.slice(1),
    ),
    ['suspended', 'void', 'returned'].includes(seen.state)
      ? h('p', { className: 'quiet' }, STATE_NOTES[seen.state])
      : null,
    void_
      ? null
      : h(
          'ol',
          { className: 'trk-steps' },
          STEP_LABELS.map((name, i) => {
            const done = i < at || seen.state === 'closed';
            return h(
              'li',
              { className: done ? 'done' : i === at ? 'now' : null, 'aria-current': i === at ? 'step' : null },
              h('i', {}, done ? icon('done') : null),
              h('span', {}, name),
            );
          }),
        ),
  );
}

function holder() {
  if (['closed', 'void'].includes(seen.state)) return null;
  const since = seen.timeline.findLast((one) => HOLDS.has(one.move))?.at;
  const who = zh ? seen.role_zh : seen.role_en;
  return h(
    'section',
    { className: 'trk-holder' },
    h('p', { className: 'quiet' }, t('Held by')),
    h(
      'p',
      { className: 'trk-role' },
      seen.queue ? (zh ? seen.queue.zh : seen.queue.en) : who || t('Somebody is being looked for'),
      seen.name ? h('small', {}, seen.name) : null,
    ),
    since && who ? h('p', { className: 'quiet' }, filled(t('since %(time)s'), 'time', time(since))) : null,
    seen.due
      ? h(
          'p',
          { className: `trk-due ${seen.colour ?? ''}` },
          filled(t('Next step due %(time)s'), 'time', time(seen.due)),
          seen.colour ? h('b', {}, DUE_LABELS[seen.colour]) : null,
        )
      : null,
    seen.supervised ? h('p', { className: 'badge' }, t('Supervised from above')) : null,
  );
}

function timeline() {
  return h(
    'section',
    {},
    h('h2', {}, t('What happened')),
    h(
      'ol',
      { className: 'trk-line' },
      seen.timeline.toReversed().map((one) => {
        const by = [role(one.role_zh), one.to_zh ? t('to %(role)s', { role: role(one.to_zh) }) : null]
          .filter(Boolean)
          .join(' ');
        const move = zh ? one.zh : one.en;
        return h(
          'li',
          {},
          h(
            'p',
            { className: 'trk-what' },
            h('b', {}, move[0].toUpperCase() + move.slice(1)),
            h('span', {}, by),
            time(one.at),
          ),
          one.words ? h('p', { className: 'trk-words' }, one.words) : null,
          pictures(one.photos),
        );
      }),
    ),
  );
}

// ---- what who reported may do
const drafts = new Map(); // form -> {key, body}: sent again with the same key until there is an answer

async function move(form, given, photos = []) {
  const button = form.querySelector('[type="submit"]'),
    status = form.querySelector('[role="status"]');
  if (button.disabled) return false;
  const text = JSON.stringify(given);
  const before = drafts.get(form.id);
  const key =
    before?.text === text && before.photos === photos.length
      ? before.key
      : (crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}-${Math.random()}`);
  drafts.set(form.id, { key, text, photos: photos.length });
  const body = new FormData();
  body.append('json', text);
  photos.forEach((one, i) => body.append('photo', one, `${i + 1}`));
  button.disabled = true;
  status.textContent = t('Sending…');
  try {
    await api(`/incidents/${page.id}/moves`, { body, key });
    drafts.delete(form.id);
    form.closest('details')?.removeAttribute('open');
    form.remove();
    drawn = '';
    await look();
    announce(t('Sent. Thank you.'));
    return true;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const { status: code } = error.problem;
    status.textContent =
      !code || code >= 500
        ? t('No answer came. What you wrote is kept; try again.')
        : code === 409
          ? t('It has moved on in the meantime. Look again and send once more.')
          : `${t('This did not work')}: ${error.message}`;
    if (code === 409) {
      drawn = '';
      look();
    }
    return false;
  } finally {
    button.disabled = false;
  }
}

function announce(words) {
  const box = $('trk-stamp');
  if (box) box.replaceChildren(words);
}

const choice = (name, value, label, ...inside) =>
  h(
    'label',
    { className: 'trk-choice' },
    h('input', { type: 'radio', name, value, required: true }),
    h('span', { title: label }, ...(inside.length ? inside : [label])),
  );

function rating(forms) {
  const given = seen.rating
    ? h(
        'p',
        { className: 'trk-rated' },
        icon('done'),
        t('Your rating: %(n)s of 5, %(word)s', { n: seen.rating, word: STAR_LABELS[seen.rating] }),
        seen.solved === null ? '' : ` · ${seen.solved ? t('solved') : t('not solved')}`,
      )
    : null;
  if (!seen.moves.includes('rate')) return given;
  const form = forms.get('rate') ?? rateForm();
  if (!given) return form;
  return h(
    'details',
    { id: 'more-rate', className: 'trk-more' },
    h('summary', {}, given, h('span', { className: 'link' }, t('Change the rating'))),
    form,
  );
}

function rateForm() {
  const form = h(
    'form',
    { id: 'rate', className: 'trk-form' },
    h('h2', {}, t('Are you satisfied?')),
    h(
      'fieldset',
      { className: 'trk-stars' },
      h('legend', { className: 'hidden' }, t('Are you satisfied?')),
      [1, 2, 3, 4, 5].map((n) =>
        choice('rating', n, STAR_LABELS[n], h('b', {}, String(n)), h('small', {}, STAR_LABELS[n])),
      ),
    ),
    h(
      'fieldset',
      { className: 'trk-solved' },
      h('legend', {}, t('Is it solved?')),
      choice('solved', 'true', t('Yes, solved')),
      choice('solved', 'false', t('No, not yet')),
    ),
    h('label', { for: 'rate-words', className: 'rep-line' }, t('Anything to add? (optional)')),
    h('textarea', { id: 'rate-words', name: 'note', rows: 2, maxlength: 2000 }),
    h('p', { role: 'status', className: 'rep-said' }),
    h('button', { type: 'submit', className: 'rep-go' }, t('Send the rating')),
  );
  form.noValidate = true;
  form.onsubmit = (event) => {
    event.preventDefault();
    const given = new FormData(form);
    if (!given.get('rating') || !given.get('solved')) {
      form.querySelector('[role="status"]').textContent = t('Choose one to five, and whether it is solved.');
      return;
    }
    move(form, {
      move: 'rate',
      rating: Number(given.get('rating')),
      solved: given.get('solved') === 'true',
      note: String(given.get('note')).trim(),
    });
  };
  return form;
}

// Opened by itself when the rating is unhappy.
function reopening(forms) {
  if (!seen.moves.includes('reopen')) return null;
  const form = forms.get('reopen') ?? wordsForm('reopen', t('What is still wrong?'), t('Take it up again'));
  return h(
    'details',
    { id: 'more-reopen', className: 'trk-more', open: seen.solved === false || (seen.rating ?? 5) <= 2 },
    h('summary', {}, t('Not solved? Have it taken up again')),
    form,
  );
}

function noting(forms) {
  if (!seen.moves.includes('note')) return null;
  return h(
    'details',
    { id: 'more-note', className: 'trk-more' },
    h('summary', {}, t('Add something')),
    forms.get('note') ?? wordsForm('note', t('What should they know?'), t('Send the note')),
  );
}

function wordsForm(name, label, button) {
  const photos = [];
  const said = h('p', { role: 'status', className: 'rep-said' }),
    shown = h('ul', { className: 'trk-photos' });
  const form = h(
    'form',
    { id: name, className: 'trk-form' },
    h('label', { for: `${name}-words`, className: 'rep-line' }, label),
    h('textarea', { id: `${name}-words`, name: 'note', rows: 3, maxlength: 2000 }),
    shown,
    h(
      'label',
      { className: 'rep-pick' },
      h('input', { type: 'file', accept: 'image/jpeg,image/png,image/webp', multiple: true, onchange: add }),
      h('span', {}, t('Add a photo')),
    ),
    said,
    h('button', { type: 'submit', className: 'rep-go' }, button),
  );
  let preparing = Promise.resolve();
  function add({ target }) {
    const chosen = [...target.files];
    target.value = '';
    preparing = preparing.then(() => made(chosen));
  }
  async function made(chosen) {
    for (const file of chosen) {
      if (photos.length >= page.most_photos) {
        said.textContent = t('At most %(n)s photos.', { n: page.most_photos });
        return;
      }
      const ready = await prepared(file, page.longest_side);
      if (!ready) {
        said.textContent = t('“%(name)s” cannot be read as a photo. Use JPEG, PNG or WebP.', { name: file.name });
        continue;
      }
      photos.push(ready);
      shown.append(
        h(
          'li',
          {},
          h('img', {
            src: URL.createObjectURL(ready),
            alt: t('Photo %(n)s', { n: photos.length }),
            width: 96,
            height: 96,
          }),
        ),
      );
    }
  }
  form.onsubmit = async (event) => {
    event.preventDefault();
    await preparing; // a photo being made ready goes along
    const note = String(new FormData(form).get('note')).trim();
    if (!note) {
      said.textContent = t('Write a few words.');
      return;
    }
    move(form, { move: name, note }, photos);
  };
  return form;
}

function foot() {
  return h(
    'footer',
    { className: 'trk-foot' },
    h('p', { className: 'quiet' }, t('Report number'), h('br'), h('code', {}, seen.id)),
    h(
      'div',
      { className: 'trk-do' },
      h('button', { type: 'button', className: 'rep-second', onclick: copy }, t('Copy the link')),
      h(
        'button',
        {
          type: 'button',
          className: 'rep-second',
          onclick: () => {
            if (confirm(t('Forget this report? Without its link it cannot be looked up again.'))) {
              forget(page.id);
              location.assign(page.track);
            }
          },
        },
        t('Forget'),
      ),
    ),
    h('p', { id: 'trk-stamp', className: 'quiet', role: 'status' }),
  );
}

async function copy({ currentTarget: button }) {
  try {
    await navigator.clipboard.writeText(`${location.origin}${location.pathname}#${secret}`);
    button.textContent = t('Copied');
  } catch {
    announce(t('Copy the address of this page from the address bar.'));
  }
}

// ---- my reports
function drawMine() {
  const all = kept(),
    others = all.filter((one) => one.id !== page.id);
  const one = (report) => {
    const name = title(report) || report.id.slice(0, 8),
      state = page.states[report.state];
    return h(
      'li',
      {},
      h(
        'a',
        { href: `${page.track}/${report.id}#${report.secret}` },
        h('b', {}, name),
        h('small', {}, report.at ? time(report.at) : '', state ? ` · ${title(state)}` : ''),
      ),
      h(
        'button',
        {
          type: 'button',
          className: 'link',
          'aria-label': t('Forget “%(name)s”', { name }),
          onclick: () => {
            if (confirm(t('Forget this report? Without its link it cannot be looked up again.'))) {
              forget(report.id);
              drawMine();
            }
          },
        },
        t('Forget'),
      ),
    );
  };
  const rows = page.id ? others : all;
  $('mine').hidden = Boolean(page.id) && !all.length;
  $('mine').replaceChildren(
    h('h2', { id: 'h-mine' }, t('My reports on this device')),
    rows.length
      ? h('ul', { className: 'trk-mine' }, rows.map(one))
      : page.id
        ? ''
        : h(
            'div',
            { className: 'trk-none' },
            h('p', { className: 'lead' }, t('No reports are remembered on this device.')),
            h('p', { className: 'quiet' }, t('Report something, or open the link you were given.')),
          ),
    h(
      'p',
      { className: 'trk-do' },
      h('a', { className: 'rep-go', href: page.report }, t('Report something')),
      all.length
        ? h(
            'button',
            {
              type: 'button',
              className: 'rep-second',
              onclick: () => {
                if (
                  confirm(t('Forget all reports on this device? Without their links they cannot be looked up again.'))
                ) {
                  forget();
                  page.id ? location.assign(page.track) : drawMine();
                }
              },
            },
            t('Forget all'),
          )
        : null,
    ),
    all.length
      ? h(
          'p',
          { className: 'quiet' },
          t('Only this browser knows them. Whoever uses this device can read them; forget them on a shared one.'),
        )
      : '',
  );
}

// ---- begin
document.querySelectorAll('a[href^="?lang"]').forEach((link) => {
  link.onclick = () => {
    link.hash = location.hash;
  };
});
addEventListener('hashchange', () => location.reload());
drawMine();
if (page.id) {
  look();
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && secret && $('ask').hidden) look();
  });
  addEventListener('online', look);
  addEventListener('offline', () => said(t('No connection. This is the state last seen.')));
}
