'use strict';

// The page in one piece: nothing is loaded from elsewhere, and the browser runs this script and no other.

const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

let made;

/** The page and its Content-Security-Policy. Made when somebody looks for the first time, and throws where its files cannot be read. */
function page() {
  made ??= make();
  return made;
}

/** Whether that is so because a bundler took the code alone. */
const isBundled = (error) => error.code === 'ENOENT' || error instanceof ReferenceError;

// IMPORTANT: each file by a name that stands here as it is, so that what traces the files of a program for its deployment finds it; and not before
// somebody looks, because a bundle may have no `__dirname`.
function make() {
  const html = read(path.join(__dirname, 'page.html'));
  // One style and one script, in this order.
  const styles = [
    read(path.join(__dirname, 'style/page.css')),
    read(path.join(__dirname, 'style/figures.css')),
    read(path.join(__dirname, 'style/tables.css')),
  ];
  const scripts = [
    read(path.join(__dirname, 'client/elements.js')),
    read(path.join(__dirname, 'client/format.js')),
    read(path.join(__dirname, 'client/samples.js')),
    read(path.join(__dirname, 'client/plot.js')),
    read(path.join(__dirname, 'client/main.js')),
  ];
  const style = styles.join('\n');
  const script = `(() => {\n${scripts.join('\n')}})();\n`;
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

const read = (file) => fs.readFileSync(file, 'utf8');

const hashOf = (text) => `sha256-${createHash('sha256').update(text).digest('base64')}`;

module.exports = { page, isBundled };
