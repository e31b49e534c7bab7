// The list as the API has it: asked for, counted, and single rows asked for again.
import { $, h, page } from '../../shared/dom.js';
import { number, t } from '../../shared/i18n.js';
import { query, request } from '../../shared/request.js';
import { dayAfter, filters, listQuery } from './address.js';
import { inbox } from './inbox.js';
import { askQueue, countQueue, isQueue } from './queue.js';
import { bar, draw, foot, redraw, rowsReleased, showStatus } from './rows.js';

export const PAGE = 60,
  FETCH = 12; // rows fetched one by one when they change; more of them wait for the bar
let requestCount = 0;

const askPage = (cursor) => {
  const part = query({ limit: PAGE, cursor });
  if (isQueue()) return askQueue(`${part}&${query({ area: filters().area })}`);
  return request(`/incidents?${listQuery()}&${part}`, 'list');
};

// News asks for the counts, too, and cancels those of a list on its way: that comes all the same.
const passOverNewer = (error) => {
  if (error.name !== 'AbortError') throw error;
};

export async function load({ append = false, keep = false } = {}) {
  const requestNumber = ++requestCount;
  document.querySelector('.dsk-table').setAttribute('aria-busy', 'true');
  if (!append && !keep) {
    inbox.chosen.clear();
    inbox.results.clear();
  }
  try {
    const [answer] = await Promise.all([
      askPage(append ? inbox.next : ''),
      append ? null : counts().catch(passOverNewer),
    ]);
    await rowsReleased();
    if (requestNumber !== requestCount) return;
    const listed = new Set(inbox.rows.map((incident) => incident.id));
    inbox.rows = append
      ? [...inbox.rows, ...answer.items.filter((incident) => !listed.has(incident.id))]
      : answer.items;
    inbox.next = answer.next;
    if (!append) {
      inbox.news.clear();
      bar();
      if (!keep)
        inbox.at = Math.max(
          0,
          inbox.rows.findIndex((incident) => incident.id === inbox.opened),
        );
    }
    inbox.at = Math.min(inbox.at, inbox.rows.length - 1);
    inbox.chosen = new Set([...inbox.chosen].filter((id) => inbox.rows.some((incident) => incident.id === id)));
    draw();
    showStatus('');
  } catch (error) {
    if (error.name === 'AbortError' || requestNumber !== requestCount) return;
    failed(error, () => load({ append, keep }));
  } finally {
    if (requestNumber === requestCount) document.querySelector('.dsk-table').removeAttribute('aria-busy');
  }
}

export function failed(error, retry) {
  if (error.problem?.status === 401) {
    location.href = `${page.sign_in}?${query({ next: location.pathname + location.search })}`;
    return;
  }
  showStatus(
    [
      error.problem?.status === 0 && inbox.rows.length
        ? t('No connection. This is the list last seen; it is asked again by itself.')
        : error.message || t('This did not work'),
      ' ',
      h('button', { type: 'button', className: 'link', onclick: retry }, t('Try again')),
    ],
    true,
  );
}

export async function counts() {
  const [totals, calls] = await Promise.all([
    request(`/incidents/counts?${query({ ...filters(), until: dayAfter(filters().until), sort: '' })}`, 'counts'),
    countQueue(),
  ]);
  inbox.totals = { ...totals, follow_up: calls };
  for (const tab of $('tabs').children) {
    const n =
      tab.dataset.state === 'open'
        ? inbox.totals.open
        : tab.dataset.state === 'all'
          ? inbox.totals.all
          : tab.dataset.state === 'follow_up'
            ? inbox.totals.follow_up
            : inbox.totals.states[tab.dataset.state];
    tab.querySelector('b').textContent = number(n);
    tab.classList.toggle('zero', !n);
  }
  const current = $('tabs').querySelector('[aria-current]');
  if (
    current &&
    (current.offsetLeft < $('tabs').scrollLeft ||
      current.offsetLeft + current.offsetWidth > $('tabs').scrollLeft + $('tabs').clientWidth)
  )
    current.scrollIntoView({ block: 'nearest', inline: 'center' });
  foot();
}

export async function refresh(ids) {
  if (ids.length > FETCH) {
    await load({ keep: true });
    return;
  }
  await Promise.all(
    ids.map(async (id) => {
      try {
        const incident = await request(`/incidents/${id}`, `row ${id}`);
        await rowsReleased();
        redraw(incident);
      } catch (error) {
        if (error.problem?.status === 404) $('rows').querySelector(`[data-id="${id}"]`)?.classList.add('old');
      }
    }),
  );
}
