'use strict';

// Making elements of the page. The files of this folder are one script: page.js puts them together in the order of their use.

const of = (id) => document.getElementById(id);
const make = (name, attributes = {}, ...children) => fill(document.createElement(name), attributes, children);
const draw = (name, attributes = {}, ...children) =>
  fill(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children);

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function row(first, title, cells) {
  const head = first === 'th' ? make('th', { scope: 'row' }, title) : make('td', {}, title);
  return make('tr', {}, head, ...cells.map((cell) => (cell instanceof Node ? cell : make('td', {}, cell))));
}
