// Forms beside places of the map: what the server refuses stands in them.
import { h, phone } from '../../shared/dom.js';
import { RequestError } from '../../shared/request.js';
import { mapStatus } from './drawing.js';

// Popups stay clear of what lies over the map on the left.
export const popupAt = ([lon, lat], content) =>
  L.popup({
    className: 'cov-door-popup',
    minWidth: 240,
    maxWidth: 300,
    autoPanPaddingTopLeft: phone.matches ? [8, 8] : [300, 16],
  })
    .setLatLng([lat, lon])
    .setContent(content)
    .openOn(window.wangge.map);

export const field = (label, control) => h('label', {}, h('span', {}, label), control);

export const refusal = () => h('p', { className: 'cov-wrong', role: 'alert', hidden: true });

/** Does some work for a popup: closes it and goes on when done, else says in it why not. */
export async function attempt(popup, wrong, work, after) {
  wrong.hidden = true;
  try {
    await work();
    popup.close();
    await after();
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    wrong.textContent = error.message;
    wrong.hidden = false;
    popup.update();
  }
}

let changes = 0;
/** Says a change once the map follows it; of two changes, whose maps may be drawn in another order, the later. */
export async function sayAfter(drawn, done) {
  const change = ++changes;
  await drawn;
  if (change === changes) mapStatus(done);
}
