// The planner's page of coverage: what is asked stands in the address, every figure comes from the API.
import { $, h, isEscape, page, phone } from '../../shared/dom.js';
import { number, t } from '../../shared/i18n.js';
import { dateTime, fieldValue, shortDateTime } from '../../shared/moment.js';
import { RequestError } from '../../shared/request.js';
import { question, readAddress, state, TABS, wholeReport, writeAddress } from './address.js';
import { askClasses, askCoverage, askFacilities } from './answers.js';
import { clearBuildings, drawBuildings, drawChosen, viewBox } from './outlines.js';
import { choice, clearChoice, isChosen, nameOf, onChoice, showChips } from './choice.js';
import { fillCompare, onCompare, otherChanges, showShares, sideNames } from './compare.js';
import { codeOf, countsOf, totalsOf } from './cross.js';
import { drawDoors, onDoorsChanged } from './doors.js';
import { offerFacilities, onFacilitiesChanged } from './facilities.js';
import { drawFacilities, forgetReturn, giveClick, map, mapStatus, whole } from './drawing.js';
import { back, drawGaps, pick, showGaps } from './gaps.js';
import { showLegend } from './legend.js';
import { histogram, percent, showAreas, showCircle, showTotals } from './overview.js';
import { drawPaths, onPathsChanged } from './paths.js';
import { savePicture } from './picture.js';
import { findClosures, findSites, forgetSites, onPlaces, restoreSiting, startPin, takePinAway } from './siting.js';

const controls = $('controls');
let asked = 0;

const chosenText = (name) => controls.elements[name].selectedOptions[0]?.textContent.trim() ?? '';
const what = () => ({ service: chosenText('what'), profile: chosenText('profile'), area: chosenText('area') });

// ---- the controls
function fillControls() {
  const fields = controls.elements;
  fields.what.value = state.category;
  fields.minutes.value = String(state.minutes);
  fields.profile.value = state.profile;
  fields.when.value = state.at && state.at !== 'now' ? 'then' : state.at;
  fields.then.value = fields.when.value === 'then' ? fieldValue(state.at) : '';
  $('then').hidden = fields.when.value !== 'then';
  fields.area.value = state.area;
  $('in-view').checked = Boolean(state.view);
  if (page.may.plan) $('siting-hours').hidden = !state.at;
  if (page.may.plan && state.sites) $('siting-form').elements.sites.value = state.sites;
  if (page.may.plan && state.model) $('siting-form').elements.model.value = state.model;
}

// The moment chosen: empty for any. A time not yet entered asks nothing new.
function moment(fields) {
  $('then').hidden = fields.when.value !== 'then';
  return fields.when.value === 'then' ? fields.then.value : fields.when.value;
}

function readControls(event) {
  const fields = controls.elements;
  const at = moment(fields);
  if (event?.target === fields.when && fields.when.value === 'then' && !at) return fields.then.focus();
  writeAddress(
    {
      category: fields.what.value,
      minutes: Number(fields.minutes.value),
      profile: fields.profile.value,
      at,
      area: fields.area.value,
      gap: '',
      community: fields.area.value === state.area ? state.community : '',
    },
    true,
  );
  forgetReturn();
  if (page.may.plan) {
    $('siting-hours').hidden = !at;
    forgetSites();
  }
  show();
}

// ---- the answer
async function show() {
  const turn = (asked += 1);
  const room = $('answer');
  room.setAttribute('aria-busy', 'true');
  $('panel').classList.add('waits');
  mapStatus('');
  try {
    fillCompare(sides());
    const [answer, classes, other] = await Promise.all([askCoverage(), askClasses(viewed()), askOther()]);
    if (turn !== asked) return;
    showAnswer({ answer, classes, other });
    askFacilities().then(drawFacilities, () => drawFacilities([])); // the figures stand without them
    await Promise.all([buildings(true), showGaps()]);
    if (state.gap) {
      const code = state.gap;
      state.gap = '';
      pick(code);
    }
  } catch (error) {
    if (error.name === 'AbortError' || turn !== asked) return;
    if (!(error instanceof RequestError)) throw error;
    showError(error);
  } finally {
    if (turn === asked) {
      room.setAttribute('aria-busy', 'false');
      $('panel').classList.remove('waits');
      document.body.dataset.ready = 'yes';
      if (recount) countView();
      recount = false;
    }
  }
}

let latest = null; // the answer on the page: {answer, classes, other}; other is the right side of a comparison

function showAnswer(given) {
  latest = given;
  const { answer } = given;
  const then = answer.open_at && t('open at %(time)s', { time: dateTime(answer.open_at) });
  $('flat').textContent = answer.flat ? t('Slopes are not counted: no elevations are loaded') : t('Slopes are counted');
  showCounts();
  const { service, profile, area } = what();
  $('printed-title').textContent = t('%(what)s within %(minutes)s minutes', {
    what: service,
    minutes: number(answer.minutes),
  });
  $('printed-query').textContent = [profile, then, area].filter(Boolean).join(' · ');
}

// Charts, table and legend, of what the choice and the view of the map leave.
function showCounts() {
  const { answer, classes, other } = latest;
  const { communities } = choice();
  const counts = countsOf(classes.areas, communities);
  const total = totalsOf(counts);
  const then = answer.open_at && t('open at %(time)s', { time: dateTime(answer.open_at) });
  const names = classes.areas.filter((area) => communities.includes(codeOf(area.code))).map(nameOf);
  const focus = /** @type {HTMLElement} */ (document.activeElement)?.dataset ?? {};
  $('answer').replaceChildren(
    ...[
      showTotals(total, answer, { ...what(), then, communities: names }, [
        histogram(counts, classes.limits),
        showAreas(classes.areas),
      ]),
      state.view || !total.households ? null : showCircle(total, plainOf(answer.areas, communities)),
      wholeReport(t('Report of fifteen-minute coverage')),
      dates(answer),
    ].filter(Boolean),
  );
  const compared = other && countsOf(other.areas, communities);
  showLegend(counts, classes.limits, answer.minutes, compared, sideNames());
  if (compared) showShares(percent(total.share), percent(totalsOf(compared).share));
  showChips(classes);
  const again = focus.choose ? `[data-choose="${focus.choose}"]` : focus.line && `[data-line="${focus.line}"]`;
  if (again) /** @type {HTMLElement} */ (document.querySelector(again))?.focus();
}

// Households that a straight circle would count, in the chosen communities or everywhere.
const plainOf = (areas, communities) =>
  areas
    .filter((area) => !communities.length || communities.includes(codeOf(area.code)))
    .reduce((sum, area) => sum + area.plain_circle_households, 0);

function dates(answer) {
  return h(
    'p',
    { className: 'cov-dates quiet' },
    answer.computed_at ? t('Computed %(time)s', { time: dateTime(answer.computed_at) }) : null,
    answer.network_version ? ` · ${t('network %(version)s', { version: answer.network_version })}` : null,
    answer.flat ? ` · ${t('without elevations')}` : null,
  );
}

function showError(error) {
  latest = null;
  clearBuildings();
  $('legend').hidden = true;
  $('gap-count').textContent = '';
  const none = error.problem.code === 'network.not_loaded';
  $('answer').replaceChildren(
    h(
      'div',
      { className: 'cov-none', role: 'alert' },
      h('h2', {}, none ? error.message : t('This cannot be shown')),
      none ? null : h('p', {}, error.message),
      none ? null : h('button', { type: 'button', className: 'cov-second', onclick: show }, t('Try again')),
    ),
  );
  $('gaps').replaceChildren(h('p', { className: 'cov-wrong' }, error.message));
}

async function buildings(anew = false) {
  try {
    await drawBuildings((code, latlng) => {
      if (!giveClick(latlng) && pick(code)) tab('gaps');
    }, anew);
  } catch (error) {
    if (error.name === 'AbortError') return;
    if (!(error instanceof RequestError)) throw error;
    mapStatus(error.message);
  }
}

// ---- the choice: classes, communities, and the view of the map
// With new places the answer counts the own areas only, as in a box: both sides of the comparison shall.
const EVERYWHERE = '-180,-90,180,90';
const viewed = () => (state.view ? viewBox() : otherChanges()?.sites ? EVERYWHERE : null);

let recount = false; // the map has moved while an answer was awaited

async function countView() {
  if (!latest) return;
  if ($('answer').getAttribute('aria-busy') === 'true') {
    recount = true;
    return;
  }
  try {
    [latest.classes, latest.other] = await Promise.all([askClasses(viewed()), askOther()]);
    showCounts();
    drawGaps();
  } catch (error) {
    if (error.name === 'AbortError') return;
    if (!(error instanceof RequestError)) throw error;
    mapStatus(error.message);
  }
}

// ---- the comparison
// The right side; without an answer it is left out, and the left stands alone.
async function askOther() {
  if (!otherChanges()) return null;
  try {
    return await askClasses(viewed(), otherChanges(), 'classes compared');
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    mapStatus(error.message);
    return null;
  }
}
const sides = () => ({
  profile: chosenText('profile'),
  at: /^\d/.test(state.at) ? shortDateTime(state.at) : chosenText('when'),
  clock: shortDateTime,
});

function compareNow() {
  fillCompare(sides());
  if (!latest) return;
  buildings();
  countView();
}
onCompare(compareNow);
onPlaces(() => {
  if (state.with === 'sites') compareNow();
  else fillCompare(sides());
});

onDoorsChanged(show);
onPathsChanged(show);
onFacilitiesChanged(show);

onChoice(() => {
  if (latest) showCounts();
  drawChosen();
  drawGaps();
});
$('in-view').addEventListener('change', ({ target }) => {
  writeAddress({ view: target.checked ? 'yes' : '' });
  countView();
});
$('choice-clear').addEventListener('click', () => {
  clearChoice();
  $('in-view').focus();
});
addEventListener('keydown', (event) => {
  const isFree = !event.defaultPrevented && !document.querySelector('.leaflet-popup');
  if (isEscape(event) && isFree && isChosen()) clearChoice();
});

// ---- tabs
function tab(name, focus = false) {
  TABS.forEach((key) => {
    const on = key === name;
    $(`tab-${key}`).setAttribute('aria-selected', String(on));
    $(`tab-${key}`).tabIndex = on ? 0 : -1;
    $(key).hidden = !on;
  });
  if (focus) $(`tab-${name}`).focus();
  if (name !== state.tab) writeAddress({ tab: name });
}

TABS.forEach((key, i) => {
  const button = $(`tab-${key}`);
  button.addEventListener('click', () => tab(key));
  button.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) tab(TABS[(i + step + TABS.length) % TABS.length], true);
  });
});

// ---- the map
let settled = null;
map.on('moveend', () => {
  clearTimeout(settled);
  settled = setTimeout(() => {
    writeAddress();
    if (!$('legend').hidden) buildings();
    if (state.view) countView();
    drawDoors();
    drawPaths();
    offerFacilities();
  }, 150);
});
$('zoom-in').addEventListener('click', () => map.zoomIn());
$('zoom-out').addEventListener('click', () => map.zoomOut());
$('whole').addEventListener('click', () => whole());
$('back').addEventListener('click', back);
$('print').addEventListener('click', () => print());

// ---- the map as a file: a picture drawn here, or a page made by the server
const save = $('save-map');
$('save-picture').addEventListener('click', () => {
  save.open = false;
  savePicture();
});
$('save-page').addEventListener('click', ({ target }) => {
  save.open = false;
  const shown = { class: state.class, community: state.community, bbox: viewBox(), zoom: map.getZoom() };
  const changes = Object.entries(otherChanges() ?? {}).map(
    ([name, value]) => `&with_${name}=${encodeURIComponent(value)}`,
  );
  target.href = `${page.root}/coverage/map.html?${question(shown)}${changes.join('')}`;
});

controls.addEventListener('change', readControls);
controls.addEventListener('submit', (event) => event.preventDefault());
if (page.may.plan) {
  $('siting-form').addEventListener('submit', (event) => {
    event.preventDefault();
    const fields = event.target.elements;
    writeAddress({ sites: fields.sites.value, model: fields.model.value, found: 'yes' }, true);
    findSites();
  });
  $('pin-put').addEventListener('click', startPin);
  $('pin-drop').addEventListener('click', takePinAway);
  $('closures-ask').addEventListener('click', findClosures);
}

// Paper has all of it: definitions open, the first gaps and sites under each other.
addEventListener('beforeprint', () => {
  $('means').open = true;
  TABS.forEach((key) => ($(key).hidden = false));
});
addEventListener('afterprint', () => {
  $('means').open = false;
  tab(state.tab);
});

function start() {
  readAddress();
  fillControls();
  if (state.c) map.setView([state.c[1], state.c[0]], state.c[2], { animate: false });
  tab(state.tab);
  show();
}
addEventListener('popstate', () => {
  forgetReturn();
  start();
  if (page.may.plan) restoreSiting();
});

if (phone.matches) map.scrollWheelZoom.disable();
readAddress();
if (!state.c) whole(false);
start();
drawDoors();
drawPaths();
offerFacilities();
if (page.may.plan) restoreSiting();
