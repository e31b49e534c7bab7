// Questions of this page to the API.
import { call, query, request } from '../../shared/request.js';
import { question, state } from './address.js';

export const PARTS = ['served', 'beyond', 'cannot_say', 'off_network'];
const BY = 'community';
export const GAP_PAGE = 500;
const SEARCH_LIMIT_MS = 60_000; // the server itself searches for up to half a minute

export const askCoverage = () => request(`/coverage?${question({ by: BY })}`, 'coverage');
export const askGaps = (cursor) => request(`/coverage/gaps?${question({ limit: GAP_PAGE, cursor })}`, 'gaps');
export const askClasses = (bbox, changes = {}, kind = 'classes') =>
  request(`/coverage/classes?${question({ by: BY, bbox, ...changes })}`, kind);
export const askBuildings = (bbox, changes = {}, kind = 'buildings') =>
  request(`/coverage/buildings?${question({ bbox, ...changes })}`, kind);
export const askSites = () =>
  request(`/siting?${question({ sites: state.sites, model: state.model })}`, 'siting', SEARCH_LIMIT_MS);
export const askClosures = () => request(`/siting/closures?${question()}`, 'closures', SEARCH_LIMIT_MS);
export const askPin = ([lon, lat]) =>
  call('POST', '/siting/pin', {
    lon,
    lat,
    crs: 'cgcs2000',
    category: state.category,
    minutes: state.minutes,
    profile: state.profile,
    ...(state.at ? { at: state.at } : {}),
    ...(state.area ? { area: state.area } : {}),
  });

/** All items of a list, page after page. */
export async function askAll(path, values, kind) {
  const all = [];
  let cursor = null;
  do {
    const part = await request(`${path}?${query({ ...values, limit: 1000, cursor })}`, kind);
    all.push(...part.items);
    cursor = part.next;
  } while (cursor);
  return all;
}

export const askFacilities = () =>
  Promise.all(
    state.category.split(',').map((category) => askAll('/facilities', { category }, `facilities ${category}`)),
  ).then((lists) => lists.flat());
