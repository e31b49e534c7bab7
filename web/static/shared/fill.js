// Fills %(name)s from the values; %% is a percent sign.
export const fill = (text, values = {}) =>
  text.replace(/%(?:\((\w+)\)s|%)/g, (whole, name) => (name ? (values[name] ?? whole) : '%'));
