// The map under the hand: its buttons and scale, the cross of the keyboard, "where am I", what could not be loaded.
import { $, page } from '../../shared/dom.js';
import { t } from '../../shared/i18n.js';

const { map, layer } = window.wangge;
const ground = map.getContainer();
const NEAR_ZOOM = 18; // of a reader's own place

export function whole(animate = true) {
  const [west, south, east, north] = page.bbox;
  map.fitBounds(
    [
      [south, west],
      [north, east],
    ],
    { padding: [24, 24], animate },
  );
}

function scale() {
  const y = map.getSize().y / 2;
  const metres = map.containerPointToLatLng([0, y]).distanceTo(map.containerPointToLatLng([100, y]));
  const power = 10 ** Math.floor(Math.log10(metres));
  const nice = [5, 2, 1].map((n) => n * power).find((n) => n <= metres);
  $('scale').style.width = `${Math.round((nice / metres) * 100)}px`;
  $('scale').textContent = nice >= 1000 ? `${nice / 1000} km` : `${nice} m`;
}

function limits() {
  $('zoom-in').disabled = map.getZoom() >= map.getMaxZoom();
  $('zoom-out').disabled = map.getZoom() <= map.getMinZoom();
}

export function buttons() {
  $('zoom-in').onclick = () => map.zoomIn();
  $('zoom-out').onclick = () => map.zoomOut();
  $('whole').onclick = () => page.bbox && whole();
  $('print').onclick = () => print();
  map.on('moveend zoomend', scale);
  map.on('zoomend', limits);
  limits();
  scale();
}

// The arrows move the map under a cross; Enter asks about what lies there.
export function keyboard(ask) {
  ground.setAttribute('role', 'application');
  ground.setAttribute(
    'aria-label',
    t('Map. Arrow keys move it, plus and minus zoom, Enter asks about the place under the cross.'),
  );
  ground.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.target !== ground) return;
    event.preventDefault();
    ask(map.getCenter());
  });
}

// ---- what could not be loaded
function say(message, action = null) {
  $('map-status').replaceChildren(message);
  if (action) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = t('Try again');
    button.onclick = action;
    $('map-status').append(' ', button);
  }
  $('map-status').hidden = !message;
}

export function watchTiles() {
  let lost = false;
  const drawing = (busy) => {
    $('drawing').hidden = !busy;
    document.body.dataset.map = busy ? 'drawing' : 'drawn';
  };
  layer.on('loading', () => drawing(true));
  layer.on('load', () => {
    drawing(false);
    if (!lost) say('');
  });
  drawing(layer.isLoading());
  map.on('tileslost', () => {
    lost = true;
    say(t('Part of the map could not be loaded; it is tried again by itself.'), window.wangge.again);
  });
  map.on('tilesagain', () => {
    lost = false;
  });
  addEventListener('offline', () => {
    lost = true;
    say(t('The server cannot be reached. Check the connection and try again.'));
  });
  addEventListener('online', () => window.wangge.again());
}

// Asks the browser where the reader is, only when the button is pressed.
export function whereAmI(ask) {
  const button = $('where');
  button.hidden = !navigator.geolocation;
  button.onclick = () => {
    button.setAttribute('aria-busy', 'true');
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        button.removeAttribute('aria-busy');
        say('');
        map.setView([coords.latitude, coords.longitude], NEAR_ZOOM, { animate: false });
        ask({ lat: coords.latitude, lng: coords.longitude });
      },
      () => {
        button.removeAttribute('aria-busy');
        say(t('Your place is not known: allow it in the browser, or touch the map.'));
        setTimeout(() => say(''), 6000);
      },
      { enableHighAccuracy: true, timeout: 10_000, maximumAge: 30_000 },
    );
  };
}
