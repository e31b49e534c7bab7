// The boundary editor: tools on the left, the map, the panel. What is drawn is an operation the server does on the
// coverage; the picture here only runs ahead of it while a vertex is dragged.
import { $, page } from '../../shared/dom.js';
import { t } from '../../shared/i18n.js';
import { buttons, refresh, showAllRows } from './account.js';
import * as api from './api.js';
import { isPainting } from './buildings.js';
import { hasPoints, isDrawing, takeBackPoint } from './drawing.js';
import { fit, load, updateAddress } from './load.js';
import { showTotals } from './panel.js';
import { label } from './picture.js';
import { coverage, map, state } from './state.js';
import { redo, undo } from './steps.js';
import { act, choose, escape, guide, use } from './tools.js';

map.on('click', ({ latlng }) => {
  if (state.letGo || isPainting() || isDrawing() || performance.now() - (state.dropped ?? -1e9) < 300) return;
  choose(coverage.at(latlng.lng, latlng.lat));
});

// ---- keys, buttons, dialogs
// What a key does depends on what the hand is doing: holding a corner, drawing, or neither.
document.addEventListener('keydown', (event) => {
  if (event.target.closest('input, textarea, select, dialog[open]')) return undefined;
  const pressed = event.key.toLowerCase(),
    control = event.ctrlKey || event.metaKey;
  const back = control && pressed === 'z' && !event.shiftKey,
    forth = control && (pressed === 'y' || (pressed === 'z' && event.shiftKey));
  if (state.dragging && pressed !== 'escape') return undefined;
  if (back || forth || pressed === 'backspace') event.preventDefault();
  if (hasPoints() && (back || pressed === 'backspace')) return takeBackPoint();
  if (hasPoints() && forth) return undefined;
  if (back) return undo();
  if (forth) return redo();
  if (control || event.altKey) return undefined;
  if (pressed === 't') return follow(!state.trace);
  const tool = page.keys[pressed];
  if (tool) return use(tool);
  if (pressed === 'escape') return escape();
  if (pressed === 'enter') return act();
  if (pressed === '?') return $('ed-help').showModal();
  return undefined;
});

window.addEventListener('beforeunload', (event) => {
  if (hasPoints()) event.preventDefault();
});

document
  .querySelectorAll('.ed-tools [data-tool]')
  .forEach((button) => button.addEventListener('click', () => use(button.dataset.tool)));
document
  .querySelectorAll('[data-close]')
  .forEach((button) => button.addEventListener('click', () => button.closest('dialog').close()));
$('ed-undo').addEventListener('click', undo);
$('ed-redo').addEventListener('click', redo);
$('ed-act').addEventListener('click', act);
$('ed-help-open').addEventListener('click', () => $('ed-help').showModal());
$('ed-snap').addEventListener('change', (event) => {
  state.snap = event.target.checked;
  guide();
});
const follow = (trace) => {
  state.trace = trace;
  $('ed-trace').checked = trace;
};
$('ed-trace').addEventListener('change', (event) => follow(event.target.checked));
$('ed-within').addEventListener('change', async (event) => {
  state.within = event.target.value;
  state.chosen = [];
  await load();
  fit();
  updateAddress();
});
$('zoom-in').addEventListener('click', () => map.zoomIn());
$('zoom-out').addEventListener('click', () => map.zoomOut());
$('whole').addEventListener('click', fit);
map.on('moveend', () => {
  updateAddress();
  label();
});
map.on('zoomend', () => {
  if (state.tool === 'move') guide();
});

document.querySelectorAll('.ed-tabs [role="tab"]').forEach((tab) =>
  tab.addEventListener('click', () => {
    document.querySelectorAll('.ed-tabs [role="tab"]').forEach((other) => {
      other.setAttribute('aria-selected', String(other === tab));
      $(other.getAttribute('aria-controls')).hidden = other !== tab;
    });
    showAllRows();
  }),
);

$('ed-publish').addEventListener('click', () => {
  const refused = (state.preview?.problems ?? []).filter((problem) => problem.severity === 'refused').length;
  $('ed-publish-status').textContent = refused ? t('%(n)s problems must be solved first', { n: refused }) : '';
  $('ed-publish-now').disabled = refused > 0;
  showTotals(state.preview?.totals);
  $('ed-publish-totals').textContent = $('ed-totals').textContent;
  $('ed-publishing').showModal();
});
$('ed-publish-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = event.target;
  $('ed-publish-now').disabled = true;
  try {
    await api.publish(form.reason.value, form.effective.value || null);
    location.href = `${page.root}/revisions/${page.revision}`;
  } catch (error) {
    $('ed-publish-status').textContent = error.message;
    $('ed-publish-now').disabled = false;
    refresh();
  }
});

// ---- begin
const parameters = new URLSearchParams(location.search),
  view = (parameters.get('c') || '').split(',').map(Number);
buttons();
load().then(() => {
  if (view.length === 3 && view.every(Number.isFinite)) map.setView([view[1], view[0]], view[2], { animate: false });
  else fit();
  state.chosen = (parameters.get('chosen') || '').split(',').filter((code) => coverage.grids.has(code));
  use(
    document.querySelector(`.ed-tools [data-tool="${CSS.escape(parameters.get('tool') || '')}"]`)
      ? parameters.get('tool')
      : 'move',
  );
  document.body.dataset.ready = 'true';
});
window.wangge.coverage = coverage;
