// One matter: its head, what was said of it, its facts, its moves, and what happened.
import { $, h, page, phone } from '../../shared/dom.js';
import { t, zh } from '../../shared/i18n.js';
import {
  clockBadge,
  inLanguage,
  locationText,
  moveButtons,
  newKey,
  photoList,
  send,
  SEVERITY_LABELS,
  shape,
  tags,
  timeline,
  urgency,
  when,
} from '../../shared/incident.js';
import { jointParts } from '../../shared/joint.js';
import { releaseOf } from '../../shared/press.js';
import { request, RequestError } from '../../shared/request.js';
import { hasWords } from '../../shared/typed.js';
import { moveLabel, moveOf, stateLabel, stateOf } from '../../shared/workflow.js';
import { updateAddress } from './address.js';
import { contact, contactFocus } from './contact.js';
import { fieldsOf } from './fields.js';
import { inbox } from './inbox.js';
import { kin } from './kin.js';
import { counts, load } from './list.js';
import { isQueue } from './queue.js';
import { holder, redraw, rowsReleased, showStatus } from './rows.js';
import { templateChoice } from './templates.js';
import { forget, unsentMove, unsentOf } from './unsent.js';

const { map } = window.wangge;
let marker = null;

export const part = Object.fromEntries(
  ['head', 'status', 'top', 'moves', 'facts'].map((name) => [
    name,
    h(name === 'head' ? 'header' : 'div', { className: `dsk-${name}-part` }),
  ]),
);
part.status.setAttribute('role', 'alert');
part.ground = $('ground');
part.ground.remove();
part.ground.hidden = false;

export async function show(id, { quiet = false } = {}) {
  const sameIncident = inbox.opened === id;
  inbox.opened = id;
  const index = inbox.rows.findIndex((incident) => incident.id === id);
  if (index >= 0) inbox.at = index;
  if (!quiet) updateAddress({ incident: id }, { replace: true });
  mark();
  document.body.classList.add('dsk-opened');
  if (!sameIncident || !inbox.full) {
    inbox.full = null;
    if (!sameIncident) keepJoint();
    $('detail').replaceChildren(part.head, part.status, part.top, part.moves, part.ground, part.facts);
    for (const element of [part.moves, part.facts]) element.replaceChildren();
    if (inbox.rows[index]?.moves) fill(inbox.rows[index]);
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
    await Promise.all([released(), rowsReleased()]);
    if (inbox.opened !== id) return;
    inbox.full = incident;
    fill(incident);
    redraw(incident, false);
  } catch (error) {
    if (error.name === 'AbortError' || inbox.opened !== id) return;
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

export function panelSays(content) {
  part.status.replaceChildren(...(content?.length ? [h('p', { className: 'inc-wrong' }, ...[content].flat())] : []));
  if (content?.length) $('detail').scrollTop = 0;
}
export function mark() {
  for (const tableRow of $('rows').children) {
    if (tableRow.dataset.id === inbox.opened) tableRow.setAttribute('aria-current', 'true');
    else tableRow.removeAttribute('aria-current');
  }
}

export function close() {
  const id = inbox.opened;
  inbox.opened = inbox.full = null;
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
    incident
      ? h(
          'a',
          { className: 'dsk-print', href: `${page.root}/desk/${incident.id}/order`, target: '_blank', rel: 'noopener' },
          t('Print'),
        )
      : '',
    h('button', { type: 'button', className: 'dsk-x', 'aria-label': t('Close'), onclick: close }, '×'),
  );
}

const fact = (name, ...content) => {
  const parts = content.flat().filter((item) => item !== null && item !== undefined && item !== false && item !== '');
  return parts.length ? [h('dt', {}, name), h('dd', {}, ...parts)] : [];
};
const released = releaseOf($('detail'));
// Joint handling of other matters, where something was typed and not sent.
const unsentJoints = new Map();
let jointOf = null; // the matter whose joint handling is shown
function keepJoint() {
  const joint = part.facts.querySelector('.inc-joint');
  if (jointOf && joint && hasWords(joint)) unsentJoints.set(jointOf, joint);
  jointOf = null;
}
export const writing = () => part.moves.querySelector('[data-writing]');

// buttons of moves that stand where what they are about is shown; their forms open among the moves
const triggers = (incident, place) => {
  const offered = incident.moves.filter((name) => moveOf(name).place === place);
  return offered.length
    ? h(
        'p',
        { className: 'dsk-triggers' },
        offered.map((name) =>
          h(
            'button',
            { type: 'button', className: 'dsk-link', 'data-move': name, onclick: () => openForm(name) },
            moveLabel(name),
          ),
        ),
      )
    : '';
};

/** Opens the form of a move of the open matter. */
export async function openForm(name) {
  const buttons = part.moves.querySelector('.inc-moves');
  await buttons?.openForm(name);
  buttons?.scrollIntoView({ block: 'start' });
}

function fill(incident) {
  head(incident);
  const within = incident.areas
    .filter((area) => ['community', 'grid', 'unit'].includes(area.level))
    .map((area) => area.name)
    .join(' › ');
  const typing = contactFocus();
  const reach = page.may.contacts ? contact(incident, isQueue() ? t('Follow-up visit') : null) : '';
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
    triggers(incident, 'parts'),
    photoList(incident.photos) || '',
    h(
      'dl',
      {},
      ...fact(t('Where'), locationText(incident), within !== locationText(incident) && h('small', {}, within)),
      ...fact(
        t('Held by'),
        ...holder(incident),
        incident.holder_phone &&
          h('a', { className: 'dsk-phone', href: `tel:${incident.holder_phone}` }, incident.holder_phone),
      ),
      ...(incident.late_by
        ? fact(
            t('Late since'),
            when(incident.late_since),
            h('small', {}, [incident.late_by.name, inLanguage(incident.late_by, 'role')].filter(Boolean).join(' · ')),
          )
        : []),
      ...fact(t('Suspended through'), incident.suspended_until && when(incident.suspended_until)),
      ...fact(t('Reported'), when(incident.reported_at)),
      ...fact(t('Severity'), SEVERITY_LABELS[incident.severity]),
      ...fact(t('Rule'), incident.rule),
      ...fact(t('Number'), h('span', { className: 'dsk-number' }, incident.id.slice(0, 8))),
      ...fact(
        t('Hotline number'),
        incident.attributes?.external_number &&
          h('span', { className: 'dsk-number' }, incident.attributes.external_number),
        incident.attributes?.external_system && h('small', {}, incident.attributes.external_system),
      ),
    ),
    isQueue() ? reach : '',
  );
  // what is being written there stays
  const joint =
    unsentJoints.get(incident.id) ??
    part.facts.querySelector('.inc-joint:has(form:not([hidden]))') ??
    jointParts(incident, () => show(incident.id, { quiet: true }));
  unsentJoints.delete(incident.id);
  part.facts.replaceChildren(
    triggers(incident, 'map'),
    triggers(incident, 'follow_up'),
    triggers(incident, 'rating'),
    triggers(incident, 'kin'),
    ...kin(incident, { show, act }),
    joint,
    isQueue() ? '' : reach,
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
  jointOf = incident.id;
  typing?.focus();
  ground(incident);
  if (!writing()) drawMoves(incident);
}

// with the form of the move that was typed for and not sent, if there is one
function drawMoves(incident) {
  const buttons = moveButtons(incident, (name, body, photos) => act(incident, name, body, photos), fieldsOf(incident), {
    templates: page.may.dispatch ? (note) => templateChoice(incident, note) : null,
    drafts: unsentOf(incident.id),
  });
  part.moves.replaceChildren(buttons);
  const move = unsentMove(incident.id);
  if (incident.moves.includes(move)) buttons.openForm(move, { focus: false });
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

export async function act(incident, name, body, photos) {
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
    forget(incident.id, name);
    part.moves.replaceChildren();
    redraw(moved);
    if (isQueue()) load({ keep: true });
    else counts().catch(() => {});
    showStatus(t('Done: %(move)s', { move: moveLabel(name) }));
    if (inbox.opened === incident.id) await show(incident.id, { quiet: true });
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
    inbox.full = now;
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
