// The reports this browser remembers: number, tracking secret, kind. The server does not know which they are.
const KEY = 'wangge.reports',
  MOST = 50;

export function kept() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY));
    return Array.isArray(found) ? found.filter((one) => one && one.id && one.secret) : [];
  } catch {
    return [];
  }
}

function write(all) {
  try {
    localStorage.setItem(KEY, JSON.stringify(all.slice(0, MOST)));
  } catch {
    /* not allowed: the link still works */
  }
}

// Puts a report first, or brings what is known of it up to date.
export function remember(one) {
  const all = kept(),
    before = all.find((other) => other.id === one.id);
  write(before ? all.map((other) => (other === before ? { ...before, ...one } : other)) : [one, ...all]);
}

export const forget = (id) => write(id === undefined ? [] : kept().filter((one) => one.id !== id));
