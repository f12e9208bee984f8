'use strict';

// The monitor's answers to requests, for node:http and whatever gives its requests and responses. It keeps nothing between
// two requests and starts no timer: while nobody looks, nothing runs.

const { CONTENT_TYPE, toPrometheus } = require('../prometheus.js');
const { isBundled, page } = require('./page.js');

const COMMON = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
};

const noPage = (error) => {
  const why = isBundled(error)
    ? 'The files of this page are missing. A bundler has to leave kimdb out of the bundle (external)'
    : `The files of this page could not be read (${error.code})`;
  return `${why}; /metrics and /metrics.json work.\n`;
};

/** What there is, by name below the monitor's path. */
const ANSWERS = {
  '': () => {
    try {
      const { html, policy } = page();
      return { type: 'text/html; charset=utf-8', text: html, headers: { 'Content-Security-Policy': policy } };
    } catch (error) {
      return { status: 500, text: noPage(error) };
    }
  },
  'metrics.json': (subject) => ({
    type: 'application/json; charset=utf-8',
    text: JSON.stringify(subject.forPage()),
  }),
  metrics: (subject) => ({ type: CONTENT_TYPE, text: toPrometheus([subject.forPrometheus()]) }),
};

function makeHandler(subject, path) {
  return (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      send(response, 405, {
        text: 'Only GET and HEAD are answered here.\n',
        headers: { Allow: 'GET, HEAD' },
      });
      return;
    }
    const name = nameOf(request, path);
    if (name === undefined) {
      // The page's own addresses are relative to it, so it has to be one folder down.
      const last = pathOf(request.originalUrl ?? request.url)
        .split('/')
        .at(-1);
      send(response, 302, { text: '', headers: { Location: `./${last}/` } });
    } else if (Object.hasOwn(ANSWERS, name)) {
      const { status = 200, ...answer } = ANSWERS[name](subject);
      send(response, status, answer);
    } else {
      send(response, 404, {
        text: 'There is no such page. The monitor has /, /metrics and /metrics.json.\n',
      });
    }
  };
}

/** What is asked for, below the monitor's path; undefined: the path itself, without a slash behind it. */
function nameOf(request, path) {
  const whole = pathOf(request.originalUrl ?? request.url);
  // Express takes away what it has mounted the handler under.
  const below = path === undefined ? pathOf(request.url) : cut(whole, path);
  if (below === '' || (below === '/' && !whole.endsWith('/'))) return undefined;
  return below?.startsWith('/') ? below.slice(1) : '/';
}

const cut = (whole, path) => (whole.startsWith(path) ? whole.slice(path.length) : undefined);

/** Without what a proxy may put before it, as in `GET http://host/metrics`. */
const pathOf = (url) => url.replace(/^https?:\/\/[^/?]*/i, '').split('?', 1)[0] || '/';

function send(response, status, { type = 'text/plain; charset=utf-8', text, headers }) {
  response.writeHead(status, {
    ...COMMON,
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}

module.exports = { makeHandler };
