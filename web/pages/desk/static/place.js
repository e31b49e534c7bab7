// A wrong place put right: a click on the map of the open matter, or an address.
import { h } from '../../shared/dom.js';
import { t } from '../../shared/i18n.js';

const { map } = window.wangge;

/** The fields of `relocate`: where the matter really is. */
export function relocateFields() {
  const address = h('input', { id: 'relocate-address', maxlength: 200, autocomplete: 'off' });
  const chosen = h(
    'p',
    { className: 'quiet', role: 'status' },
    t('Click the map below where it is, or give an address.'),
  );
  let pin = null,
    wasOpen = false; // the form is put in after it is made
  const pick = ({ latlng }) => {
    pin?.remove();
    pin = L.marker(latlng, {
      draggable: true,
      keyboard: false,
      icon: L.divIcon({ className: 'dsk-new-place', iconSize: [28, 28] }),
      title: t('The new place'),
    }).addTo(map);
    address.value = '';
    chosen.textContent = t('A place on the map is chosen; drag the pin to correct it.');
  };
  const stop = () => {
    map.getContainer().parentElement.classList.remove('picking');
    map.off('click', pick);
    pin?.remove();
  };
  map.on('click', pick);
  map.getContainer().parentElement.classList.add('picking');
  const element = h(
    'div',
    { className: 'dsk-relocate' },
    chosen,
    h('label', { for: 'relocate-address' }, t('Address')),
    address,
  );
  new MutationObserver((_, observer) => {
    if (element.isConnected) wasOpen = true;
    else if (wasOpen) {
      observer.disconnect();
      stop();
    }
  }).observe(document.querySelector('#detail'), { childList: true, subtree: true });
  return {
    element,
    read: () => {
      if (address.value.trim()) return { address: address.value.trim() };
      if (!pin) return { wrong: t('Click the map below where it is, or give an address.') };
      const { lng, lat } = pin.getLatLng();
      return { lon: lng, lat, crs: 'cgcs2000' };
    },
  };
}
