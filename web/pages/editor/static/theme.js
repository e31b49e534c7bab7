// What the grids are coloured by, with its legend, and the households as dots.
import { $, h, page } from '../../shared/dom.js';
import { number, t } from '../../shared/i18n.js';
import { addDays, today } from '../../shared/moment.js';
import * as api from './api.js';
import { showStatus } from './panel.js';
import { restyle } from './picture.js';
import { coverage, INK, map, state } from './state.js';

const DAYS = 90; // of matters whose time is counted
const EVER = '2000-01-01';
const dots = L.layerGroup();
const canvas = L.canvas({ padding: 0.3 });
let figures = null; // by code, once asked for

const ofGrid = (name) => (grid) => grid.properties[name];
const ofMatters = (read) => (grid) => read(figures?.get(grid.code) ?? {});
const THEMES = {
  households: { value: ofGrid('households'), unit: t('households') },
  people: { value: ofGrid('people'), unit: t('people') },
  open: { value: ofMatters(({ open = 0 }) => open), unit: t('open matters'), since: () => EVER },
  response: {
    value: ofMatters(({ hours_to_take_working: hours = null }) => hours),
    unit: t('working hours until taken, median of %(n)s days', { n: DAYS }),
    since: () => daysAgo(DAYS),
  },
};

// Limits between classes of equal numbers of grids; few values make few classes.
function limits(values) {
  const sorted = [...values].sort((a, b) => a - b),
    count = page.ramp.length;
  const cuts = page.ramp.slice(1).map((_, i) => sorted[Math.floor(((i + 1) * sorted.length) / count)]);
  return [...new Set(cuts)].filter((cut) => cut > sorted[0]);
}

const within = () => [...coverage.grids.values()].filter((grid) => grid.code.startsWith(state.within));
// The page's policy forbids style attributes; a property of the script's own is none.
function swatch(colour) {
  const mark = h('i', {});
  mark.style.background = colour;
  return mark;
}
const write = (n) => (Number.isInteger(n) ? number(n) : n.toFixed(n < 1 ? 2 : 1));

const daysAgo = (days) => addDays(today(), -days);

async function loadFigures(since) {
  const { items } = await api.figures(state.within, since);
  figures = new Map(items.map((item) => [item.key, item]));
}

export async function colourBy(name) {
  const theme = THEMES[name];
  try {
    if (theme?.since) await loadFigures(theme.since());
  } catch (error) {
    showStatus(error.message, 'wrong', true);
    return;
  }
  state.theme = null;
  const legend = $('ed-theme-legend');
  legend.replaceChildren();
  if (theme) {
    const values = within()
      .map(theme.value)
      .filter((value) => value !== null && value !== undefined);
    const cuts = values.length ? limits(values) : [];
    const classOf = (grid) => {
      const value = theme.value(grid);
      return value === null || value === undefined ? null : cuts.filter((cut) => value >= cut).length;
    };
    state.theme = (code) => {
      const nth = classOf(coverage.grids.get(code));
      return nth === null ? null : page.ramp[nth];
    };
    const steps = [Math.min(...values), ...cuts];
    legend.append(
      h('span', {}, theme.unit),
      ...(values.length
        ? steps.map((low, i) => {
            const members = values.filter((value) => cuts.filter((cut) => value >= cut).length === i);
            return h(
              'span',
              {},
              swatch(page.ramp[i]),
              `${write(low)}–${write(Math.max(...members))}`,
              h('small', {}, ` ${t('%(n)s grids', { n: members.length })}`),
            );
          })
        : [h('span', {}, t('nothing to show'))]),
    );
  }
  legend.hidden = !theme;
  restyle();
}

// A dot for each building with homes; its area is as its households.
export function showDots(shown) {
  dots.clearLayers();
  if (!shown) {
    dots.remove();
    return;
  }
  for (const [lon, lat, households] of state.homes)
    L.circleMarker([lat, lon], {
      renderer: canvas,
      radius: Math.max(2, Math.sqrt(households)),
      stroke: false,
      fillColor: INK.changed,
      fillOpacity: 0.55,
      interactive: false,
      pmIgnore: true,
      snapIgnore: true,
    }).addTo(dots);
  dots.addTo(map);
}

$('ed-theme')?.addEventListener('change', ({ target }) => colourBy(target.value));
$('ed-dots').addEventListener('change', ({ target }) => showDots(target.checked));

// The coverage was loaded or changed: colours, counts and dots follow.
export function renewTheme() {
  if ($('ed-theme').value) colourBy($('ed-theme').value);
  if ($('ed-dots').checked) showDots(true);
}
