// Bringing back a file edited elsewhere: the report, and a torn file on the map.
import { $, colour, h, page } from '../../shared/dom.js';
import { number, t, zh } from '../../shared/i18n.js';
import { request, errorText } from '../../shared/request.js';
import { clear, fit, fly, hatch, shape } from './revision-map.js';

const KIND_LABELS = { overlap: t('overlap'), gap: t('gap') };

const form = $('rev-upload');
const STYLE = {
  overlap: { color: colour('error-ink'), weight: 2, fillColor: colour('overlap'), fillOpacity: 0.55 },
  gap: { color: colour('community'), weight: 2, dashArray: '4 3', fillColor: colour('gap'), fillOpacity: 0.55 },
};

// names beside the codes, of the first grids; a code that is new in the file has none
const NAMED = 24;
async function named(codes) {
  await Promise.allSettled(
    [...new Set(codes)].slice(0, NAMED).map(async (code) => {
      const { name } = await request(`/areas/${encodeURIComponent(code)}`);
      document.querySelectorAll(`[data-code="${CSS.escape(code)}"]`).forEach((element) => {
        element.textContent = `${name} ${code}`;
      });
    }),
  );
}

function torn(collection) {
  clear();
  const faults = collection?.features ?? [];
  $('rev-torn').hidden = !faults.length;
  $('rev-faults').replaceChildren(
    ...faults.map(({ properties: fault }) =>
      h(
        'li',
        {},
        h(
          'button',
          { type: 'button', className: `rev-fault ${fault.kind}`, onclick: () => fly(fault.place, 20) },
          h('b', {}, KIND_LABELS[fault.kind]),
          ` ${t('%(m2)s m², %(width)s m wide', { m2: number(fault.m2), width: fault.width_m })}`,
          fault.codes.length
            ? h(
                'small',
                {},
                fault.codes.flatMap((code, i) => [i ? ' / ' : '', h('span', { 'data-code': code }, code)]),
              )
            : null,
        ),
      ),
    ),
  );
  named(faults.flatMap((fault) => fault.properties.codes));
  if (faults.length)
    fit(faults.map((fault) => hatch(fault.properties.kind, shape(fault.geometry, STYLE[fault.properties.kind]))));
  return faults;
}

const answer = (...children) => $('rev-answer').replaceChildren(...children);
const rejected = (body) =>
  (zh && body.errors_zh) || (body.errors ?? []).map((error) => `${error.field}: ${error.message}`);
const notes = (body) => listed((zh && body.notes_zh) || body.notes || []);
const listed = (all) =>
  all.length
    ? h(
        'details',
        { open: all.length < 6 },
        h('summary', {}, t('Notes on the file (%(n)s)', { n: number(all.length) })),
        h(
          'ul',
          {},
          all.map((line) => h('li', {}, line)),
        ),
      )
    : null;

form?.addEventListener('submit', (event) => {
  event.preventDefault();
  send();
});

// Which of the grids that the file omits end; the others stay.
function choice(grids) {
  const boxes = grids.map((grid) => h('input', { type: 'checkbox', value: grid.code }));
  const goOn = () =>
    send(
      boxes
        .filter((box) => box.checked)
        .map((box) => box.value)
        .join(',') || 'keep',
    );
  return [
    h(
      'p',
      { className: 'rev-wrong' },
      t('%(n)s grids are not in the file. Which of them end? The others stay.', { n: grids.length }),
    ),
    h(
      'ul',
      { className: 'rev-missing' },
      grids.map((grid, i) => h('li', {}, h('label', {}, boxes[i], ` ${grid.name} ${grid.code}`))),
    ),
    h('button', { type: 'button', className: 'button', onclick: goOn }, t('Go on')),
  ];
}

async function send(missing) {
  const file = form.file.files[0];
  const sent = new FormData();
  sent.append('file', file);
  const parameters = new URLSearchParams({
    title: form.title.value,
    ...Object.fromEntries(
      ['clean', 'crs', 'layer'].map((key) => [key, form[key].value.trim()]).filter(([, value]) => value),
    ),
    ...(missing === undefined ? {} : { missing }),
  });
  $('rev-busy').hidden = false;
  form.querySelector('button').disabled = true;
  answer(h('p', {}, t('Reading the file…')));
  try {
    const response = await fetch(`${page.api}/revisions/from-file?${parameters}`, {
      method: 'POST',
      body: sent,
      headers: { Accept: 'application/json', 'X-CSRFToken': page.csrf },
    });
    const body = await response.json();
    const faults = torn(body.torn);
    if (!response.ok && body.missing?.length && missing === undefined && body.errors.length === body.missing.length)
      answer(...choice(body.missing));
    else if (!response.ok) {
      const count = (kind) => faults.filter((fault) => fault.properties.kind === kind).length;
      answer(
        h(
          'p',
          { className: 'rev-wrong' },
          faults.length
            ? t('The file is torn: %(overlaps)s overlaps, %(gaps)s gaps', {
                overlaps: count('overlap'),
                gaps: count('gap'),
              })
            : errorText(body),
        ),
        faults.length
          ? h('p', {}, t('Mend it in QGIS, or let it be mended up to a width of so many metres.'))
          : h(
              'ul',
              {},
              rejected(body)
                .slice(0, 8)
                .map((line) => h('li', {}, line)),
            ),
        notes(body),
      );
    } else if (body.revision) {
      answer(
        h(
          'p',
          { className: 'rev-done' },
          t(
            'Draft made: %(changed)s changed, %(new)s new, %(gone)s gone, %(renamed)s renamed, %(recoded)s with another code',
            {
              changed: body.changed.length,
              new: body.new.length,
              gone: body.gone.length,
              renamed: Object.keys(body.renamed).length,
              recoded: Object.keys(body.recoded).length,
            },
          ),
        ),
        h(
          'p',
          {},
          h('a', { className: 'button', href: `${page.root}/revisions/${body.revision.id}` }, t('Look at the draft')),
        ),
        notes(body.report),
      );
    } else answer(h('p', {}, t('Every grid is as published; no draft was made.')), notes(body.report));
  } catch {
    answer(h('p', { className: 'rev-wrong' }, t('The server cannot be reached. Check the connection and try again.')));
  }
  $('rev-busy').hidden = true;
  form.querySelector('button').disabled = false;
}

const drop = $('rev-drop');
for (const kind of ['dragover', 'dragleave', 'drop']) {
  drop?.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.toggle('over', kind === 'dragover');
    if (kind === 'drop' && event.dataTransfer.files.length) form.file.files = event.dataTransfer.files;
  });
}
