// What Leaflet leaves out for those who reduce motion or have no mouse. A classic script, after Leaflet.
(() => {
  'use strict';

  // Whoever has told the system to reduce motion sees maps that jump instead of gliding.
  if (matchMedia('(prefers-reduced-motion: reduce)').matches) {
    const { panBy } = L.Map.prototype;
    L.Map.mergeOptions({ fadeAnimation: false, zoomAnimation: false, markerZoomAnimation: false, inertia: false });
    L.Map.include({
      panBy(offset, options) {
        return panBy.call(this, offset, { ...options, animate: false });
      },
      flyTo(centre, zoom) {
        return this.setView(centre, zoom, { animate: false });
      },
    });
  }

  // A mark that has the focus is a button: Enter and the space bar press it. One with a popup opens that by itself.
  L.Marker.addInitHook(function pressable() {
    this.on('keypress', ({ originalEvent }) => {
      if (this.getPopup() || !['Enter', ' '].includes(originalEvent.key)) return;
      originalEvent.preventDefault();
      this.fire('click', { latlng: this.getLatLng(), originalEvent });
    });
  });
})();
