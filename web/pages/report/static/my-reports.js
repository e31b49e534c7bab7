// The reports this browser remembers: number, tracking secret, kind. The server does not know which they are.
const KEY = 'wangge.reports',
  MOST = 50;

export function listReports() {
  try {
    const reports = JSON.parse(localStorage.getItem(KEY));
    return Array.isArray(reports) ? reports.filter((report) => report && report.id && report.secret) : [];
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
export function remember(report) {
  const all = listReports(),
    previous = all.find((other) => other.id === report.id);
  write(previous ? all.map((other) => (other === previous ? { ...previous, ...report } : other)) : [report, ...all]);
}

export const forget = (id) => write(id === undefined ? [] : listReports().filter((report) => report.id !== id));
