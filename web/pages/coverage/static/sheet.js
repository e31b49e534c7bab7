// Arithmetic of a drawn sheet: lines of text, and the bar of its scale. Nothing here touches the page.

/** A round number of metres that takes at most `most` pixels: {metres, pixels}. */
export function scaleBar(metresPerPixel, most) {
  const longest = metresPerPixel * most;
  const power = 10 ** Math.floor(Math.log10(longest));
  const metres = [5, 2, 1].find((step) => step * power <= longest) * power;
  return { metres, pixels: metres / metresPerPixel };
}

/** "500 m", "2 km". */
export const metresText = (metres) => (metres >= 1000 ? `${metres / 1000} km` : `${metres} m`);

/**
 * Breaks text into lines no wider than `width`: between words, and between Chinese characters.
 * @param {string} text
 * @param {number} width
 * @param {(text: string) => number} measure
 */
export function wrapped(text, width, measure) {
  const lines = [];
  let line = '';
  for (const piece of text.match(/[\u2e80-\uffff]|[^\s\u2e80-\uffff]+\s*|\s+/gu) ?? []) {
    if (line && measure((line + piece).trimEnd()) > width) {
      lines.push(line.trimEnd());
      line = '';
    }
    line += piece;
  }
  return line.trim() ? [...lines, line.trimEnd()] : lines;
}
