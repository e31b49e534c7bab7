// Painting with buildings: which are chosen, the hand over the map, and what the grids would then count.
import { number, t } from '../../shared/i18n.js';
import * as api from './api.js';
import { showStatus } from './panel.js';
import { coverage, INK, map, mayEdit, name, state } from './state.js';

const canvas = L.canvas({ padding: 0.3 });
const layer = L.layerGroup();
const shapes = new Map(); // code -> outline on the map
const chosen = new Set();
let buildings = [],
  receiver = '',
  loaded = '', // the area whose buildings are here
  changed = () => {},
  hand = null; // whether a drag paints or takes back

export const isPainting = () => Boolean(receiver);
export const painted = () => [...chosen];

const gridOf = ({ point }) => coverage.at(point[0], point[1]);
const mayMove = (building) => {
  const code = gridOf(building);
  return code && code !== receiver && mayEdit(code);
};
const style = (code) => ({
  color: chosen.has(code) ? INK.chosen : INK.around,
  weight: chosen.has(code) ? 2.5 : 1,
  fillColor: chosen.has(code) ? INK.chosen : INK.around,
  fillOpacity: chosen.has(code) ? 0.6 : 0.12,
});

export async function startPainting(to, whenChanged) {
  changed = whenChanged;
  if (receiver === to && loaded === state.within) return;
  receiver = to;
  chosen.clear();
  layer.addTo(map);
  if (loaded !== state.within) await readBuildings();
  shapes.forEach((shape, code) => shape.setStyle(style(code)));
}

async function readBuildings() {
  try {
    buildings = (await api.buildings(state.within)).items;
  } catch (error) {
    showStatus(error.message, 'wrong', true);
    return;
  }
  loaded = state.within;
  layer.clearLayers();
  shapes.clear();
  for (const { code, outline } of buildings)
    shapes.set(
      code,
      L.polygon(
        outline.map(([lon, lat]) => [lat, lon]),
        { ...style(code), renderer: canvas, interactive: false, pmIgnore: true, snapIgnore: true },
      ).addTo(layer),
    );
}

export function stopPainting() {
  if (!receiver) return true;
  receiver = '';
  hand = null;
  chosen.clear();
  layer.remove();
  map.dragging.enable();
  return true;
}

// ---- the hand: a click turns one building over, a drag does with all it passes what it did with the first
const under = (latlng) =>
  buildings.find((building) => shapes.get(building.code)?.getBounds().contains(latlng) && mayMove(building));

function turn(building, on, block) {
  const some = block ? buildings.filter((other) => other.block === building.block && mayMove(other)) : [building];
  for (const { code } of some) {
    if (on) chosen.add(code);
    else chosen.delete(code);
    shapes.get(code).setStyle(style(code));
  }
  changed();
}

map.on('mousedown', ({ latlng, originalEvent }) => {
  const building = receiver && !state.busy && !state.commenting && under(latlng);
  if (!building) return;
  hand = !chosen.has(building.code);
  turn(building, hand, originalEvent.shiftKey);
});
map.on('mousemove', ({ latlng, originalEvent }) => {
  if (!receiver) return;
  if (!originalEvent.buttons) hand = null;
  const building = under(latlng);
  if (hand === null) {
    // the map is dragged by the ground between buildings
    if (!originalEvent.buttons) map.dragging[building ? 'disable' : 'enable']();
  } else if (building && chosen.has(building.code) !== hand) turn(building, hand, originalEvent.shiftKey);
});
document.addEventListener('mouseup', () => {
  hand = null;
});

// ---- before and after
const households = (code) => coverage.grids.get(code)?.properties.households ?? 0;

export function paintHint(to) {
  if (!chosen.size)
    return t('Click buildings, or drag over them, to give them to %(name)s; with Shift a whole block', {
      name: name(to),
    });
  const lost = new Map();
  for (const building of buildings.filter(({ code }) => chosen.has(code)))
    lost.set(gridOf(building), (lost.get(gridOf(building)) ?? 0) + building.households);
  const gained = [...lost.values()].reduce((sum, n) => sum + n, 0);
  const row = (code, before, after) => `${name(code)} ${number(before)} → ${number(after)}`;
  return [
    row(to, households(to), households(to) + gained),
    ...[...lost].map(([code, n]) => row(code, households(code), households(code) - n)),
  ].join(' · ');
}
