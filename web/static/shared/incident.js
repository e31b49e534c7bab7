// What the worker's page and the dispatcher's desk share: how an incident looks, its moves, sending them, what is new.
import { h, page } from './dom.js';
import { number, t, zh } from './i18n.js';
import { photoChoice } from './image.js';
import { addDays, compactTime, dateTime, today } from './moment.js';
import { answerOf, RequestError, setOfflineText } from './request.js';
import { hasWords, putIn, valuesOf } from './typed.js';
import { inOfferedOrder, isEnded, moveLabel, moveOf, stateLabel, stateOf } from './workflow.js';

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
export const SEVERITY_LABELS = { low: t('Low'), normal: t('Normal'), high: t('Serious'), urgent: t('Urgent') };

export const inLanguage = (record, name) => record[`${name}_${zh ? 'zh' : 'en'}`] || record[`${name}_zh`] || '';
export const when = (at) => h('time', { datetime: at, title: dateTime(at) }, compactTime(at));
export const newKey = () =>
  crypto.randomUUID?.() ??
  [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('');

// ---- urgency: always a shape and a word, never colour alone
const SHAPES = {
  red: 'M5 1h10l4 4v10l-4 4H5l-4-4V5z',
  amber: 'M10 1.5 19 18H1z',
  green: 'M10 1a9 9 0 1 1 0 18 9 9 0 0 1 0-18z',
  none: 'M10 2a8 8 0 1 1 0 16 8 8 0 0 1 0-16z',
};
export const urgency = (incident) => (isEnded(incident.state) ? 'none' : (incident.colour ?? 'none'));
export const shape = (colour, text = '') => {
  const icon = h(
    'svg',
    { viewBox: '0 0 20 20', className: `inc-shape ${colour}`, 'aria-hidden': 'true' },
    h('path', { d: SHAPES[colour] }),
  );
  if (text) {
    const label = document.createElementNS('http://www.w3.org/2000/svg', 'text');
    for (const [name, value] of Object.entries({ x: 10, y: colour === 'amber' ? 16 : 14, 'text-anchor': 'middle' }))
      label.setAttribute(name, String(value));
    label.textContent = text;
    icon.append(label);
  }
  return icon;
};
export const urgencyWords = (incident) => URGENCY_LABELS[urgency(incident)];

export function duration(minutes) {
  const whole = Math.max(1, Math.round(Math.abs(minutes))),
    hours = Math.floor(whole / 60),
    remainder = whole % 60;
  if (!hours) return t('%(n)s min', { n: remainder });
  return remainder && hours < 10
    ? t('%(h)s h %(n)s min', { h: hours, n: remainder })
    : t('%(h)s h', { h: number(hours) });
}

export function timeLeft(incident) {
  if (isEnded(incident.state)) return stateLabel(incident.state);
  if (stateOf(incident.state).paused) return t('Clock stopped');
  if (incident.left_min === null || incident.left_min === undefined) return t('No clock runs');
  const time = duration(incident.left_min);
  if (incident.clock === 'wall')
    return incident.left_min < 0
      ? t('%(time)s overdue, day and night', { time })
      : t('%(time)s left, day and night', { time });
  return incident.left_min < 0 ? t('%(time)s overdue', { time }) : t('%(time)s left', { time });
}

const dueText = (incident, time) =>
  incident.clock === 'wall'
    ? t('Due %(time)s; every hour counts', { time })
    : t('Due %(time)s; only working time counts', { time });

export const clockBadge = (incident, text = timeLeft(incident)) =>
  h(
    'span',
    {
      className: `inc-clock ${urgency(incident)}`,
      title: incident.due ? dueText(incident, dateTime(incident.due)) : null,
    },
    shape(urgency(incident)),
    h('span', { className: 'hidden' }, urgencyWords(incident)),
    text,
  );

/** What is out of the ordinary; without the severity where it is shown beside. */
export const tags = (incident, { severity = true } = {}) => [
  incident.supervised && h('b', { className: 'inc-tag watch' }, t('Supervised')),
  incident.pending && h('b', { className: 'inc-tag asks' }, REQUEST_LABELS[incident.pending]),
  incident.way === 'order' && h('b', { className: 'inc-tag' }, t('Order')),
  severity &&
    ['high', 'urgent'].includes(incident.severity) &&
    h('b', { className: 'inc-tag urgent' }, SEVERITY_LABELS[incident.severity]),
  incident.parent && h('b', { className: 'inc-tag' }, t('Linked')),
  incident.children?.length > 0 && h('b', { className: 'inc-tag' }, t('%(n)s linked', { n: incident.children.length })),
];

export const locationText = (incident) =>
  incident.address ||
  incident.areas
    .filter((area) => area.level === 'grid' || area.level === 'community')
    .map((area) => area.name)
    .join(' ') ||
  incident.area ||
  '';
export const gridOf = (incident) => incident.areas.find((area) => area.level === 'grid')?.name ?? '';

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
      .map((event) =>
        h(
          'li',
          { className: `to-${event.to_state}` },
          h(
            'div',
            {},
            h('b', {}, zh ? event.move_zh : event.move_en),
            ' ',
            h(
              'span',
              {},
              [
                zh ? event.role_zh : event.role || event.role_zh,
                event.who && event.who.replace(/^(account|program|job) /, ''),
              ]
                .filter(Boolean)
                .join(' · '),
            ),
            when(event.at),
          ),
          event.words && h('p', {}, event.words),
          photoList(event.photos),
        ),
      ),
  );

// ---- moves
export const needsNote = (name) => Boolean(moveOf(name).needs_note);
const CHIPS = {
  return: [t('Not in my patch'), t('Nothing found on the spot'), t("Another department's matter"), t('Reported twice')],
  handle: [t('Done on the spot'), t('Talked to those concerned, put right'), t('Cleared away')],
  send_back: [t('Not solved yet'), t('A photo afterwards is missing')],
  request_void: [t('Nothing found on the spot'), t('Reported twice')],
};

// Buttons of what may be done; `act(name, body, photos)` does it. `extra[name]` makes more fields: {element, read}.
// `templates(note)` makes a choice of words for the note, or null. `openForm(name)` of what it returns opens the form of
// a move whose button stands elsewhere. `drafts` keeps what is in a form, by move: {read, keep, forget}; on a phone also
// {photos, keepPhotos}, and what is kept says since when (`at`) and stays when the form is cancelled.
export function moveButtons(incident, act, extra = {}, { templates = null, drafts = null } = {}) {
  const container = h('div', { className: 'inc-moves' });
  // a request takes two: say so to who asks where there is no second account
  const noApprover = () =>
    incident.approvable === false &&
    h(
      'p',
      { className: 'inc-wrong', role: 'note' },
      t(
        'A request needs a second person, and no other account can approve here. Ask the administrator for another account that dispatches in this area (for example of the street), or work on without the request.',
      ),
    );
  const draw = () => {
    delete container.dataset.writing;
    const names = inOfferedOrder(incident.moves).filter((name) => moveOf(name).button);
    const button = (name, main) =>
      h(
        'button',
        {
          type: 'button',
          className: main ? 'inc-go' : 'inc-do',
          'data-move': name,
          onclick: () => (moveOf(name).one_tap && !extra[name] ? act(name, {}, []) : form(name)),
        },
        moveLabel(name),
      );
    // another's work is not the first thing to be offered at the desk
    const isWorker = incident.mine || Boolean(page.patches);
    const main = names.filter(
      (name) =>
        moveOf(name).primary &&
        (isWorker || !moveOf(name).by_worker) &&
        !(name === 'dispatch' && incident.state === 'dispatched'),
    );
    container.replaceChildren(
      ...main.map((name, i) => button(name, i === 0)),
      ...names.filter((name) => !main.includes(name)).map((name) => button(name, false)),
    );
    if (!names.length) container.append(h('p', { className: 'quiet' }, t('No action required from you.')));
    if (incident.pending) container.append(noApprover() || '');
  };
  async function form(name, { focus = true } = {}) {
    container.dataset.writing = name;
    const extraFields = extra[name] ? await extra[name]() : null;
    const note = h('textarea', { rows: 3, maxlength: 2000, id: 'inc-note', required: needsNote(name) });
    const minutes =
      moveOf(name).minutes &&
      h('input', {
        type: 'number',
        min: 1,
        max: 100000,
        step: 1,
        inputmode: 'numeric',
        id: 'inc-minutes',
        required: name === 'request_limit',
      });
    const words = templates && (await templates(note));
    const until =
      moveOf(name).until &&
      h('input', {
        type: 'date',
        id: 'inc-until',
        min: addDays(today(), 1),
        required: name === 'request_suspend',
      });
    const strip = h('ul', { className: 'inc-photos' });
    const draft = drafts?.read(name);
    const keep = () => {
      const element = note.form;
      if (choice.photos.length || hasWords(element)) drafts?.keep(name, valuesOf(element));
      else drafts?.forget(name);
    };
    const choice = photoChoice(
      strip,
      (message) => showError(message),
      (photos) => {
        keep();
        return drafts?.keepPhotos?.(name, photos);
      },
    );
    const camera =
      moveOf(name).photos &&
      h(
        'label',
        { className: 'inc-camera' },
        h('input', {
          type: 'file',
          accept: 'image/jpeg,image/png,image/webp',
          multiple: true,
          onchange: choice.onchange,
        }),
        h(
          'svg',
          { viewBox: '0 0 24 24', 'aria-hidden': 'true' },
          h('path', { d: 'M4 8h3l2-3h6l2 3h3v11H4z' }),
          h('circle', { cx: 12, cy: 13, r: 3.5 }),
        ),
        t('Add photos'),
      );
    const status = h('p', { className: 'inc-wrong', role: 'alert', hidden: true });
    const giveUp = () => {
      if (!drafts?.photos) drafts?.forget(name);
      draw();
    };
    const showError = (message, field) => {
      status.textContent = message;
      status.hidden = false;
      field?.focus();
    };
    container.replaceChildren(
      h(
        'form',
        {
          className: 'inc-form',
          novalidate: true,
          oninput: keep,
          onsubmit: async (event) => {
            event.preventDefault();
            const photos = await choice.ready();
            if (needsNote(name) && !note.value.trim())
              return showError(t('Say it in a few words: who comes after you reads this.'), note);
            if (minutes && (minutes.required || minutes.value) && !(minutes.valueAsNumber >= 1))
              return showError(t('Give the minutes as a whole number, at least 1.'), minutes);
            if (until?.required && !until.value) return showError(t('Choose the day when the suspension ends.'), until);
            const body = {
              ...(until?.value && { until: until.value }),
              ...(note.value.trim() && { note: note.value.trim() }),
              ...(minutes && minutes.value && { minutes: minutes.valueAsNumber }),
              ...(await extraFields?.read?.()),
            };
            if (body.wrong) return showError(body.wrong);
            return act(name, body, photos);
          },
        },
        h('h3', {}, moveLabel(name)),
        draft?.at &&
          h(
            'p',
            { className: 'inc-kept' },
            t('Kept on this phone, not sent: %(time)s', { time: when(new Date(draft.at).toISOString()).textContent }),
            h(
              'button',
              { type: 'button', className: 'link', onclick: () => Promise.resolve(drafts.forget(name)).then(draw) },
              t('Drop it'),
            ),
          ),
        name.startsWith('request_') && noApprover(),
        extraFields?.element,
        minutes && [
          h(
            'label',
            { for: 'inc-minutes' },
            incident.clock === 'wall' ? t('Minutes, day and night') : t('Working minutes'),
          ),
          minutes,
        ],
        until && [
          h('label', { for: 'inc-until' }, until.required ? t('Suspended through') : t('End it earlier (optional)')),
          until,
        ],
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
                    note.dispatchEvent(new Event('input', { bubbles: true }));
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
          needsNote(name) ? t('What is there to say') : t('What is there to say (optional)'),
        ),
        words,
        note,
        camera && [strip, camera],
        status,
        h(
          'div',
          { className: 'inc-pair' },
          h('button', { type: 'button', className: 'inc-do', onclick: giveUp }, t('Cancel')),
          h('button', { type: 'submit', className: 'inc-go' }, moveLabel(name)),
        ),
      ),
    );
    if (draft) {
      extraFields?.prepare?.(draft);
      putIn(note.form, draft);
      if (drafts.photos) choice.restore(drafts.photos(name));
    }
    if (focus && !extraFields) note.focus({ preventScroll: true });
  }
  draw();
  return Object.assign(container, { openForm: form });
}

// ---- sending
/**
 * @param {string} path
 * @param {{method?: string, body?: any, photos?: Blob[], version?: number, key?: string}} [options]
 */
export async function send(path, { method = 'POST', body, photos = [], version, key } = {}) {
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
      signal: AbortSignal.timeout(60_000),
    });
  } catch {
    throw new RequestError({ status: 0, detail: t('No connection') });
  }
  return answerOf(response, t('No connection'));
}

// ---- what is new: a stream that goes on by itself; `heard(event)` for each, and once with nothing after a break
export function subscribe(onEvent) {
  const eventIds = new Set();
  let source, fallback;
  const open = () => {
    source = new EventSource(`${page.api}/events`);
    source.addEventListener('incident', (event) => {
      if (eventIds.has(event.lastEventId)) return;
      eventIds.add(event.lastEventId);
      if (eventIds.size > 2000) eventIds.clear();
      onEvent(JSON.parse(event.data));
    });
    source.onopen = () => {
      document.body.dataset.live = 'yes';
    };
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED) return; // it asks again by itself
      document.body.dataset.live = 'no';
      clearTimeout(fallback);
      fallback = setTimeout(() => {
        onEvent(null);
        open();
      }, 20_000);
    };
  };
  open();
  addEventListener('pagehide', () => source.close());
  addEventListener('pageshow', (event) => {
    if (event.persisted) {
      open();
      onEvent(null);
    }
  });
}
