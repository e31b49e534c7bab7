// The borders, homes and guide lines of the area that is edited.
import { t } from '../../shared/i18n.js';
import { query } from '../../shared/request.js';
import { Segments } from '../../shared/coverage.js';
import { busy, refresh } from './account.js';
import * as api from './api.js';
import { showStatus } from './panel.js';
import { keep } from './pending.js';
import { draw, drawOld, label, layers, restyle } from './picture.js';
import { coverage, map, state } from './state.js';
import { stored } from './stored.js';
import { renewTheme } from './theme.js';

export async function load() {
  busy(t('Loading the borders…'));
  try {
    const answer = await api.load(state.within);
    [...coverage.grids.keys()].forEach((code) => {
      coverage.drop(code);
      draw(code);
    });
    state.homes = answer.homes;
    if (state.version === null) restoreFrom(stored(answer.version));
    state.version = answer.version;
    for (const feature of answer.features) {
      coverage.set(feature);
      draw(feature.id);
    }
    restyle();
    drawOld();
    label();
    busy('');
    renewTheme();
    refresh();
  } catch (error) {
    busy('');
    showStatus(error.message, 'wrong', true);
  }
  try {
    const lines = await api.guides(state.within);
    state.guides = new Segments();
    for (const [name, all] of Object.entries(lines)) {
      for (const line of all) for (let i = 1; i < line.length; i += 1) state.guides.add(line[i - 1], line[i], name);
    }
  } catch {
    /* without guides one draws freely */
  }
}

// What an earlier visit left: steps to do again, and drawings that were not saved.
function restoreFrom({ redo, pending }) {
  state.redo = redo;
  const shown = state.pending.map(({ op }) => JSON.stringify(op));
  pending
    .filter(({ op }) => !shown.includes(JSON.stringify(op)))
    .forEach(({ op, reason }) => keep(op, { message: reason, problem: null }, null));
}

export function fit() {
  const bounds = [...coverage.grids.values()]
    .filter((grid) => grid.code.startsWith(state.within))
    .map((grid) => layers.get(grid.code).getBounds());
  if (bounds.length)
    map.fitBounds(
      bounds.reduce((all, box) => all.extend(box), L.latLngBounds([])),
      { padding: [30, 30], animate: false },
    );
}

// Tool, choice and view stand in the address.
export function updateAddress() {
  const c = map.getCenter();
  const next = query({
    lang: new URLSearchParams(location.search).get('lang'),
    within: state.within,
    tool: state.tool,
    chosen: state.chosen.join(','),
    c: `${c.lng.toFixed(6)},${c.lat.toFixed(6)},${map.getZoom()}`,
  }).replaceAll('%2C', ',');
  history.replaceState(null, '', `${location.pathname}?${next}`);
}
