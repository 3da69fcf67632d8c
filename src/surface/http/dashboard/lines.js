// The lines of the memory chart, and the colours of all charts as the theme has them.

export const LINES = [
  { name: 'budget', label: 'Budget', color: '--budget', width: 1.5, dash: [7, 3], stepped: true },
  { name: 'rss', label: 'RSS', color: '--rss', width: 1.5, dash: [2, 2] },
  { name: 'usage', label: 'Usage', color: '--usage', width: 2.25 },
  { name: 'live', label: 'Live bytes', color: '--live', width: 1.5, dash: [6, 2, 1, 2] },
];

export const color = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();
