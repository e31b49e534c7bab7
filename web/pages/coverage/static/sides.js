// The two sides of a comparison, as the address writes them. Nothing here touches the page.

/**
 * What changes in the question on the right side: `circle`, `profile.child`, `at.now`, `at.any`, `at.2026-11-28T20:00`
 * or `sites`. Null where there is nothing to compare.
 * @param {string} text
 * @param {number[][]} places planned, as [lon, lat]
 */
export function changesOf(text, places) {
  if (text === 'circle') return { straight: 'true' };
  if (text === 'sites') return places.length ? { sites: placesText(places) } : null;
  const [, kind, value] = /^(profile|at)\.(.+)$/.exec(text) ?? [];
  if (kind === 'profile') return { profile: value };
  if (kind === 'at') return { at: value === 'any' ? '' : value };
  return null;
}

const placesText = (places) => places.map((place) => place.map((n) => n.toFixed(6)).join(',')).join(';');

const STEP = 2,
  LEAP = 10;
/** Where a key takes the divider, in per cent of the width; null for a key that does nothing. */
export function moved(share, key) {
  const steps = {
    ArrowLeft: -STEP,
    ArrowDown: -STEP,
    ArrowRight: STEP,
    ArrowUp: STEP,
    PageDown: -LEAP,
    PageUp: LEAP,
    Home: -100,
    End: 100,
  };
  return key in steps ? within(share + steps[key]) : null;
}

/** A share within 0 and 100, in whole per cent. */
export const within = (share) => Math.min(Math.max(Math.round(share), 0), 100);
