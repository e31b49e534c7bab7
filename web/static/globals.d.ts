// What scripts find in the page besides the browser's own: the map's parts, and elements whose kind the page decides.
interface Event {
  [property: string]: any;
}

interface Window {
  wangge: any;
  echarts: any;
}
declare const L: any;
declare const protomapsL: any;

// An event's target, and what a selector finds, is whatever element the template has there.
interface EventTarget {
  [property: string]: any;
}
