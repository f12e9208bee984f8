// What every plot has: a title, panels in columns, and a caption that says where the figures come from.
import { describe } from '../support/machine.mjs';
import { element, label, move } from './svg.mjs';
import { FONT, TEXT, WIDTH } from './theme.mjs';

const TOP = 62;
const CAPTION = 44;
const GAP = 28;

/**
 * @param {{ height: number, content: string }[]} panels filled row by row; a row is as high as its highest panel
 */
export function frame({ title, subtitle, panels, columns, machine }) {
  const width = columnWidth(columns);
  const content = [];
  let y = TOP;
  for (let i = 0; i < panels.length; i += columns) {
    const row = panels.slice(i, i + columns);
    row.forEach((panel, column) => {
      content.push(move(column * (width + GAP), y, panel.content));
    });
    y += Math.max(...row.map(({ height }) => height)) + GAP;
  }
  const caption = describe(machine).map(([name, value]) => (name === 'commit' ? `commit ${value}` : value));
  const height = y + CAPTION - GAP;
  const half = Math.ceil(caption.length / 2);
  return element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${WIDTH} ${Math.ceil(height)}`,
      width: WIDTH,
      'font-family': FONT,
      'font-size': 12,
      fill: TEXT,
      role: 'img',
    },
    element('title', {}, title),
    label(0, 20, title, { 'font-size': 18, 'font-weight': 'bold' }),
    label(0, 40, subtitle),
    content,
    label(0, height - 24, caption.slice(0, half).join(', '), { 'font-size': 11 }),
    label(0, height - 8, caption.slice(half).join(', '), { 'font-size': 11 }),
  );
}

export const columnWidth = (columns) => (WIDTH - GAP * (columns - 1)) / columns;
