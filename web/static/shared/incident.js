// What the worker's page and the dispatcher's desk share: how an incident looks, its moves, sending them, what is new.
import { h, page } from './dom.js';
import { number, t, zh } from './i18n.js';
import { Refused, setOfflineText } from './request.js';

setOfflineText(t('No connection'));

export const URGENCY_LABELS = {
  red: t('Overdue'),
  amber: t('Nearly due'),
  green: t('In time'),
  none: t('No clock runs'),
};
const REQUEST_LABELS = {
  suspend: t('Asks to suspend'),
  extend: t('Asks for more time'),
  limit: t('Asks for another time limit'),
  void: t('Asks to make void'),
};
const SEVERITY_LABELS = { high: t('Serious'), urgent: t('Urgent') };

export const pick = (one, name) => one[`${name}_${zh ? 'zh' : 'en'}`] || one[`${name}_zh`] || '';
export const stateWords = (state) => (page.states[state] ?? [state, state])[zh ? 0 : 1];
export const moveWords = (name) => (page.moves[name] ? page.moves[name][zh ? 0 : 1] : name);
export const when = (at) =>
  h('time', { datetime: at, title: new Date(at).toLocaleString(zh ? 'zh-CN' : 'en-GB') }, shortTime(at));
export const newKey = () =>
  crypto.randomUUID?.() ??
  [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('');

function shortTime(at) {
  const time = new Date(at),
    now = new Date();
  const clock = time.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  if (time.toDateString() === now.toDateString()) return clock;
  const day = time.toLocaleDateString('en-GB', { month: '2-digit', day: '2-digit' }).split('/').reverse().join('-');
  return (time.getFullYear() === now.getFullYear() ? day : `${time.getFullYear()}-${day}`) + ' ' + clock;
}

// ---- urgency: always a shape and a word, never colour alone
const SHAPES = {
  red: 'M5 1h10l4 4v10l-4 4H5l-4-4V5z',
  amber: 'M10 1.5 19 18H1z',
  green: 'M10 1a9 9 0 1 1 0 18 9 9 0 0 1 0-18z',
  none: 'M10 2a8 8 0 1 1 0 16 8 8 0 0 1 0-16z',
};
export const urgency = (one) => (one.state === 'closed' || one.state === 'void' ? 'none' : (one.colour ?? 'none'));
export const shape = (colour, text = '') => {
  const made = h(
    'svg',
    { viewBox: '0 0 20 20', className: `inc-shape ${colour}`, 'aria-hidden': 'true' },
    h('path', { d: SHAPES[colour] }),
  );
  if (text) {
    const words = document.createElementNS('http://www.w3.org/2000/svg', 'text');
    for (const [name, value] of Object.entries({ x: 10, y: colour === 'amber' ? 16 : 14, 'text-anchor': 'middle' }))
      words.setAttribute(name, String(value));
    words.textContent = text;
    made.append(words);
  }
  return made;
};
export const urgencyWords = (one) => URGENCY_LABELS[urgency(one)];

export function span(minutes) {
  const whole = Math.max(1, Math.round(Math.abs(minutes))),
    hours = Math.floor(whole / 60),
    rest = whole % 60;
  if (!hours) return t('%(n)s min', { n: rest });
  return rest && hours < 10 ? t('%(h)s h %(n)s min', { h: hours, n: rest }) : t('%(h)s h', { h: number(hours) });
}

export function left(one) {
  if (one.state === 'closed' || one.state === 'void') return stateWords(one.state);
  if (one.state === 'suspended') return t('Clock stopped');
  if (one.left_min === null || one.left_min === undefined) return t('No clock runs');
  return one.left_min < 0
    ? t('%(time)s overdue', { time: span(one.left_min) })
    : t('%(time)s left', { time: span(one.left_min) });
}

export const clockBadge = (one) =>
  h(
    'span',
    {
      className: `inc-clock ${urgency(one)}`,
      title: one.due
        ? t('Due %(time)s; only working time counts', {
            time: new Date(one.due).toLocaleString(zh ? 'zh-CN' : 'en-GB'),
          })
        : null,
    },
    shape(urgency(one)),
    h('span', { className: 'hidden' }, urgencyWords(one)),
    left(one),
  );

export const tags = (one) => [
  one.supervised && h('b', { className: 'inc-tag watch' }, t('Supervised')),
  one.pending && h('b', { className: 'inc-tag asks' }, REQUEST_LABELS[one.pending]),
  one.way === 'order' && h('b', { className: 'inc-tag' }, t('Order')),
  ['high', 'urgent'].includes(one.severity) && h('b', { className: 'inc-tag urgent' }, SEVERITY_LABELS[one.severity]),
  one.parent && h('b', { className: 'inc-tag' }, t('Linked')),
  one.children?.length > 0 && h('b', { className: 'inc-tag' }, t('%(n)s linked', { n: one.children.length })),
];

export const place = (one) =>
  one.address ||
  one.areas
    .filter((area) => area.level === 'grid' || area.level === 'community')
    .map((area) => area.name)
    .join(' ') ||
  one.area ||
  '';
export const gridOf = (one) => one.areas.find((area) => area.level === 'grid')?.name ?? '';

// ---- photos and timeline
export const photoList = (ids) =>
  ids.length > 0 &&
  h(
    'ul',
    { className: 'inc-photos' },
    ids.map((id, i) =>
      h(
        'li',
        {},
        h(
          'a',
          { href: `${page.api}/photos/${id}`, target: '_blank', rel: 'noopener' },
          h('img', {
            src: `${page.api}/photos/${id}/thumbnail`,
            alt: t('Photo %(n)s', { n: i + 1 }),
            loading: 'lazy',
            width: 96,
            height: 96,
          }),
        ),
      ),
    ),
  );

export const timeline = (events) =>
  h(
    'ol',
    { className: 'inc-line' },
    [...events]
      .reverse()
      .map((one) =>
        h(
          'li',
          { className: `to-${one.to_state}` },
          h(
            'div',
            {},
            h('b', {}, zh ? one.move_zh : one.move_en),
            ' ',
            h(
              'span',
              {},
              [zh ? one.role_zh : one.role || one.role_zh, one.who && one.who.replace(/^(account|program|job) /, '')]
                .filter(Boolean)
                .join(' · '),
            ),
            when(one.at),
          ),
          one.words && h('p', {}, one.words),
          photoList(one.photos),
        ),
      ),
  );

// ---- moves
// in which order they are offered: what carries the work on first
const ORDER = [
  'take',
  'handle',
  'accept',
  'dispatch',
  'check',
  'close',
  'approve_suspend',
  'approve_extend',
  'approve_limit',
  'approve_void',
  'resume',
  'refuse_suspend',
  'refuse_extend',
  'refuse_limit',
  'refuse_void',
  'send_back',
  'return',
  'reclassify',
  'supervise',
  'release',
  'withdraw',
  'request_extend',
  'request_limit',
  'request_suspend',
  'request_void',
  'link',
  'unlink',
  'reopen',
  'rate',
  'note',
];
export const inOrder = (moves) =>
  [...moves].sort((a, b) => ((ORDER.indexOf(a) + 99) % 99) - ((ORDER.indexOf(b) + 99) % 99));
const FIRST = new Set(ORDER.slice(0, ORDER.indexOf('resume') + 1)); // they carry the work on
// one tap does it: nothing more to be said
export const AT_ONCE = new Set([
  'take',
  'accept',
  'check',
  'close',
  'resume',
  'unlink',
  'withdraw',
  'approve_suspend',
  'approve_void',
]);
export const needsWords = (name) => Boolean(page.moves[name]?.[2]);
const PHOTOS = new Set(['handle', 'note', 'return', 'request_suspend', 'request_void']);
const MINUTES = new Set(['request_extend', 'approve_extend', 'request_limit', 'approve_limit']);
const CHIPS = {
  return: [t('Not in my patch'), t('Nothing found on the spot'), t("Another department's matter"), t('Reported twice')],
  handle: [t('Done on the spot'), t('Talked to those concerned, put right'), t('Cleared away')],
  send_back: [t('Not solved yet'), t('A photo afterwards is missing')],
  request_void: [t('Nothing found on the spot'), t('Reported twice')],
};
// of what the state allows, what would change something
export const useful = (one) =>
  one.moves.filter((name) => name !== (one.supervised ? 'supervise' : 'release') && (one.parent || name !== 'unlink'));

// Buttons of what may be done; `act(name, body, photos)` does it. `extra[name]` makes more fields: {element, read}.
export function moveButtons(one, act, extra = {}) {
  const box = h('div', { className: 'inc-moves' });
  // a request takes two: say so to who asks where there is no second account
  const noApprover = () =>
    one.approvable === false &&
    h(
      'p',
      { className: 'inc-wrong', role: 'note' },
      t(
        'A request needs a second person, and no other account can approve here. Ask the administrator for another account that dispatches in this area (for example of the street), or work on without the request.',
      ),
    );
  const skip = new Set(['rate', 'link', 'reopen']);
  const draw = () => {
    delete box.dataset.writing;
    const names = inOrder(useful(one)).filter((name) => !skip.has(name));
    const button = (name, main) =>
      h(
        'button',
        {
          type: 'button',
          className: main ? 'inc-go' : 'inc-do',
          'data-move': name,
          onclick: () => (AT_ONCE.has(name) && !extra[name] ? act(name, {}, []) : form(name)),
        },
        moveWords(name),
      );
    // another's work is not the first thing to be offered at the desk
    const own = one.mine || Boolean(page.patches);
    const main = names.filter(
      (name) =>
        FIRST.has(name) &&
        (own || !['take', 'handle'].includes(name)) &&
        !(name === 'dispatch' && one.state === 'dispatched'),
    );
    box.replaceChildren(
      ...main.map((name, i) => button(name, i === 0)),
      ...names.filter((name) => !main.includes(name)).map((name) => button(name, false)),
    );
    if (!names.length) box.append(h('p', { className: 'quiet' }, t('Nothing for you to do here just now.')));
    if (one.pending) box.append(noApprover() || '');
  };
  async function form(name) {
    box.dataset.writing = name;
    const more = extra[name] ? await extra[name]() : null;
    const note = h('textarea', { rows: 3, maxlength: 2000, id: 'inc-note', required: needsWords(name) });
    const minutes =
      MINUTES.has(name) &&
      h('input', {
        type: 'number',
        min: 1,
        max: 100000,
        step: 1,
        inputmode: 'numeric',
        id: 'inc-minutes',
        required: name === 'request_limit',
      });
    let photos = [];
    const strip = h('ul', { className: 'inc-photos' });
    const camera =
      PHOTOS.has(name) &&
      h(
        'label',
        { className: 'inc-camera' },
        h('input', {
          type: 'file',
          accept: 'image/jpeg,image/png,image/webp',
          multiple: true,
          onchange: async (event) => {
            const { prepared } = await import('./image.js');
            for (const file of event.target.files) {
              const made = await prepared(file, page.longest_side);
              if (made) photos.push(made);
            }
            photos = photos.slice(0, page.most_photos);
            event.target.value = '';
            strip.replaceChildren(
              ...photos.map((blob, i) =>
                h(
                  'li',
                  {},
                  h('img', {
                    src: URL.createObjectURL(blob),
                    alt: t('Photo %(n)s', { n: i + 1 }),
                    width: 96,
                    height: 96,
                  }),
                ),
              ),
            );
          },
        }),
        h(
          'svg',
          { viewBox: '0 0 24 24', 'aria-hidden': 'true' },
          h('path', { d: 'M4 8h3l2-3h6l2 3h3v11H4z' }),
          h('circle', { cx: 12, cy: 13, r: 3.5 }),
        ),
        t('Add photos'),
      );
    const said = h('p', { className: 'inc-wrong', role: 'alert', hidden: true });
    const wrong = (words, field) => {
      said.textContent = words;
      said.hidden = false;
      field?.focus();
    };
    box.replaceChildren(
      h(
        'form',
        {
          className: 'inc-form',
          novalidate: true,
          onsubmit: (event) => {
            event.preventDefault();
            if (needsWords(name) && !note.value.trim())
              return wrong(t('Say it in a few words: who comes after you reads this.'), note);
            if (minutes && (minutes.required || minutes.value) && !(minutes.valueAsNumber >= 1))
              return wrong(t('Give the working minutes as a whole number, at least 1.'), minutes);
            const body = {
              ...(note.value.trim() && { note: note.value.trim() }),
              ...(minutes && minutes.value && { minutes: minutes.valueAsNumber }),
              ...more?.read?.(),
            };
            if (body.wrong) return wrong(body.wrong);
            return act(name, body, photos);
          },
        },
        h('h3', {}, moveWords(name)),
        name.startsWith('request_') && noApprover(),
        more?.element,
        minutes && [h('label', { for: 'inc-minutes' }, t('Working minutes')), minutes],
        CHIPS[name] &&
          h(
            'div',
            { className: 'inc-chips' },
            CHIPS[name].map((chip) =>
              h(
                'button',
                {
                  type: 'button',
                  onclick: () => {
                    note.value = [note.value.trim(), chip].filter(Boolean).join(zh ? '，' : ', ');
                    note.focus();
                  },
                },
                chip,
              ),
            ),
          ),
        h(
          'label',
          { for: 'inc-note' },
          needsWords(name) ? t('What is there to say') : t('What is there to say (optional)'),
        ),
        note,
        camera && [strip, camera],
        said,
        h(
          'div',
          { className: 'inc-pair' },
          h('button', { type: 'button', className: 'inc-do', onclick: draw }, t('Cancel')),
          h('button', { type: 'submit', className: 'inc-go' }, moveWords(name)),
        ),
      ),
    );
    if (!more) note.focus({ preventScroll: true });
  }
  draw();
  return box;
}

// ---- sending
/**
 * @param {string} path
 * @param {{method?: string, body?: any, photos?: Blob[], version?: number, key?: string, signal?: AbortSignal}} [options]
 */
export async function send(path, { method = 'POST', body, photos = [], version, key, signal } = {}) {
  const headers = { Accept: 'application/json', 'X-CSRFToken': page.csrf };
  if (key) headers['Idempotency-Key'] = key;
  if (version !== undefined && version !== null) headers['If-Match'] = `"${version}"`;
  /** @type {string | FormData} */
  let content = JSON.stringify(body);
  if (photos.length) {
    const form = new FormData();
    form.append('json', content);
    photos.forEach((blob, i) => form.append('photo', blob, `photo${i + 1}.jpg`));
    content = form;
  } else headers['Content-Type'] = 'application/json';
  let response;
  try {
    response = await fetch(page.api + path, {
      method,
      headers,
      body: content,
      signal: signal ?? AbortSignal.timeout(60_000),
    });
  } catch {
    throw new Refused({ status: 0, detail: t('No connection') });
  }
  const answer = await response.json().catch(() => ({ status: response.status, detail: t('This did not work') }));
  if (!response.ok) throw new Refused({ ...answer, status: response.status });
  return answer;
}

// ---- what is new: a stream that goes on by itself; `heard(event)` for each, and once with nothing after a break
export function live(heard) {
  const seen = new Set();
  let source, fallback;
  const open = () => {
    source = new EventSource(`${page.api}/events`);
    source.addEventListener('incident', (event) => {
      if (seen.has(event.lastEventId)) return;
      seen.add(event.lastEventId);
      if (seen.size > 2000) seen.clear();
      heard(JSON.parse(event.data));
    });
    source.onopen = () => {
      document.body.dataset.live = 'yes';
    };
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED) return; // it asks again by itself
      document.body.dataset.live = 'no';
      clearTimeout(fallback);
      fallback = setTimeout(() => {
        heard(null);
        open();
      }, 20_000);
    };
  };
  open();
  addEventListener('pagehide', () => source.close());
  addEventListener('pageshow', (event) => {
    if (event.persisted) {
      open();
      heard(null);
    }
  });
}
