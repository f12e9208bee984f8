'use strict';

// The page in one piece: nothing is loaded from elsewhere, and the browser runs this script and no other.

const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

/** One style, in this order. */
const STYLES = ['page', 'figures', 'tables'].map((name) => `style/${name}.css`);

/** One script, in this order. */
const SCRIPTS = ['elements', 'format', 'samples', 'plot', 'main'].map((name) => `client/${name}.js`);

let made;

/** The page and its Content-Security-Policy; `undefined` where its files are not. Made when somebody looks for the first time. */
function page() {
  try {
    made ??= make();
  } catch (error) {
    // A bundler took the code alone.
    if (error.code !== 'ENOENT') throw error;
  }
  return made;
}

function make() {
  const html = read('page.html');
  const style = STYLES.map(read).join('\n');
  const script = `(() => {\n${SCRIPTS.map(read).join('\n')}})();\n`;
  const policy = [
    "default-src 'none'",
    `style-src '${hashOf(style)}'`,
    `script-src '${hashOf(script)}'`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'self'",
  ];
  // Functions, because texts would be looked through for `$&`.
  const whole = html.replace('/* style */', () => style).replace('/* script */', () => script);
  return { html: whole, policy: policy.join('; ') };
}

const read = (name) => fs.readFileSync(path.join(__dirname, name), 'utf8');

const hashOf = (text) => `sha256-${createHash('sha256').update(text).digest('base64')}`;

module.exports = { page };
