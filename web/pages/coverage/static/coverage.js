// The planner's page of coverage: what is asked stands in the address, every figure comes from the API.
import { $, h, page, phone } from '../../shared/dom.js';
import { number, t } from '../../shared/i18n.js';
import { RequestError } from '../../shared/request.js';
import { readAddress, state, TABS, writeAddress } from './address.js';
import { askClasses, askCoverage, askFacilities } from './answers.js';
import { choice, clearChoice, isChosen, nameOf, onChoice, showChips } from './choice.js';
import { codeOf, countsOf, totalsOf } from './cross.js';
import {
  clearBuildings,
  drawBuildings,
  drawChosen,
  drawFacilities,
  forgetReturn,
  map,
  mapStatus,
  viewBox,
  whole,
} from './drawing.js';
import { back, drawGaps, pick, showGaps } from './gaps.js';
import { showLegend } from './legend.js';
import { histogram, showAreas, showCircle, showTotals } from './overview.js';
import { findClosures, findSites, forgetSites, restoreSiting, startPin, takePinAway } from './siting.js';

const controls = $('controls');
let asked = 0;

const chosenText = (name) => controls.elements[name].selectedOptions[0]?.textContent.trim() ?? '';
const what = () => ({ service: chosenText('what'), profile: chosenText('profile'), area: chosenText('area') });
const clock = (value) =>
  new Date(value).toLocaleString(page.language === 'zh' ? 'zh-CN' : 'en', { dateStyle: 'medium', timeStyle: 'short' });

// ---- the controls
function fillControls() {
  const fields = controls.elements;
  fields.what.value = state.category;
  fields.minutes.value = String(state.minutes);
  fields.profile.value = state.profile;
  fields.when.value = state.at && state.at !== 'now' ? 'then' : state.at;
  fields.then.value = fields.when.value === 'then' ? state.at : '';
  $('then').hidden = fields.when.value !== 'then';
  fields.area.value = state.area;
  $('in-view').checked = Boolean(state.view);
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
  if (page.may.plan) forgetSites();
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
    const [answer, classes] = await Promise.all([askCoverage(), askClasses(viewed())]);
    if (turn !== asked) return;
    showAnswer(answer, classes);
    buildings(true);
    askFacilities().then(drawFacilities, () => drawFacilities([])); // the figures stand without them
    await showGaps();
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
    }
  }
}

let latest = null; // the answer on the page: {answer, classes}

function showAnswer(answer, classes) {
  latest = { answer, classes };
  const then = answer.open_at && t('open at %(time)s', { time: clock(answer.open_at) });
  $('flat').hidden = !answer.flat;
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
  const { answer, classes } = latest;
  const { communities } = choice();
  const counts = countsOf(classes.areas, communities);
  const total = totalsOf(counts);
  const then = answer.open_at && t('open at %(time)s', { time: clock(answer.open_at) });
  const names = classes.areas.filter((area) => communities.includes(codeOf(area.code))).map(nameOf);
  const focus = /** @type {HTMLElement} */ (document.activeElement)?.dataset ?? {};
  $('answer').replaceChildren(
    ...[
      showTotals(total, answer, { ...what(), then, communities: names }, [
        histogram(counts, classes.limits),
        showAreas(classes.areas),
      ]),
      state.view || !total.households ? null : showCircle(total, plainOf(answer.areas, communities)),
      dates(answer),
    ].filter(Boolean),
  );
  showLegend(counts, classes.limits, answer.minutes);
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
    answer.computed_at ? t('Computed %(time)s', { time: clock(answer.computed_at) }) : null,
    answer.network_version ? ` · ${t('network %(version)s', { version: answer.network_version })}` : null,
    answer.flat ? ` · ${t('without elevations')}` : null,
  );
}

function showError(error) {
  latest = null;
  clearBuildings();
  $('legend').hidden = true;
  $('gap-count').textContent = '';
  const none = error.problem.status === 503;
  $('answer').replaceChildren(
    h(
      'div',
      { className: 'cov-none', role: 'alert' },
      h('h2', {}, none ? error.message : t('This cannot be shown')),
      none ? null : h('p', {}, error.message),
      none
        ? h('pre', {}, './wangge load osm city.osm.pbf --commit')
        : h('button', { type: 'button', className: 'cov-second', onclick: show }, t('Try again')),
    ),
  );
  $('gaps').replaceChildren(h('p', { className: 'cov-wrong' }, error.message));
}

async function buildings(anew = false) {
  try {
    await drawBuildings((code) => {
      if (pick(code)) tab('gaps');
    }, anew);
  } catch (error) {
    if (error.name === 'AbortError') return;
    if (!(error instanceof RequestError)) throw error;
    mapStatus(error.message);
  }
}

// ---- the choice: classes, communities, and the view of the map
const viewed = () => (state.view ? viewBox() : null);

async function countView() {
  if (!latest) return;
  try {
    latest.classes = await askClasses(viewed());
    showCounts();
    drawGaps();
  } catch (error) {
    if (error.name === 'AbortError') return;
    if (!(error instanceof RequestError)) throw error;
    mapStatus(error.message);
  }
}

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
  if (event.key === 'Escape' && !event.defaultPrevented && isChosen()) clearChoice();
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
  }, 150);
});
$('zoom-in').addEventListener('click', () => map.zoomIn());
$('zoom-out').addEventListener('click', () => map.zoomOut());
$('whole').addEventListener('click', () => whole());
$('back').addEventListener('click', back);
$('print').addEventListener('click', () => print());

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
});

if (phone.matches) map.scrollWheelZoom.disable();
readAddress();
if (!state.c) whole(false);
start();
if (page.may.plan) restoreSiting();
