// The search box: codes, names, addresses and people, with the keyboard or a finger.
import { $, h, isEscape, page, pin } from './dom.js';
import { t, title, zh } from './i18n.js';
import { request, query } from './request.js';

const MOST = 12; // hits that are listed

// `actions.first`: a kind of hit that is listed before all others.
export function searchBox(actions) {
  const input = $('q'),
    list = $('hits');
  let items = [],
    chosen = -1,
    timer = 0;

  const close = () => {
    list.hidden = true;
    chosen = -1;
    input.setAttribute('aria-expanded', 'false');
    input.removeAttribute('aria-activedescendant');
  };
  const open = (...children) => {
    list.replaceChildren(...children);
    list.hidden = false;
    input.setAttribute('aria-expanded', 'true');
  };
  const notice = (text, detail) => h('p', { className: 'search-notice' }, h('b', {}, text), detail || '');

  function openHit(hit) {
    input.value = hit.name;
    close();
    input.blur();
    if (hit.kind === 'category') actions.emphasise(hit.code);
    else if (hit.kind === 'facility') actions.facility(hit.code);
    else if (hit.kind === 'building') actions.place(hit.lon, hit.lat, hit.address, hit);
    else if (hit.kind === 'area' || hit.bbox)
      hit.kind === 'person' && hit.level && !/^\d{6,}$/.test(hit.code)
        ? actions.place(hit.lon, hit.lat)
        : actions.area(hit.code);
  }

  function mark(next) {
    chosen = next;
    [...list.children].forEach((option, i) => option.setAttribute('aria-selected', i === chosen));
    if (chosen < 0) return input.removeAttribute('aria-activedescendant');
    input.setAttribute('aria-activedescendant', list.children[chosen].id);
    list.children[chosen].scrollIntoView({ block: 'nearest' });
  }

  const icon = (hit) => {
    if (hit.kind === 'facility' || hit.kind === 'category') return pin(hit.level);
    if (hit.kind === 'person')
      return h(
        'svg',
        { className: 'person', viewBox: '0 0 24 24', 'aria-hidden': 'true' },
        h('circle', { cx: 12, cy: 8, r: 4 }),
        h('path', { d: 'M4 21c0-5 4-7 8-7s8 2 8 7' }),
      );
    return h('i', {
      className: `swatch ${{ grid: 'grids', unit: 'units', building: 'buildings' }[hit.level] || 'communities'}`,
      'aria-hidden': 'true',
    });
  };
  const row = (hit, i) =>
    h(
      'div',
      {
        className: 'hit',
        role: 'option',
        id: `hit-${i}`,
        'aria-selected': 'false',
        onmousedown: (event) => {
          event.preventDefault();
          openHit(hit);
        },
      },
      icon(hit),
      h('b', {}, hit.name),
      h('span', { className: 'kind' }, zh ? hit.kind_zh : hit.kind_en),
      h('small', {}, [hit.detail, hit.kind === 'area' ? hit.code : ''].filter(Boolean).join(' · ')),
    );

  const categoryHit = (key) => ({
    kind: 'category',
    code: key,
    level: key,
    name: title(page.categories[key]),
    kind_zh: '设施类别',
    kind_en: 'category',
    detail: t('All of them on the map, whom they serve and whom not'),
  });

  async function find() {
    const text = input.value.trim();
    if (!text) return close();
    try {
      const body = await request(`/search?${query({ q: text, limit: actions.first ? 50 : MOST })}`, 'search');
      if (text !== input.value.trim()) return undefined; // more was typed meanwhile
      const isFirst = (hit) => hit.kind === actions.first;
      items = [
        ...(actions.emphasise ? body.categories.map(categoryHit) : []),
        ...body.items.filter(isFirst),
        ...body.items.filter((hit) => !isFirst(hit)),
      ].slice(0, MOST);
      $('hits-status').textContent = items.length
        ? t('%(n)s results', { n: items.length })
        : t('Nothing found for “%(q)s”', { q: text });
      if (!items.length)
        return open(
          notice(
            t('Nothing found for “%(q)s”', { q: text }),
            t('Try a code, a name, an address such as 3号楼2单元, or a person.'),
          ),
        );
      open(...items.map(row));
      chosen = -1;
    } catch (error) {
      if (error.name !== 'AbortError') {
        items = [];
        open(notice(t('This did not work'), error.message));
      }
    }
  }

  input.addEventListener('input', () => {
    clearTimeout(timer);
    if (!input.value.trim()) return close();
    items = []; // what is listed answers an older question
    if (list.hidden) {
      open(notice(t('Searching…')));
    }
    timer = setTimeout(find, 180);
  });
  input.addEventListener('focus', () => input.value.trim() && find());
  input.addEventListener('blur', () => setTimeout(close, 120));
  input.addEventListener('keydown', (event) => {
    if (isEscape(event)) {
      close();
      return;
    }
    if (list.hidden || !items.length) return;
    if (event.key === 'ArrowDown') {
      event.preventDefault();
      mark((chosen + 1) % items.length);
    }
    if (event.key === 'ArrowUp') {
      event.preventDefault();
      mark((chosen + items.length - 1) % items.length);
    }
  });
  input.form.addEventListener('submit', async (event) => {
    event.preventDefault();
    clearTimeout(timer);
    if (!items.length || list.hidden) await find();
    if (items.length) openHit(items[Math.max(chosen, 0)]);
  });
}
