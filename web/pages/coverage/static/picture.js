// The map as a picture: title, map, legend, scale, date and credits on one canvas, drawn from what the page shows.
import { $, colour } from '../../shared/dom.js';
import { today } from '../../shared/moment.js';
import { state } from './address.js';
import { dividerShare, sideNames } from './compare.js';
import { map } from './drawing.js';
import { metresText, scaleBar, wrapped } from './sheet.js';

const FONT = '"PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif';
const MARGIN = 24,
  LEGEND = 280,
  COLUMN = 84, // of numbers in the legend
  LINE = 22,
  DETAIL = 2; // canvas pixels to a CSS pixel
const NARROW = 640; // maps below this have the legend beneath

export async function savePicture() {
  const canvas = drawSheet();
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
  const link = document.createElement('a');
  link.href = URL.createObjectURL(/** @type {Blob} */ (blob));
  const day = today().replaceAll('-', '');
  link.download = `coverage-${state.category}-${state.minutes}-${state.profile}-${day}.png`.replaceAll(',', '-');
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// A pen with few words: text in a size and colour, within a width.
function penOn(canvas) {
  const ctx = canvas.getContext('2d');
  ctx.scale(DETAIL, DETAIL);
  const set = (size, weight, ink) => {
    ctx.font = `${weight} ${size}px ${FONT}`;
    ctx.fillStyle = colour(ink);
  };
  const write = (text, x, y, { size = 14, weight = 400, ink = 'text', align = 'left' } = {}) => {
    set(size, weight, ink);
    ctx.textAlign = /** @type {CanvasTextAlign} */ (align);
    ctx.fillText(text, x, y);
  };
  const broken = (text, width, size) => {
    set(size, 400, 'text');
    return wrapped(text, width, (part) => ctx.measureText(part).width);
  };
  return { ctx, write, broken };
}

function drawSheet() {
  const { x: width, y: height } = map.getSize();
  const beside = width >= NARROW;
  const sheetWidth = MARGIN * 2 + width + (beside ? LEGEND + MARGIN : 0);
  const trial = penOn(document.createElement('canvas'));
  const notes = trial.broken(notesText(), sheetWidth - 2 * MARGIN, 13);
  const head = 84,
    lines = legendLines();
  const legendHeight = lines.length * LINE;
  const ground = { x: MARGIN, y: head, width, height };
  const legend = beside ? { x: MARGIN * 2 + width, y: head } : { x: MARGIN, y: head + height + MARGIN };
  const bottom = Math.max(head + height, legend.y + legendHeight);
  const sheetHeight = bottom + 16 + notes.length * 20 + 12;
  const canvas = document.createElement('canvas');
  canvas.width = sheetWidth * DETAIL;
  canvas.height = sheetHeight * DETAIL;
  const pen = penOn(canvas);
  pen.ctx.fillStyle = colour('white');
  pen.ctx.fillRect(0, 0, sheetWidth, sheetHeight);
  pen.write($('printed-title').textContent, MARGIN, 40, { size: 22, weight: 700, ink: 'ink' });
  pen.write(subtitle(), MARGIN, 66, { ink: 'quiet' });
  drawMap(pen, ground);
  drawLegend(pen, lines, legend.x, legend.y, beside ? LEGEND : width);
  notes.forEach((line, i) => pen.write(line, MARGIN, bottom + 32 + i * 20, { size: 13, ink: 'quiet' }));
  return canvas;
}

const textsOf = (selector) => [...document.querySelectorAll(selector)].map((element) => element.textContent.trim());

const subtitle = () => [$('printed-query').textContent, ...textsOf('.cov-chip')].filter(Boolean).join(' · ');

// What was computed when, whose data it is, and that it is made up where it is.
const notesText = () =>
  [...textsOf('body > .band[role=note]'), ...textsOf('.cov-dates'), ...textsOf('.credit span')]
    .filter((text, i, all) => text && all.indexOf(text) === i)
    .join('　');

// ---- the map
function drawMap(pen, { x, y, width, height }) {
  const { ctx } = pen;
  ctx.save();
  ctx.beginPath();
  ctx.rect(x, y, width, height);
  ctx.clip();
  ctx.fillStyle = getComputedStyle(map.getContainer()).backgroundColor;
  ctx.fillRect(x, y, width, height);
  ctx.translate(x, y);
  const box = map.getContainer().getBoundingClientRect();
  const share = dividerShare();
  const panes = Object.values(map.getPanes())
    .filter((pane) => pane !== map.getPane('mapPane'))
    .sort((a, b) => Number(getComputedStyle(a).zIndex) - Number(getComputedStyle(b).zIndex));
  for (const pane of panes) {
    ctx.save();
    if (pane.style.clipPath && share !== null) {
      const left = pane === map.getPane('cov-minutes');
      ctx.beginPath();
      ctx.rect(left ? 0 : share * width, 0, (left ? share : 1 - share) * width, height);
      ctx.clip();
    }
    pane.querySelectorAll('canvas').forEach((part) => {
      const at = part.getBoundingClientRect();
      if (at.width && at.height) ctx.drawImage(part, at.left - box.left, at.top - box.top, at.width, at.height);
    });
    drawOutlines(ctx, pane);
    pane.querySelectorAll('.leaflet-marker-icon').forEach((icon) => drawMarker(pen, icon, box));
    ctx.restore();
  }
  if (share !== null) drawDivider(pen, share * width, height);
  drawScale(pen, height);
  ctx.restore();
  ctx.strokeStyle = colour('field-line');
  ctx.lineWidth = 1;
  ctx.strokeRect(x, y, width, height);
}

// What Leaflet draws as SVG: the outline of the chosen gap.
function drawOutlines(ctx, pane) {
  const origin = map.layerPointToContainerPoint([0, 0]);
  pane.querySelectorAll('svg path.leaflet-interactive, svg.leaflet-zoom-animated path').forEach((path) => {
    ctx.save();
    ctx.translate(origin.x, origin.y);
    ctx.strokeStyle = path.getAttribute('stroke') || 'transparent';
    ctx.lineWidth = Number(path.getAttribute('stroke-width') || 0);
    ctx.setLineDash((path.getAttribute('stroke-dasharray') ?? '').split(/[ ,]+/).filter(Boolean).map(Number));
    ctx.stroke(new Path2D(path.getAttribute('d') ?? ''));
    ctx.restore();
  });
}

function drawMarker(pen, icon, box) {
  const { ctx } = pen;
  const at = icon.getBoundingClientRect();
  const [x, y, size] = [at.left - box.left, at.top - box.top, at.width];
  if (icon.classList.contains('cov-door')) {
    const edge = icon.classList.contains('editing') ? 8 : 5;
    ctx.fillStyle = colour('ink');
    ctx.fillRect(x + (size - edge) / 2, y + (size - edge) / 2, edge, edge);
    return;
  }
  const circle = (fill, radius) => {
    ctx.beginPath();
    ctx.arc(x + size / 2, y + size / 2, radius, 0, 2 * Math.PI);
    ctx.fillStyle = fill;
    ctx.fill();
  };
  const pictogram = icon.querySelector('svg.pin');
  if (icon.classList.contains('cov-pin')) {
    circle(colour('white'), 17);
    circle(colour('chosen'), 14);
    circle(colour('white'), 5);
    return;
  }
  circle(colour('white'), size / 2);
  if (!pictogram) {
    circle(getComputedStyle(icon).backgroundColor, size / 2 - 3);
    pen.write(icon.textContent.trim(), x + size / 2, y + size / 2 + 5, { weight: 700, ink: 'white', align: 'center' });
    return;
  }
  circle(pictogram.querySelector('circle').getAttribute('fill'), size / 2 - 2);
  const path = pictogram.querySelector('path');
  const unit = (size - 4) / 24;
  ctx.save();
  ctx.translate(x + 2 + 4.5 * unit, y + 2 + 4.5 * unit);
  ctx.scale(unit, unit);
  ctx.fillStyle = path.getAttribute('fill');
  ctx.fill(new Path2D(path.getAttribute('d')));
  ctx.restore();
}

function drawDivider(pen, x, height) {
  pen.ctx.fillStyle = colour('white');
  pen.ctx.fillRect(x - 3, 0, 6, height);
  pen.ctx.fillStyle = colour('ink');
  pen.ctx.fillRect(x - 1.5, 0, 3, height);
  const shares = [$('share-left'), $('share-right')].map((element) => element.textContent);
  sideNames().forEach((name, i) => {
    const text = `${name} ${shares[i]}`.trim();
    pen.ctx.font = `600 15px ${FONT}`;
    const wide = pen.ctx.measureText(text).width + 20;
    const left = i ? x + 8 : x - 8 - wide;
    pen.ctx.fillStyle = colour('white');
    pen.ctx.fillRect(left, 16, wide, 30);
    pen.write(text, left + 10, 36, { size: 15, weight: 600, ink: 'ink' });
  });
}

function drawScale(pen, height) {
  const { x: width } = map.getSize();
  const ends = [0, width].map((x) => map.containerPointToLatLng([x, height / 2]));
  const { metres, pixels } = scaleBar(map.distance(ends[0], ends[1]) / width, 120);
  const { ctx } = pen;
  ctx.fillStyle = colour('white');
  ctx.globalAlpha = 0.85;
  ctx.fillRect(12, height - 42, pixels + 24, 32);
  ctx.globalAlpha = 1;
  pen.write(metresText(metres), 24 + pixels / 2, height - 24, { size: 12, ink: 'ink', align: 'center' });
  ctx.strokeStyle = colour('ink');
  ctx.lineWidth = 1.5;
  ctx.beginPath();
  ctx.moveTo(24, height - 24);
  ctx.lineTo(24, height - 17);
  ctx.lineTo(24 + pixels, height - 17);
  ctx.lineTo(24 + pixels, height - 24);
  ctx.stroke();
}

// ---- the legend, line by line as the page has it
function legendLines() {
  return [...$('legend').querySelectorAll('h2, .cov-legend-sides, h3, li, p')].map((line) => ({
    kind: line.tagName === 'DIV' ? 'sides' : line.tagName.toLowerCase(),
    swatch: line.querySelector('svg path'),
    label: line.tagName === 'DIV' ? '' : (line.querySelector('span') ?? line).textContent,
    values: [
      ...line.querySelectorAll(line.tagName === 'H2' ? 'span + span' : line.tagName === 'DIV' ? 'span' : 'b'),
    ].map((value) => value.textContent),
  }));
}

function drawLegend(pen, lines, x, y, width) {
  const right = x + Math.min(width, LEGEND);
  lines.forEach(({ kind, swatch, label, values }, i) => {
    const base = y + i * LINE + 15;
    const bold = kind === 'h2' || kind === 'p' ? 600 : 400;
    if (swatch) {
      pen.ctx.fillStyle = swatch.getAttribute('fill');
      pen.ctx.fillRect(x, base - 11, 18, 12);
      pen.ctx.strokeStyle = swatch.getAttribute('stroke');
      pen.ctx.lineWidth = 1;
      pen.ctx.setLineDash((swatch.getAttribute('stroke-dasharray') ?? '').split(' ').filter(Boolean).map(Number));
      pen.ctx.strokeRect(x, base - 11, 18, 12);
      pen.ctx.setLineDash([]);
    }
    const ink = kind === 'h3' ? 'quiet' : bold === 600 ? 'ink' : 'text';
    pen.write(label, swatch ? x + 26 : x, base, { size: 13, weight: bold, ink });
    [...values].reverse().forEach((value, nth) => {
      const weight = kind === 'li' || kind === 'p' ? 600 : 400;
      pen.write(value, right - nth * COLUMN, base, {
        size: kind === 'sides' ? 12 : 13,
        weight,
        ink: 'ink',
        align: 'right',
      });
    });
  });
}
