// Colours that can be read on white and on nearly black alike: the background stays transparent.

export const TEXT = '#6e7781';
export const GRID = '#6e778140';
export const WIDTH = 960;
export const FONT = '-apple-system, Segoe UI, Helvetica, Arial, DejaVu Sans, sans-serif';

const COLORS = {
  kimdb: '#2f81f7',
  'kimdb-old': '#7aa7d9',
  lmdb: '#d9822b',
  'better-sqlite3': '#3fa45b',
  'classic-level': '#a371d7',
};
/** The bare steps are no competitors. */
const LIMIT = '#8b949e';

export const colorOf = (driver) => COLORS[driver] ?? LIMIT;
export const opacityOf = ({ isLimit }) => (isLimit ? 0.45 : 1);
export const weightOf = ({ name }) => (name === 'kimdb' ? 'bold' : undefined);
