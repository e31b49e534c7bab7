// The panel: who answers for a place or an area, why, what is near, and a facility's circle.
import { $, h, page, pin } from '../../shared/dom.js';
import { distanceText } from '../../shared/distance.js';
import { number, t, title, zh } from '../../shared/i18n.js';
import { dateTime } from '../../shared/moment.js';
import { request, query, RequestError } from '../../shared/request.js';

export const busy = { onshow() {} };
const answer = $('answer');

export function welcome() {
  answer.replaceChildren();
  $('welcome').hidden = false;
}

function show(...children) {
  $('welcome').hidden = true;
  answer.replaceChildren(h('div', { className: 'answer' }, ...children));
  $('panel-body').scrollTop = 0;
}

function loading() {
  busy.onshow();
  show(
    h(
      'div',
      { className: 'skeleton', role: 'status', 'aria-label': t('Looking it up…') },
      h('i'),
      h('i'),
      h('i'),
      h('i'),
      h('i'),
    ),
  );
}

const close = (actions) =>
  h(
    'button',
    { className: 'close', type: 'button', 'aria-label': t('Close'), onclick: actions.close },
    h('svg', { viewBox: '0 0 20 20', 'aria-hidden': 'true' }, h('path', { d: 'M5 5l10 10M15 5 5 15' })),
  );
const head = (actions, heading, ...below) =>
  h('div', { className: 'head' }, h('div', {}, h('h1', { className: 'title' }, heading), ...below), close(actions));

function failed(error, actions) {
  if (!(error instanceof RequestError)) throw error;
  const nearest = error.problem.nearest;
  const isMissing = error.problem.status === 404;
  if (isMissing && nearest) {
    show(
      head(actions, t('No grid here')),
      h('p', { className: 'lead' }, t('Click inside the outlined grids.')),
      h(
        'p',
        { className: 'note' },
        t('Nearest grid: %(name)s, %(distance)s away', {
          name: nearest.name || nearest.code,
          distance: distanceText(error.problem.distance_m),
        }),
      ),
      h(
        'button',
        { className: 'button', type: 'button', onclick: () => actions.area(nearest.code) },
        t('Show that grid'),
      ),
    );
  } else {
    show(
      head(actions, isMissing ? t('Not found') : t('This did not work')),
      h('p', { className: 'lead' }, error.message),
      isMissing ? '' : h('button', { className: 'button', type: 'button', onclick: actions.again }, t('Try again')),
    );
  }
  return null;
}

// ---- pieces
const chain = (areas, actions) =>
  h(
    'ol',
    { className: 'chain', 'aria-label': t('Areas') },
    areas.map((area) =>
      h('li', {}, h('button', { type: 'button', onclick: () => actions.area(area.code) }, area.name)),
    ),
  );

const role = (person) => title(page.roles[person.role]) || person.role;

function standing(person) {
  if (!person.why) return null;
  const label =
    person.why === 'vacancy' && !person.stands_in_for
      ? t('stands in while the post is vacant')
      : t('stands in for %(name)s', { name: person.stands_in_for || '' });
  const reason = zh ? person.why_zh : person.why_en;
  return h(
    'span',
    { className: 'badge' },
    person.name
      ? `${t('deputy')} · ${label}${reason ? ` · ${reason}` : ''}`
      : reason || t('stands in while the post is vacant'),
  );
}

const hidden = () =>
  h(
    'a',
    {
      className: 'link',
      href: `${page.sign_in}?next=${encodeURIComponent(location.pathname + location.search + location.hash)}`,
    },
    t('Sign in to see names'),
  );

function personButton(person, named = true) {
  if (!person)
    return h(
      'div',
      { className: 'note' },
      h('b', {}, t('Nobody holds a post here')),
      h('p', { className: 'quiet' }, t('Load people and posts, or choose another place.')),
    );
  return h(
    'div',
    { className: 'first' },
    h('p', { className: 'role' }, role(person)),
    named ? h('p', { className: 'name' }, person.name || '—') : h('p', { className: 'quiet' }, hidden()),
    standing(person),
  );
}

function everyone(people, names, named = true) {
  if (!people.length) return null;
  const listed = people.slice(0, 6);
  const row = (person) =>
    h(
      'li',
      {},
      h('span', { className: 'role' }, role(person)),
      h(
        'span',
        { className: 'who' },
        named && h('span', { className: 'name' }, person.name || '—'),
        ' ',
        standing(person),
      ),
      h('span', { className: 'where' }, names.get(person.area) || ''),
    );
  const list = h('ul', { className: 'rows people' }, listed.map(row));
  const unlisted =
    people.length > listed.length &&
    h(
      'button',
      {
        className: 'link',
        type: 'button',
        onclick: (event) => {
          list.append(...people.slice(6).map(row));
          event.target.remove();
        },
      },
      t('Show all %(n)s', { n: people.length }),
    );
  return [h('h2', {}, t('Others who answer')), list, unlisted];
}

const reasons = (how) => [
  h('h2', {}, t('How this was decided')),
  h(
    'ol',
    { className: 'how' },
    how.map((step) => h('li', {}, h('span', {}, zh ? step.zh : step.en))),
  ),
];

function units(answer, actions, place) {
  if (answer.unit || !answer.unit_candidates.length) return null;
  const label = (unit) => {
    const stairs = unit.stairwells.map((name) => t('Stairwell %(name)s', { name })).join('、');
    const floors = (unit.floors || [])
      .map(([low, high]) => (low === high ? t('Floor %(n)s', { n: low }) : t('Floors %(low)s–%(high)s', { low, high })))
      .join('、');
    return [unit.name, stairs, floors].filter(Boolean).join(' ');
  };
  const address = (unit) =>
    `${answer.building.name}${unit.stairwells[0] ? `${unit.stairwells[0]}单元` : ''}${unit.floors?.[0] ? `${unit.floors[0][0]}楼` : ''}`;
  return h(
    'div',
    { className: 'note' },
    t('This building holds several ten-household units. Choose the stairwell:'),
    h(
      'div',
      { className: 'units' },
      answer.unit_candidates.map((unit) =>
        h(
          'button',
          { type: 'button', onclick: () => actions.place(place.lon, place.lat, address(unit), false) },
          label(unit),
        ),
      ),
    ),
  );
}

async function nearbyFacilities(lon, lat, actions) {
  const container = h(
    'div',
    {},
    h('h2', {}, t('Nearest services on foot')),
    h('div', { className: 'skeleton' }, h('i'), h('i')),
  );
  request(`/facilities/nearest?${query({ lon, lat, crs: 'wgs84', minutes: 15 })}`, 'near')
    .then(({ items }) => {
      const categories = new Set(items.map((facility) => facility.category));
      const missing = Object.entries(page.categories)
        .filter(([key]) => !categories.has(key))
        .map(([, titles]) => title(titles));
      const rows = items.map((facility) =>
        h(
          'li',
          {},
          h(
            'button',
            { type: 'button', onclick: () => actions.facility(facility.code) },
            pin(facility.category),
            h(
              'span',
              {},
              facility.name && h('span', { className: 'cat' }, title(page.categories[facility.category])),
              h('span', { className: 'nm' }, facility.name || title(page.categories[facility.category])),
            ),
            h(
              'span',
              { className: 'min' },
              t('%(n)s min', { n: Math.max(1, Math.round(facility.minutes)) }),
              h('small', {}, distanceText(facility.walk_m)),
            ),
          ),
        ),
      );
      container.replaceChildren(
        h('h2', {}, t('Nearest services on foot')),
        rows.length
          ? h('ul', { className: 'near' }, rows)
          : h('p', { className: 'quiet' }, t('No facility within a 15-minute walk')),
        rows.length && missing.length
          ? h('p', { className: 'missing' }, h('b', {}, `${t('Not within 15 minutes')}：`), missing.join('、'))
          : '',
      );
    })
    .catch((error) => {
      if (error.name !== 'AbortError')
        container.replaceChildren(
          h('h2', {}, t('Nearest services on foot')),
          h('p', { className: 'quiet' }, error.message),
        );
    });
  return container;
}

function foot(answer) {
  return h(
    'p',
    { className: 'foot' },
    h('span', {}, t('As of %(time)s', { time: dateTime(answer.at) })),
    h('span', {}, t('Boundary revision %(n)s', { n: answer.revision })),
  );
}

const names = (answer) =>
  new Map([...answer.areas, answer.unit, answer.building].filter(Boolean).map((area) => [area.code, area.name]));

// ---- the three answers
export async function showPlace({ lon, lat, address }, actions) {
  loading();
  let answer;
  try {
    answer = await request(`/locate?${query({ lon, lat, crs: 'wgs84', address, at: page.at })}`, 'answer');
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    return failed(error, actions);
  }
  const grid = answer.areas.findLast((area) => area.level === 'grid');
  const building = answer.building && [answer.building.estate, answer.building.name].filter(Boolean).join('');
  const where = [building, answer.unit && answer.unit.name].filter(Boolean).join(' · ') || grid.name;
  show(
    head(
      actions,
      where,
      chain(answer.areas, actions),
      h('p', { className: 'code' }, grid.code, address ? ` · ${address}` : ''),
    ),
    personButton(answer.answerable, answer.named),
    units(answer, actions, { lon, lat }),
    everyone(others(answer), names(answer), answer.named),
    await nearbyFacilities(lon, lat, actions),
    reasons(answer.how),
    foot(answer),
  );
  return answer;
}

const same = (person, other) =>
  other && person.role === other.role && person.area === other.area && person.name === other.name;

const others = ({ people, answerable }) => {
  // without names two workers of one grid look the same: only one of them is above
  const above = people.findIndex((person) => same(person, answerable));
  return people.filter((person, number) => number !== above);
};

export async function showArea(code, actions) {
  loading();
  try {
    const area = await request(`/areas/${encodeURIComponent(code)}?${query({ at: page.at })}`, 'answer');
    const answer =
      area.point &&
      (await request(
        `/locate?${query({ lon: area.point[0], lat: area.point[1], crs: 'cgcs2000', at: page.at })}`,
        'who',
      ).catch(() => null));
    const level = page.levels.find((level) => level.key === area.level);
    const people = answer ? answer.people.filter((person) => person.area === code) : [];
    show(
      head(
        actions,
        area.name,
        chain(area.above, actions),
        h('p', { className: 'code' }, `${title(level)} · ${area.code}`),
      ),
      h('h2', {}, t('Who answers for this area')),
      personButton(people[0], answer?.named),
      people.length > 1 ? everyone(people.slice(1), new Map(), answer?.named) : null,
      h(
        'dl',
        { className: 'facts' },
        h('dt', {}, t('Land')),
        h('dd', {}, t('%(n)s ha', { n: number((area.area_m2 / 1e4).toFixed(1)) })),
        ...(area.children ? [h('dt', {}, t('Areas below')), h('dd', {}, number(area.children))] : []),
      ),
      area.revision
        ? h('p', { className: 'foot' }, h('span', {}, t('Boundary revision %(n)s', { n: area.revision })))
        : null,
    );
    return area;
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    return failed(error, actions);
  }
}

export async function showFacility(code, minutes, actions) {
  loading();
  try {
    const path = `/facilities/${encodeURIComponent(code)}`;
    const [facility, ...collections] = await Promise.all([
      request(path, 'answer'),
      ...[5, 10, 15].map((limit) =>
        request(`${path}/circle?minutes=${limit}&profile=adult`, `circle${limit}`).catch((error) => {
          if (error.name === 'AbortError') throw error;
          return error;
        }),
      ),
    ]);
    const circles = new Map(
      collections
        .filter((collection) => collection.features && collection.features.length)
        .map((collection) => [collection.features[0].properties.minutes, collection.features[0]]),
    );
    const chosen = circles.get(minutes)?.properties;
    const facts = [
      [t('Category'), title(page.categories[facility.category])],
      [t('Address'), facility.address],
      [t('Opening hours'), facility.opening_hours],
      [t('Telephone'), facility.contact],
      [t('Code'), facility.code],
    ];
    show(
      h(
        'div',
        { className: 'head' },
        pin(facility.category, true),
        h(
          'div',
          {},
          h('h1', { className: 'title' }, facility.name || title(page.categories[facility.category])),
          h('p', { className: 'quiet' }, title(page.categories[facility.category])),
        ),
        close(actions),
      ),
      h('h2', {}, t('Within a walk of')),
      h(
        'div',
        { className: 'switch', role: 'group', 'aria-label': t('Within a walk of') },
        [5, 10, 15].map((limit) =>
          h(
            'button',
            { type: 'button', 'aria-pressed': String(limit === minutes), onclick: () => actions.minutes(limit) },
            t('%(n)s min', { n: limit }),
          ),
        ),
      ),
      !chosen
        ? h(
            'p',
            { className: 'note' },
            collections.find((answer) => answer instanceof RequestError)?.message ||
              t('No service circle has been computed for this facility.'),
          )
        : chosen.off_network || chosen.island
          ? h(
              'p',
              { className: 'note' },
              chosen.island
                ? t('The only ways within 100 m lead nowhere on the map: nobody can be counted.')
                : t('More than 100 m from any street: nobody can be counted.'),
            )
          : h(
              'div',
              { className: 'inside' },
              h('p', {}, h('b', {}, number(chosen.households)), h('span', {}, t('households'))),
              h('p', {}, h('b', {}, number(chosen.people)), h('span', {}, t('people'))),
              chosen.buildings === null
                ? null
                : h('p', {}, h('b', {}, number(chosen.buildings)), h('span', {}, t('buildings'))),
            ),
      h(
        'dl',
        { className: 'facts' },
        facts.filter(([, value]) => value).flatMap(([key, value]) => [h('dt', {}, key), h('dd', {}, value)]),
      ),
      h(
        'button',
        { className: 'button', type: 'button', onclick: () => actions.place(facility.lon, facility.lat, null, false) },
        t('Who answers for this place'),
      ),
    );
    return { facility, circles };
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    return failed(error, actions);
  }
}
