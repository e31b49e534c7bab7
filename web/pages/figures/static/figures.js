// The charts of the page; every bar leads to the incidents behind it. Without the library the table says it all.
import { $, colour, page, phone } from '../../shared/dom.js';
import { number, t } from '../../shared/i18n.js';

const charts = page.charts;
const hue = {
  closed: colour('link'),
  before: colour('quiet-line'),
  open: colour('okabe-ito-sky'),
  late: colour('late'),
};
const ink = colour('ink'),
  quiet = colour('quiet'),
  line = colour('line');
const face = getComputedStyle(document.body).fontFamily;
const percent = (value) => `${(100 * value).toFixed(1)}%`;
const basis = (rate) => `${percent(rate.value)} (${number(rate.n)} / ${number(rate.of)})`;

const AXIS = {
  axisLine: { lineStyle: { color: line } },
  axisTick: { show: false },
  axisLabel: { color: quiet, fontSize: 12 },
  splitLine: { lineStyle: { color: line } },
};
const BASE = {
  animation: false,
  textStyle: { fontFamily: face, color: ink },
  // drawn on the canvas: the policy of the pages allows no styles in markup
  tooltip: { renderMode: 'richText', trigger: 'axis', axisPointer: { type: 'shadow' }, confine: true },
  legend: { top: 0, left: 0, itemWidth: 12, itemHeight: 12, textStyle: { color: quiet, fontSize: 12 } },
};
const bar = (name, data, color, more = {}) => ({
  name,
  type: 'bar',
  stack: 'all',
  data,
  itemStyle: { color },
  barMaxWidth: 28,
  ...more,
});

function draw(id, option, addresses, label) {
  const element = $(id);
  const chart = window.echarts.init(element);
  chart.setOption({ ...BASE, ...option });
  element.setAttribute('aria-label', label);
  chart.getZr().on('click', (event) => {
    const point = [event.offsetX, event.offsetY];
    if (!chart.containPixel('grid', point)) return;
    const [x, y] = chart.convertFromPixel('grid', point);
    const address = addresses[option.yAxis.type === 'category' ? y : x];
    if (address) location.href = address;
  });
  chart.getZr().setCursorStyle('pointer');
  new ResizeObserver(() => chart.resize()).observe(element);
}

function drawTrend({ step, keys, closed, open, before, keys_before, addresses }) {
  const short = (key) => (step === 'day' ? key.slice(5) : key);
  draw(
    'fig-trend',
    {
      grid: { left: 8, right: 12, top: 36, bottom: 4, containLabel: true },
      xAxis: { ...AXIS, type: 'category', data: keys.map(short), splitLine: { show: false } },
      yAxis: { ...AXIS, type: 'value', minInterval: 1, axisLine: { show: false } },
      tooltip: {
        ...BASE.tooltip,
        formatter: ([{ dataIndex: n }]) =>
          [
            keys[n],
            `${t('Closed')}: ${number(closed[n])}`,
            `${t('Not closed')}: ${number(open[n])}`,
            keys_before[n] ? `${t('before')} (${keys_before[n]}): ${number(before[n])}` : '',
          ]
            .filter(Boolean)
            .join('\n'),
      },
      legend: {
        ...BASE.legend,
        data: [t('Closed'), t('Not closed'), { name: t('The period before'), icon: 'path://M0 5h5v2H0zM7 5h5v2H7z' }],
      },
      series: [
        bar(t('Closed'), closed, hue.closed),
        bar(t('Not closed'), open, hue.open),
        {
          name: t('The period before'),
          type: 'line',
          step: 'middle',
          data: before,
          symbol: 'none',
          lineStyle: { color: quiet, width: 1.5, type: 'dashed' },
          itemStyle: { color: quiet },
        },
      ],
    },
    addresses,
    t('Reports over time: %(n)s in %(bars)s bars', {
      n: number([...closed, ...open].reduce((sum, n) => sum + n, 0)),
      bars: number(keys.length),
    }),
  );
}

function drawRates(rates) {
  if (!rates.length) {
    $('fig-rates').hidden = true;
    /** @type {any} */ ($('fig-rates').nextElementSibling).hidden = false;
    return;
  }
  const rows = [...rates].reverse(); // the axis counts from below
  $('fig-rates').style.height = `${56 + 44 * rows.length}px`;
  draw(
    'fig-rates',
    {
      grid: { left: 8, right: phone.matches ? 52 : 128, top: 32, bottom: 4, containLabel: true },
      xAxis: {
        ...AXIS,
        type: 'value',
        min: 0,
        max: 1,
        interval: 0.25,
        axisLabel: { ...AXIS.axisLabel, formatter: (v) => `${100 * v}%` },
      },
      yAxis: {
        ...AXIS,
        type: 'category',
        data: rows.map((rate) => rate.label),
        axisLabel: { ...AXIS.axisLabel, color: ink },
      },
      tooltip: {
        ...BASE.tooltip,
        formatter: ([{ dataIndex: n }]) =>
          [rows[n].label, basis(rows[n]), rows[n].before ? `${t('before')} ${basis(rows[n].before)}` : '']
            .filter(Boolean)
            .join('\n'),
      },
      series: [
        {
          ...bar(
            t('The period before'),
            rows.map((rate) => rate.before?.value ?? null),
            hue.before,
          ),
          stack: undefined,
          barMaxWidth: 8,
        },
        {
          ...bar(
            t('This period'),
            rows.map((rate) => rate.value),
            hue.closed,
          ),
          stack: undefined,
          barMaxWidth: 14,
          label: {
            show: true,
            position: 'right',
            color: ink,
            fontSize: 12,
            formatter: ({ dataIndex: n }) => (phone.matches ? percent(rows[n].value) : basis(rows[n])),
          },
        },
      ],
    },
    rows.map((rate) => rate.address),
    rates.map((rate) => `${rate.label} ${basis(rate)}`).join('; '),
  );
}

function drawGroups(groups) {
  const rows = [...groups].reverse();
  $('fig-groups').style.height = `${56 + 30 * Math.max(rows.length, 3)}px`;
  const short = (label) => (phone.matches && label.length > 9 ? `${label.slice(0, 8)}…` : label);
  draw(
    'fig-groups',
    {
      grid: { left: 8, right: 16, top: 32, bottom: 4, containLabel: true },
      xAxis: { ...AXIS, type: 'value', minInterval: 1 },
      yAxis: {
        ...AXIS,
        type: 'category',
        data: rows.map((row) => short(row.label)),
        axisLabel: { ...AXIS.axisLabel, color: ink },
      },
      tooltip: {
        ...BASE.tooltip,
        formatter: ([{ dataIndex: n }]) =>
          [
            rows[n].label,
            `${t('Closed')}: ${number(rows[n].closed)}`,
            `${t('Open, in time')}: ${number(rows[n].open)}`,
            `${t('Overdue')}: ${number(rows[n].overdue)}`,
          ].join('\n'),
      },
      series: [
        bar(
          t('Closed'),
          rows.map((row) => row.closed),
          hue.closed,
        ),
        bar(
          t('Open, in time'),
          rows.map((row) => row.open),
          hue.open,
        ),
        bar(
          t('Overdue'),
          rows.map((row) => row.overdue),
          hue.late,
        ),
      ],
    },
    rows.map((row) => row.address),
    groups.map((row) => `${row.label} ${number(row.closed + row.open + row.overdue)}`).join('; '),
  );
}

if (window.echarts && charts) {
  /** @type {any} */ (document.querySelector('.fig-charts')).hidden = false;
  drawTrend(charts.trend);
  drawRates(charts.rates);
  drawGroups(charts.groups);
}
document.body.dataset.ready = 'yes';
