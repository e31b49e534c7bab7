// What is new: rows change where they stand; what would move them waits for the bar.
import { h } from '../../shared/dom.js';
import { t } from '../../shared/i18n.js';
import { query, request } from '../../shared/request.js';
import { stateLabel } from '../../shared/workflow.js';
import { filters, fits, listQuery } from './address.js';
import { panelSays, part, show, writing } from './detail.js';
import { inbox } from './inbox.js';
import { counts, FETCH, load, PAGE, refresh } from './list.js';
import { isQueue } from './queue.js';
import { bar } from './rows.js';

const pendingEvents = new Set();
let soon;
export function hear(event) {
  pendingEvents.add(event);
  clearTimeout(soon);
  soon = setTimeout(settle, 250);
}

// those of some that the filters let through; an event says no more of its matter than state and category
async function among(ids) {
  const unsaid = Object.entries(filters()).filter(([name]) => !['category', 'sort'].includes(name));
  if (!ids.length || !unsaid.some(([, value]) => value)) return ids;
  const matches = await request(`/incidents?${listQuery()}&${query({ limit: PAGE })}`, 'among').catch(() => ({
    items: [],
  }));
  return ids.filter((id) => matches.items.some((incident) => incident.id === id));
}

async function settle() {
  const events = [...pendingEvents];
  pendingEvents.clear();
  if (events.includes(null)) inbox.news.set('gap', true);
  const last = new Map(events.filter(Boolean).map((event) => [event.id, event]));
  const changed = [],
    added = [];
  for (const [id, event] of last) {
    const listed = inbox.rows.find((incident) => incident.id === id);
    if (listed) {
      if (listed.version < event.version) changed.push(id);
    } else if (
      fits(event) &&
      (!filters().category || event.category.startsWith(filters().category)) &&
      !inbox.news.has(id)
    )
      added.push(id);
    if (id === inbox.opened && (inbox.full?.version ?? 0) < event.version && !part.moves.hasAttribute('aria-busy')) {
      if (writing())
        panelSays([
          `${t('changed')}: ${stateLabel(event.state)} `,
          h(
            'button',
            {
              type: 'button',
              className: 'dsk-link',
              onclick: () => {
                part.moves.replaceChildren();
                panelSays('');
                show(id, { quiet: true });
              },
            },
            t('Try again'),
          ),
        ]);
      else show(id, { quiet: true });
    }
  }
  if (isQueue()) return void load({ keep: true });
  counts().catch(() => {});
  (await among(added)).forEach((id) => inbox.news.set(id, true));
  if (changed.length > FETCH) changed.forEach((id) => inbox.news.set(id, true));
  else await refresh(changed);
  bar();
}
