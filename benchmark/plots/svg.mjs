// Writes SVG as text.

const ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escapeText = (text) => String(text).replace(/[&<>"]/g, (character) => ESCAPES[character]);
/** A tenth of a pixel is enough, and keeps the files small and their differences readable. */
const number = (value) => (typeof value === 'number' ? Number(value.toFixed(1)) : value);

/** An element with attributes; `content` is what is inside, or a text made by `text`. */
export function element(name, attributes, ...content) {
  const list = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${escapeText(number(value))}"`)
    .join('');
  const inside = content.flat().join('');
  return inside === '' ? `<${name}${list}/>` : `<${name}${list}>${inside}</${name}>`;
}

export const label = (x, y, words, attributes = {}) =>
  element('text', { x, y, ...attributes }, escapeText(words));
export const rect = (x, y, width, height, attributes) =>
  element('rect', { x, y, width: Math.max(0, width), height, ...attributes });
export const stroke = (x1, y1, x2, y2, attributes) => element('line', { x1, y1, x2, y2, ...attributes });
export const move = (x, y, ...content) =>
  element('g', { transform: `translate(${number(x)} ${number(y)})` }, ...content);
