// Where one report stands, for who has its secret; and the reports this browser remembers.
import { $, h, page } from '../../shared/dom.js';
import { number, t, title, zh } from '../../shared/i18n.js';
import { shortDateTime } from '../../shared/moment.js';
import { READ_LIMIT_MS, RequestError } from '../../shared/request.js';
import { emergency } from './emergency.js';
import { forget, listReports, remember } from './my-reports.js';
import { photoChoice } from '../../shared/image.js';
import { isEnded, moveOf, stateLabel, stateOf } from '../../shared/workflow.js';

const DUE_LABELS = { green: t('in time'), amber: t('nearly due'), red: t('overdue') };
const STAR_LABELS = { 1: t('very unhappy'), 2: t('unhappy'), 3: t('so so'), 4: t('satisfied'), 5: t('very satisfied') };

const EVERY = 30_000; // milliseconds between looks while the page is seen
const ICONS = { done: 'm4 10 4 4 8-8', now: 'M10 5v5l3 3', stop: 'M7 5v10M13 5v10', end: 'm5 5 10 10M15 5 5 15' };

let secret = location.hash.slice(1) || listReports().find((entry) => entry.id === page.id)?.secret || '';
let report = null,
  drawnText = '',
  refreshedAt = null,
  timer = 0;

const role = (word) => (zh ? word : (page.roles[word] ?? word));
const time = (at) => h('time', { datetime: at }, shortDateTime(at));
const icon = (name) => h('svg', { viewBox: '0 0 20 20', 'aria-hidden': 'true' }, h('path', { d: ICONS[name] }));
// A sentence with an element where %(name)s stands.
const filled = (text, name, element) => {
  const [start, end] = text.split(`%(${name})s`);
  return [start, element, end ?? ''];
};

// ---- asking
/**
 * @param {string} path
 * @param {{body?: any, key?: string, headers?: object}} [options]
 */
async function api(path, { body, key, headers = {} } = {}) {
  const late = new AbortController(),
    timer = body ? 0 : setTimeout(() => late.abort(), READ_LIMIT_MS);
  let response;
  try {
    response = await fetch(page.api + path, {
      signal: late.signal,
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
    throw new RequestError({ status: 0, detail: t('No connection. This is the state last seen.') });
  } finally {
    clearTimeout(timer);
  }
  if (!response.ok)
    throw new RequestError(
      await response.json().catch(() => ({ status: response.status, detail: t('This did not work') })),
    );
  return response;
}

async function refresh() {
  clearTimeout(timer);
  if (!secret) {
    askFor(false);
    return;
  }
  try {
    const text = await (await api(`/incidents/${page.id}/track`, { headers: { Accept: 'application/json' } })).text();
    report = JSON.parse(text);
    refreshedAt = new Date();
    remember({
      id: page.id,
      secret,
      zh: report.category_zh,
      en: report.category_en,
      state: report.state,
      at: report.reported_at,
    });
    if (location.hash.slice(1) !== secret) history.replaceState(null, '', `#${secret}`);
    if (text !== drawnText) {
      drawnText = text;
      draw();
      drawMine();
    }
    showStatus('');
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    if (error.problem.status === 404) {
      askFor(true);
      return;
    }
    if (report) showStatus(error.problem.status ? error.message : t('No connection. This is the state last seen.'));
    else failed(error.problem.status ? error.message : t('No connection. Nothing has been seen of this report yet.'));
  }
  stamp();
  if (!document.hidden) timer = setTimeout(refresh, EVERY);
}

function askFor(wrong) {
  $('report').hidden = true;
  $('lookup').hidden = false;
  $('lookup-status').hidden = !wrong;
  $('lookup-status').replaceChildren(
    h('b', {}, t('There is no such report, or the code is not its own')),
    h('span', {}, t('Check the link or the code you were given when you reported.')),
  );
  $('lookup').onsubmit = (event) => {
    event.preventDefault();
    secret = $('secret').value.trim().replace(/^.*#/, '');
    $('lookup').hidden = true;
    $('report').hidden = false;
    refresh();
  };
}

function failed(message) {
  $('report').setAttribute('aria-busy', 'false');
  $('report').replaceChildren(
    h('h1', {}, t('This did not work')),
    h('p', { className: 'lead' }, message),
    h('button', { type: 'button', className: 'rep-go', onclick: refresh }, t('Try again')),
  );
}

function showStatus(message) {
  const status = $('trk-status');
  if (status) {
    status.textContent = message;
    status.hidden = !message;
  }
}

function stamp() {
  const status = $('trk-stamp');
  if (status && refreshedAt)
    status.replaceChildren(...filled(t('Looked up %(time)s'), 'time', time(refreshedAt.toISOString())));
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
  const dialog = $('large'),
    img = dialog.querySelector('img');
  img.alt = t('Photo %(n)s', { n: i + 1 });
  img.src = await blob(`/photos/${id}/thumbnail`).catch(() => '');
  dialog.showModal();
  img.src = await blob(`/photos/${id}`).catch(() => img.src);
}
$('large').querySelector('button').setAttribute('aria-label', t('Close'));
$('large').querySelector('button').onclick = () => $('large').close();
$('large').onclick = ({ target }) => {
  if (target === $('large')) $('large').close();
};

// ---- the report
function draw() {
  const article = $('report'),
    open = document.activeElement?.id,
    typed = [...article.querySelectorAll('form')].map((form) => /** @type {[string, any]} */ ([form.id, form]));
  /** @type {Map<string, any>} */
  const forms = new Map(typed); // forms somebody is filling in stay as they are
  const unfolded = [...article.querySelectorAll('details[open]')].map((details) => details.id);
  article.setAttribute('aria-busy', 'false');
  document.title = `${zh ? report.category_zh : report.category_en} · ${zh ? report.state_zh : report.state_en}`;
  article.replaceChildren(
    ...[
      head(),
      emergency(report.danger),
      stepper(),
      holder(),
      otherParts(),
      h('p', { id: 'trk-status', className: 'trk-wrong', role: 'alert', hidden: true }),
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
  const nearby = listReports().find((entry) => entry.id === page.id)?.near;
  return h(
    'header',
    { className: 'trk-head' },
    h('p', { className: 'trk-when' }, filled(t('Reported %(time)s'), 'time', time(report.reported_at))),
    h('h1', {}, zh ? report.category_zh : report.category_en),
    report.description ? h('p', { className: 'trk-words' }, report.description) : null,
    h('p', { className: 'quiet' }, [report.community, report.address].filter(Boolean).join(' · ')),
    nearby
      ? h(
          'p',
          { className: 'rep-near' },
          t('%(n)s of the same kind had been reported nearby within 7 days; the community looks at them together.', {
            n: number(nearby),
          }),
        )
      : null,
  );
}

/** What else was made of the same report, when it had several complaints; the same secret opens each. */
function otherParts() {
  if (!report.parts?.length) return null;
  return h(
    'section',
    { id: 'trk-parts' },
    h('h2', {}, t('Your report was split; the other parts')),
    h(
      'ul',
      {},
      report.parts.map((part) =>
        h(
          'li',
          {},
          h(
            'a',
            { href: `${page.track}/${part.id}#${secret}` },
            `${zh ? part.category_zh : part.category_en} · ${zh ? part.state_zh : part.state_en}`,
          ),
        ),
      ),
    ),
  );
}

function stepper() {
  const state = stateOf(report.state),
    label = zh ? report.state_zh : report.state_en;
  const isOff = state.step === null, // not on the way to being closed
    mark = isOff ? 'end' : state.paused ? 'stop' : state.ended ? 'done' : 'now';
  return h(
    'section',
    { className: 'trk-where', 'data-state': report.state },
    h('p', { className: `trk-state ${mark}` }, icon(mark), label[0].toUpperCase() + label.slice(1)),
    page.state_notes[report.state] ? h('p', { className: 'quiet' }, page.state_notes[report.state]) : null,
    isOff
      ? null
      : h(
          'ol',
          { className: 'trk-steps' },
          page.steps.map((name, i) => {
            const done = i < state.step || state.ended;
            return h(
              'li',
              {
                className: done ? 'done' : i === state.step ? 'now' : null,
                'aria-current': i === state.step ? 'step' : null,
              },
              h('i', {}, done ? icon('done') : null),
              h('span', {}, name),
            );
          }),
        ),
  );
}

function holder() {
  if (isEnded(report.state)) return null;
  const since = report.timeline.findLast((event) => moveOf(event.move).changes_holder)?.at;
  const holderRole = zh ? report.role_zh : report.role_en;
  return h(
    'section',
    { className: 'trk-holder' },
    h('p', { className: 'quiet' }, t('Held by')),
    h(
      'p',
      { className: 'trk-role' },
      report.queue ? (zh ? report.queue.zh : report.queue.en) : holderRole || t('Somebody is being looked for'),
      report.name ? h('small', {}, report.name) : null,
    ),
    since && holderRole ? h('p', { className: 'quiet' }, filled(t('since %(time)s'), 'time', time(since))) : null,
    report.due
      ? h(
          'p',
          { className: `trk-due ${report.colour ?? ''}` },
          filled(t('Next step due %(time)s'), 'time', time(report.due)),
          report.colour ? h('b', {}, DUE_LABELS[report.colour]) : null,
        )
      : null,
    report.supervised ? h('p', { className: 'badge' }, t('Supervised from above')) : null,
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
      report.timeline.toReversed().map((event) => {
        const by = [role(event.role_zh), event.to_zh ? t('to %(role)s', { role: role(event.to_zh) }) : null]
          .filter(Boolean)
          .join(' ');
        const move = zh ? event.zh : event.en;
        return h(
          'li',
          {},
          h(
            'p',
            { className: 'trk-what' },
            h('b', {}, move[0].toUpperCase() + move.slice(1)),
            h('span', {}, by),
            time(event.at),
          ),
          event.words ? h('p', { className: 'trk-words' }, event.words) : null,
          pictures(event.photos),
        );
      }),
    ),
  );
}

// ---- what who reported may do
const drafts = new Map(); // form -> {key, body}: sent again with the same key until there is an answer

async function move(form, payload, photos = []) {
  const button = form.querySelector('[type="submit"]'),
    status = form.querySelector('[role="status"]');
  if (button.disabled) return false;
  const text = JSON.stringify(payload);
  const draft = drafts.get(form.id);
  const key =
    draft?.text === text && draft.photos === photos.length
      ? draft.key
      : (crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}-${Math.random()}`);
  drafts.set(form.id, { key, text, photos: photos.length });
  const body = new FormData();
  body.append('json', text);
  photos.forEach((photo, i) => body.append('photo', photo, `${i + 1}`));
  button.disabled = true;
  status.textContent = t('Sending…');
  try {
    await api(`/incidents/${page.id}/moves`, { body, key });
    drafts.delete(form.id);
    form.closest('details')?.removeAttribute('open');
    form.remove();
    drawnText = '';
    await refresh();
    announce(t('Sent. Thank you.'));
    return true;
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    const { status: code } = error.problem;
    status.textContent =
      !code || code >= 500
        ? t('No answer came. What you wrote is kept; try again.')
        : code === 409
          ? t('It has moved on in the meantime. Look again and send once more.')
          : `${t('This did not work')}: ${error.message}`;
    if (code === 409) {
      drawnText = '';
      refresh();
    }
    return false;
  } finally {
    button.disabled = false;
  }
}

function announce(message) {
  const status = $('trk-stamp');
  if (status) status.replaceChildren(message);
}

const choice = (name, value, label, ...content) =>
  h(
    'label',
    { className: 'trk-choice' },
    h('input', { type: 'radio', name, value, required: true }),
    h('span', { title: label }, ...(content.length ? content : [label])),
  );

function rating(forms) {
  const ownRating = report.rating
    ? h(
        'p',
        { className: 'trk-rated' },
        icon('done'),
        t('Your rating: %(n)s of 5, %(word)s', { n: report.rating, word: STAR_LABELS[report.rating] }),
        report.solved === null ? '' : ` · ${report.solved ? t('solved') : t('not solved')}`,
      )
    : null;
  if (!report.moves.includes('rate')) return ownRating;
  const form = forms.get('rate') ?? rateForm();
  if (!ownRating) return form;
  return h(
    'details',
    { id: 'more-rate', className: 'trk-more' },
    h('summary', {}, ownRating, h('span', { className: 'link' }, t('Change the rating'))),
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
    h('p', { role: 'status', className: 'rep-status' }),
    h('button', { type: 'submit', className: 'rep-go' }, t('Send the rating')),
  );
  form.noValidate = true;
  form.onsubmit = (event) => {
    event.preventDefault();
    const values = new FormData(form);
    if (!values.get('rating') || !values.get('solved')) {
      form.querySelector('[role="status"]').textContent = t('Choose one to five, and whether it is solved.');
      return;
    }
    move(form, {
      move: 'rate',
      rating: Number(values.get('rating')),
      solved: values.get('solved') === 'true',
      note: String(values.get('note')).trim(),
    });
  };
  return form;
}

// Opened by itself when the rating is unhappy.
function reopening(forms) {
  if (!report.moves.includes('reopen')) return null;
  const form = forms.get('reopen') ?? wordsForm('reopen', t('What is still wrong?'), t('Take it up again'));
  return h(
    'details',
    { id: 'more-reopen', className: 'trk-more', open: report.solved === false || (report.rating ?? 5) <= 2 },
    h('summary', {}, t('Not resolved? Reopen the report')),
    form,
  );
}

function noting(forms) {
  if (!report.moves.includes('note')) return null;
  return h(
    'details',
    { id: 'more-note', className: 'trk-more' },
    h('summary', {}, t('Add something')),
    forms.get('note') ?? wordsForm('note', t('What should they know?'), t('Send the note')),
  );
}

function wordsForm(name, label, button) {
  const status = h('p', { role: 'status', className: 'rep-status' }),
    thumbnails = h('ul', { className: 'trk-photos' }),
    choice = photoChoice(thumbnails, (message) => (status.textContent = message));
  const form = h(
    'form',
    { id: name, className: 'trk-form' },
    h('label', { for: `${name}-words`, className: 'rep-line' }, label),
    h('textarea', { id: `${name}-words`, name: 'note', rows: 3, maxlength: 2000 }),
    thumbnails,
    h(
      'label',
      { className: 'rep-pick' },
      h('input', {
        type: 'file',
        accept: 'image/jpeg,image/png,image/webp',
        multiple: true,
        onchange: choice.onchange,
      }),
      h('span', {}, t('Add a photo')),
    ),
    status,
    h('button', { type: 'submit', className: 'rep-go' }, button),
  );
  form.onsubmit = async (event) => {
    event.preventDefault();
    const photos = await choice.ready();
    const note = String(new FormData(form).get('note')).trim();
    if (!note) {
      status.textContent = t('Write a few words.');
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
    h('p', { className: 'quiet' }, t('Report number'), h('br'), h('code', {}, report.id)),
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
  const all = listReports(),
    others = all.filter((entry) => entry.id !== page.id);
  const listItem = (entry) => {
    const name = title(entry) || entry.id.slice(0, 8),
      state = entry.state && stateLabel(entry.state);
    return h(
      'li',
      {},
      h(
        'a',
        { href: `${page.track}/${entry.id}#${entry.secret}` },
        h('b', {}, name),
        h('small', {}, entry.at ? time(entry.at) : '', state ? ` · ${state}` : ''),
      ),
      h(
        'button',
        {
          type: 'button',
          className: 'link',
          'aria-label': t('Forget “%(name)s”', { name }),
          onclick: () => {
            if (confirm(t('Forget this report? Without its link it cannot be looked up again.'))) {
              forget(entry.id);
              drawMine();
            }
          },
        },
        t('Forget'),
      ),
    );
  };
  const rows = page.id ? others : all;
  $('my-reports').hidden = Boolean(page.id) && !all.length;
  $('my-reports').replaceChildren(
    h('h2', { id: 'h-mine' }, t('My reports on this device')),
    rows.length
      ? h('ul', { className: 'trk-mine' }, rows.map(listItem))
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
  refresh();
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && secret && $('lookup').hidden) refresh();
  });
  addEventListener('online', refresh);
  addEventListener('offline', () => showStatus(t('No connection. This is the state last seen.')));
}
