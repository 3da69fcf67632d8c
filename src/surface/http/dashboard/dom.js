// Elements from calls, and a tree laid over another in place, so that focus and open details stay.

const SVG = 'http://www.w3.org/2000/svg';

function build(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) set(element, name, value);
  element.append(...children.flat(3).filter((child) => child != null && child !== false));
  return element;
}

function set(element, name, value) {
  if (value == null || value === false) return;
  if (name === 'style') Object.entries(value).forEach((pair) => element.style.setProperty(...pair));
  else if (name.startsWith('on')) element[name] = value;
  else element.setAttribute(name, value === true ? '' : value);
}

/** An element of HTML. Styles go through the object model, which the content policy allows. */
export const h = (tag, properties = {}, ...children) =>
  build(document.createElement(tag), properties, children);

/** An element of SVG. */
export const s = (tag, properties = {}, ...children) =>
  build(document.createElementNS(SVG, tag), properties, children);

export const find = (id) => document.getElementById(id);

const key = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.getAttribute('data-key') : null);

const alike = (a, b) => a.nodeName === b.nodeName && key(a) === key(b);

// An opened `details` was opened by the reader, and stays.
const kept = (element, name) =>
  name === 'style' || (name === 'open' && element.nodeName === 'DETAILS');

function patchAttributes(from, to) {
  for (const { name, value } of to.attributes) {
    if (!kept(from, name) && from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  for (const { name } of [...from.attributes]) {
    if (!kept(from, name) && !to.hasAttribute(name)) from.removeAttribute(name);
  }
  if (from.style.cssText !== to.style.cssText) from.style.cssText = to.style.cssText;
  if (from.onclick !== to.onclick) from.onclick = to.onclick;
}

function patch(from, to) {
  if (from.nodeType === Node.TEXT_NODE) {
    if (from.data !== to.data) from.data = to.data;
    return;
  }
  patchAttributes(from, to);
  patchChildren(from, [...to.childNodes]);
}

function patchChildren(parent, wanted) {
  const keyed = new Map([...parent.children].filter(key).map((child) => [key(child), child]));
  let at = parent.firstChild;
  for (const next of wanted) {
    const old = keyed.get(key(next)) ?? (at && !key(at) && alike(at, next) ? at : null);
    if (!old || !alike(old, next)) {
      parent.insertBefore(next, at);
      continue;
    }
    if (old === at) at = at.nextSibling;
    else parent.insertBefore(old, at);
    patch(old, next);
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

/** Makes the children of `parent` what is given, changing only what differs. */
export function show(parent, ...children) {
  const wanted = children.flat(3).filter((child) => child != null && child !== false);
  const nodes = wanted.map((child) => (child instanceof Node ? child : new Text(String(child))));
  patchChildren(parent, nodes);
}

/** A cell's figure, with the exact value for programs and on hover. */
export const figure = (text, value, title) =>
  value == null ? h('span', { class: 'unknown' }, text) : h('data', { value, title }, text);

/** A table that keeps its meaning when the phone's width makes blocks of its rows. */
export function table({ caption, columns, rows, kind = '' }) {
  const heads = columns.map((column) =>
    h(
      'th',
      { scope: 'col', role: 'columnheader', class: column.number ? 'number' : null },
      column.name,
    ),
  );
  const cell = (column, content) =>
    h(
      column.head ? 'th' : 'td',
      {
        role: column.head ? 'rowheader' : 'cell',
        scope: column.head ? 'row' : null,
        'data-label': column.name,
        class: [column.number ? 'number' : '', column.kind ?? ''].join(' ').trim() || null,
      },
      content,
    );
  const line = (row) =>
    h(
      'tr',
      { role: 'row', 'data-key': row.key, class: row.kind },
      row.cells.map((content, index) => cell(columns[index], content)),
    );
  return h(
    'table',
    { role: 'table', class: `data ${kind}` },
    h('caption', { class: 'spoken' }, caption),
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, heads)),
    h('tbody', { role: 'rowgroup' }, rows.map(line)),
  );
}
