// What the editor holds: the coverage, the draft, the tool and what is chosen.
import { colour, page, phone } from '../../shared/dom.js';
import { Coverage, round, Segments } from '../../shared/coverage.js';

export const { map } = window.wangge;
export const SNAP = 10; // pixels
export const INK = {
  grid: colour('grid'),
  around: colour('neighbour'),
  changed: colour('changed'),
  chosen: page.chosen,
  old: colour('former'),
};

export const coverage = new Coverage();
export const state = {
  tool: 'move',
  chosen: [],
  version: null, // of the draft as the page shows it
  steps: [],
  redo: [],
  pending: [], // drawings that are not saved
  busy: false,
  commenting: false, // whether the next click places a comment
  dragging: null,
  within: page.within,
  homes: [],
  guides: new Segments(),
  snap: true,
  trace: false, // whether a drawing follows lines between its points
  picked: null, // the vertex that was clicked
  preview: null,
  theme: null, // code -> colour of its class, where the grids are coloured by something
  editable: page.mine && page.state === 'draft' && !phone.matches,
};

export const name = (code) => coverage.grids.get(code)?.properties.name ?? code;
// A sentence of the server with the names of grids in place of their codes.
export const named = (sentence) => sentence.replace(/\d{15}/g, name);
export const community = (code) => coverage.grids.get(code).properties.community;
export const mayEdit = (code) => coverage.grids.get(code)?.properties.editable;

export const lonlat = (point) => [round(point.lng), round(point.lat)];
export const degreesPerPixel = () => {
  const a = map.containerPointToLatLng([0, 0]),
    b = map.containerPointToLatLng([0, 100]);
  return Math.abs(a.lat - b.lat) / 100;
};
