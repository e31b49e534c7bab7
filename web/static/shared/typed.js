// What was typed in a form: whether there are words, and their values to put in again.
const isChoice = (field) => ['radio', 'checkbox'].includes(field.type);
// by what a field is found again in a form that is made anew; '' where it is not kept
const keyOf = (field) => (isChoice(field) ? `${field.name} ${field.value}` : field.id || field.name);
const fieldsOf = (form) =>
  [...form.elements].filter(
    (field) => field.matches('textarea, select, input:not([type="file"])') && keyOf(field).trim(),
  );

/** Whether a field holds words that were not there from the beginning. */
export const hasWords = (form) =>
  [...form.querySelectorAll('textarea, input:not([type="file"], [type="radio"], [type="checkbox"])')].some(
    (field) => field.value.trim() && field.value !== field.defaultValue,
  );

/** The values of a form: of a choice `true`, where it is made. */
export const valuesOf = (form) =>
  Object.fromEntries(
    fieldsOf(form)
      .filter((field) => !isChoice(field) || field.checked)
      .map((field) => [keyOf(field), isChoice(field) || field.value]),
  );

/** Puts values in again; one whose field or choice is no longer there is left out. */
export function putIn(form, values) {
  for (const field of fieldsOf(form)) {
    const value = values[keyOf(field)];
    if (isChoice(field)) {
      if (value) field.checked = true;
    } else if (value !== undefined) {
      if (field.matches('select') && ![...field.options].some((option) => option.value === value)) continue;
      field.value = value;
    } else continue;
    field.dispatchEvent(new Event('change', { bubbles: true })); // what is shown may hang on it
  }
}
