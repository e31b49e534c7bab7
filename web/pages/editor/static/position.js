// A position typed in: the next point of a drawing, or the new place of a vertex that was clicked.
import { $ } from '../../shared/dom.js';
import { t } from '../../shared/i18n.js';
import { round } from '../../shared/coverage.js';
import { parsePosition } from '../../shared/coordinates.js';
import { addPoint, isDrawing } from './drawing.js';
import { state } from './state.js';
import { operate } from './steps.js';

// Show the field with a text, or hide it.
export function showPositionForm(text) {
  const input = $('ed-position');
  $('ed-position-form').hidden = text === null;
  input.value = text ?? '';
  input.setCustomValidity('');
  if (text === null) state.picked = null;
}

export function pick(grip) {
  state.picked = grip;
  showPositionForm(grip.xy.join(', '));
  state.picked = grip;
}

$('ed-position').addEventListener('input', () => $('ed-position').setCustomValidity(''));
$('ed-position-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const input = $('ed-position'),
    position = parsePosition(input.value);
  if (!position) {
    input.setCustomValidity(t('Longitude and latitude in degrees, as 105.9501, 26.2302'));
    input.reportValidity();
    return;
  }
  const place = position.map(round),
    { picked } = state;
  if (isDrawing()) {
    addPoint(place);
    showPositionForm('');
  } else if (picked) {
    showPositionForm(null);
    await operate({ op: 'move_vertex', from: picked.xy, to: place });
  }
});
