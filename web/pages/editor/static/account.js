// The server's account of the draft beside the map: changed grids, problems, steps, totals.
import { $ } from '../../shared/dom.js';
import * as api from './api.js';
import { showConflicts } from './conflicts.js';
import { showChosen, showIdentity } from './identity.js';
import { showAll, showGrids, showProblems, showStatus, showSteps, showTotals } from './panel.js';
import { layers, over, restyle } from './picture.js';
import { coverage, INK, map, name, state } from './state.js';
import { showPeople } from './review.js';
import { operate } from './steps.js';

const hectares = (grid) => grid.properties.area_m2 / 10_000;

const asRow = (grid) => ({
  code: grid.code,
  name: grid.properties.name,
  change: 'changed',
  before: null,
  households: grid.properties.households ?? 0,
  compactness: grid.properties.compactness,
  hectares: hectares(grid),
});

function rows(counts = new Map()) {
  const previewed = new Map((state.preview?.grids ?? []).map((grid) => [grid.code, grid]));
  const codes = [...new Set([...previewed.keys(), ...state.chosen, ...counts.keys()])];
  return codes
    .map((code) => {
      const grid = coverage.grids.get(code),
        change = previewed.get(code),
        now = counts.get(code);
      if (!grid)
        return change?.change === 'gone'
          ? { code, name: change.name, change: 'gone', households: 0, before: change.households[0] }
          : null;
      const was = change && change.change !== 'new' ? change.households[0] : change ? null : grid.properties.households;
      return {
        code,
        name: grid.properties.name,
        change: change?.change ?? 'changed',
        before: was,
        households: now?.households ?? grid.properties.households,
        compactness: now?.compactness ?? grid.properties.compactness,
        hectares: now?.hectares ?? hectares(grid),
      };
    })
    .filter(Boolean);
}

const chooseRow = (code) => {
  const layer = layers.get(code);
  if (layer) map.fitBounds(layer.getBounds(), { padding: [60, 60], maxZoom: 18 });
  state.chosen = [code];
  restyle();
  showChosen();
};

// The preview may come while a corner is held: then the grids that it moves stay in the list.
export function showRows() {
  showGrids(rows(state.dragging?.counts), chooseRow);
  showChosen();
  if (!state.dragging) showAllRows();
}

export function showAllRows() {
  if ($('ed-pane-all').hidden) return; // of a whole county it is long
  const within = [...coverage.grids.values()].filter((grid) => grid.code.startsWith(state.within));
  showAll(within.map(asRow), chooseRow);
}

// The server's own account of the draft, a moment after the last change.
let later;
export function refresh() {
  clearTimeout(later);
  later = setTimeout(async () => {
    try {
      const [preview, draft] = await Promise.all([api.preview(), api.read()]);
      if (draft.version < state.version) return; // a later step was saved meanwhile: its own account follows
      showConflicts(draft);
      showPeople(draft);
      if (draft.version > state.version) return;
      state.preview = preview;
      state.steps = draft.operations;
      showRows();
      showProblems(
        preview.problems,
        fly,
        state.editable && ((unit, grid) => operate({ op: 'settle', unit, grid })),
        name,
      );
      showIdentity(preview);
      showSteps(state.steps);
      showTotals(preview.totals);
      buttons();
    } catch (error) {
      showStatus(error.message, 'wrong');
    }
  }, 150);
}

function fly(problem) {
  if (problem.place) {
    map.flyTo([problem.place[1], problem.place[0]], Math.max(map.getZoom(), 18), { duration: 0.6 });
    const ring = L.circleMarker([problem.place[1], problem.place[0]], {
      radius: 16,
      color: INK.chosen,
      weight: 3,
      fill: false,
      interactive: false,
      pmIgnore: true,
      snapIgnore: true,
    }).addTo(over);
    setTimeout(() => ring.remove(), 4000);
  } else {
    const layer = problem.codes.map((code) => layers.get(code)).find(Boolean);
    if (layer) map.fitBounds(layer.getBounds(), { padding: [60, 60], maxZoom: 18 });
  }
}

export function busy(message) {
  state.busy = Boolean(message);
  $('ed-busy').hidden = !message;
  if (message) showStatus(message, '', true);
  else showStatus('');
}

export function buttons() {
  $('ed-undo').disabled = state.busy || !state.steps.length || !state.editable;
  $('ed-redo').disabled = state.busy || !state.redo.length || !state.editable;
  $('ed-publish').disabled = !state.editable || !state.steps.length;
}
