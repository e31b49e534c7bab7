// A click on what was replaced between press and release is none: what would be drawn anew waits for the release.

/** How to wait until nothing within an element is pressed. */
export function releaseOf(element) {
  let released = Promise.resolve(),
    release = () => {};
  element.addEventListener('pointerdown', () => {
    release(); // of another finger
    released = new Promise((resolve) => {
      release = resolve;
    });
  });
  for (const name of ['pointerup', 'pointercancel']) addEventListener(name, () => setTimeout(release)); // after the click
  return () => released;
}
