// The tools: what each chooses, what it says, what it draws, and the operation that comes of it.
import { $, page, phone } from '../../shared/dom.js';
import { t } from '../../shared/i18n.js';
import { showRows } from './account.js';
import { paintHint, painted, startPainting, stopPainting } from './buildings.js';
import { hasPoints, startDrawing, stopDrawing } from './drawing.js';
import { updateAddress } from './load.js';
import { showStatus } from './panel.js';
import { dropLast, keep } from './pending.js';
import { restyle } from './picture.js';
import { community, coverage, map, mayEdit, name, state } from './state.js';
import { operate } from './steps.js';
import { showPositionForm } from './position.js';
import { hideHandle, putBack } from './vertex.js';

const HANDLES_FROM = 13; // zoom
export const handlesShown = () => map.getZoom() >= HANDLES_FROM;
const ONE = 'one',
  PAIR = 'pair',
  MANY = 'many';
const line = (coordinates) => ({ type: 'LineString', coordinates });
const polygon = (coordinates) => ({ type: 'Polygon', coordinates: [[...coordinates, coordinates[0]]] });
const OUTLINE = t('Draw the outline. Click the first corner to close it.');

/**
 * choice: how many grids a click chooses. keepsChoice: whether taking up the tool keeps all that is chosen.
 * hint: what comes next. draws: the drawing it needs now, if any. finish: the operation of a drawing.
 * ready: whether enough is chosen for `act`, which Enter, a button or, with `once`, the last click sets off.
 */
export const TOOLS = {
  move: {
    choice: ONE,
    hint: () =>
      handlesShown()
        ? t(
            'Drag a corner of a border; every grid that shares it moves along. Drag the middle of a border to make a corner; drag a corner onto the next to take it away.',
          )
        : t('Zoom in to move corners'),
    passing: handlesShown,
  },
  border: {
    choice: PAIR,
    keepsChoice: true,
    hint: ([a, b]) =>
      b
        ? t('Draw the new border between %(a)s and %(b)s; double-click ends it', { a: name(a), b: name(b) })
        : t('Choose two neighbouring grids'),
    draws: (chosen) => (chosen.length < 2 ? null : 'Line'),
    async finish(coordinates, chosen) {
      await operate({ op: 'move_border', between: chosen, line: line(coordinates) });
      state.chosen = [];
    },
  },
  split: {
    choice: ONE,
    hint: () => t('Draw the line; double-click ends it'),
    draws: () => 'Line',
    async finish(coordinates, chosen) {
      const code = chosen[0] ?? crossed(coordinates),
        op = { op: 'split', code, line: line(coordinates) };
      if (code) await operate(op);
      else keep(op, { message: t('The line runs through no grid that you may change.'), problem: null }, null);
      state.chosen = [];
    },
  },
  cut: {
    choice: ONE,
    hint: () => t('Draw a line across all grids that it is to cut, from outside to outside; double-click ends it'),
    draws: () => 'Line',
    finish: (coordinates) => operate({ op: 'cut', line: line(coordinates) }),
  },
  divide: {
    choice: ONE,
    hint: (chosen) =>
      chosen.length ? t('Say into how many parts, then press Enter') : t('Choose the grid to divide by households'),
    ready: (chosen) => chosen.length === 1,
    button: () => t('Divide'),
    act: ([code]) => operate({ op: 'split', code, count: $('ed-count').valueAsNumber }),
  },
  simplify: {
    choice: PAIR,
    keepsChoice: true,
    hint: ([, b]) => (b ? t('Say how much, then press Enter') : t('Choose two neighbouring grids')),
    ready: (chosen) => chosen.length === 2,
    button: () => t('Simplify the border'),
    act(between) {
      const tolerance = Number($('ed-tolerance').value);
      return operate({ op: 'simplify', between, ...(tolerance ? { tolerance_m: tolerance } : {}) });
    },
  },
  merge: {
    choice: MANY,
    keepsChoice: true,
    hint: (chosen) =>
      chosen.length ? t('Choose more neighbours, then press Enter') : t('Choose the grid that keeps its code'),
    ready: (chosen) => chosen.length > 1,
    button: (chosen) => t('Merge %(n)s grids', { n: chosen.length }),
    async act(codes) {
      const parent = community(codes[0]),
        apart = codes.some((code) => community(code) !== parent);
      return operate({ op: 'merge', codes, into: codes[0], ...(apart ? { parent } : {}) });
    },
  },
  paint: {
    choice: ONE,
    hint: (chosen) => (chosen.length ? OUTLINE : t('Choose the grid that gets the land')),
    draws: (chosen) => (chosen.length ? 'Polygon' : null),
    finish: (coordinates, chosen) => operate({ op: 'transfer', region: polygon(coordinates), to: chosen[0] }),
  },
  buildings: {
    choice: ONE,
    hint: ([to]) => (to ? paintHint(to) : t('Choose the grid that gets the buildings')),
    paints: ([to]) => to,
    ready: ([to]) => Boolean(to) && painted().length > 0,
    button: () => t('Give %(n)s buildings', { n: painted().length }),
    act: async ([to]) => (await operate({ op: 'transfer_buildings', buildings: painted(), to })) && stopPainting(),
  },
  add: {
    choice: ONE,
    hint: () => OUTLINE,
    draws: () => 'Polygon',
    async finish(coordinates) {
      // of the community that borders on it
      const beside = coordinates.map(([lon, lat]) => coverage.edgeNear(lon, lat, 0.003)).find(Boolean);
      const parent = state.within.length === 12 || !beside ? state.within : community(beside.codes[0]);
      await operate({ op: 'add', geometry: polygon(coordinates), parent });
    },
  },
  retire: {
    choice: PAIR,
    hint: ([code]) =>
      code
        ? t('Choose the neighbour that takes the land of %(name)s', { name: name(code) })
        : t('Choose the grid that ends'),
    ready: (chosen) => chosen.length === 2,
    once: true,
    act: ([code, successor]) => operate({ op: 'retire', code, give_to: successor }),
  },
};

export function choose(code) {
  if (!code) return;
  const { chosen } = state,
    { choice } = TOOLS[state.tool];
  const rest = chosen.filter((other) => other !== code);
  if (choice === ONE) state.chosen = chosen.includes(code) ? [] : [code];
  else if (rest.length < chosen.length) state.chosen = rest;
  else state.chosen = [...chosen, code].slice(choice === PAIR ? -2 : 0);
  restyle();
  showRows();
  guide();
  updateAddress();
}

// What comes next with this tool, and the drawing it needs.
export function guide() {
  stopDrawing();
  if (phone.matches) return;
  if (!state.editable) {
    const reason = page.mine
      ? t('This revision is no longer a draft and cannot be edited.')
      : t("You are looking at somebody else's draft; it cannot be changed here.");
    showStatus(reason, '', true);
    return;
  }
  const tool = TOOLS[state.tool],
    { chosen } = state;
  showStatus(tool.hint(chosen), '', !tool.passing?.());
  const painting = tool.paints?.(chosen);
  if (painting) startPainting(painting, guide);
  else stopPainting();
  const drawing = tool.draws?.(chosen);
  if (drawing) startDrawing(drawing);
  const ready = tool.ready?.(chosen);
  $('ed-act-bar').hidden = !(ready && tool.button);
  document.querySelectorAll('#ed-act-bar [data-for]').forEach((option) => {
    option.hidden = option.dataset.for !== state.tool;
  });
  if (ready && tool.button) $('ed-act').textContent = tool.button(chosen);
  showPositionForm(drawing ? '' : null);
  if (ready && tool.once) act();
}

// Do what the tool in use does with the chosen grids; what is refused leaves them chosen.
export async function act() {
  const tool = TOOLS[state.tool],
    { chosen } = state;
  if (!tool.ready?.(chosen)) return;
  state.chosen = [];
  const done = await tool.act(chosen);
  if (!done && !tool.once) state.chosen = chosen;
  restyle();
  if (done) guide(); // else what was refused stays to be read
}

export function use(tool) {
  state.tool = tool;
  if (!TOOLS[tool].keepsChoice) state.chosen = state.chosen.slice(0, 1);
  document
    .querySelectorAll('.ed-tools [data-tool]')
    .forEach((button) => button.setAttribute('aria-pressed', String(button.dataset.tool === tool)));
  map.getContainer().dataset.tool = tool;
  if (tool !== 'move') hideHandle();
  restyle();
  guide();
  updateAddress();
}

export function escape() {
  if (state.dragging) {
    putBack();
    return;
  }
  const begun = hasPoints();
  if (!begun && dropLast()) return;
  state.chosen = [];
  restyle();
  showRows();
  use(begun ? state.tool : 'move');
}

// The grid a line runs through for the most part.
function crossed(line) {
  const votes = new Map();
  for (let i = 1; i < line.length; i += 1) {
    for (let n = 1; n < 20; n += 1) {
      const code = coverage.at(
        line[i - 1][0] + ((line[i][0] - line[i - 1][0]) * n) / 20,
        line[i - 1][1] + ((line[i][1] - line[i - 1][1]) * n) / 20,
      );
      if (code && mayEdit(code)) votes.set(code, (votes.get(code) ?? 0) + 1);
    }
  }
  return [...votes].sort((a, b) => b[1] - a[1])[0]?.[0] ?? null;
}
