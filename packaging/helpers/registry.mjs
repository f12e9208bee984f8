// A registry for one test, with the packages of this repository and nothing else: what `npm install kimdb` meets once they are
// published. Engines of other systems are known, but empty.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { basename, join } from 'node:path';
import { create } from 'tar';
import { folderOf, PLATFORMS, packageOf } from '../../scripts/support/platforms.mjs';
import { readTarball } from '../guard/tarball.mjs';
import { publishedManifest, readJson } from '../pack.mjs';
import { findTarballs } from './tarballs.mjs';

/** @returns {Promise<{ url: string, fetched: string[] }>} `fetched` are the names of tarballs that somebody asked for */
export async function startRegistry(t) {
  const packages = new Map();
  for (const file of findTarballs()) {
    const { entries } = await readTarball(file);
    const manifest = JSON.parse(entries.get('package.json').content);
    packages.set(manifest.name, { manifest, path: basename(file), content: readFileSync(file) });
  }
  // The tarball asks for the engine beside it alone, a published one for all.
  packages.get('kimdb').manifest = publishedManifest(PLATFORMS);
  for (const platform of PLATFORMS.filter((platform) => !packages.has(packageOf(platform)))) {
    const manifest = readJson(join(folderOf(platform), 'package.json'));
    const path = `${manifest.name}-${manifest.version}.tgz`;
    const packed = create({ gzip: true, sync: true, cwd: folderOf(platform), prefix: 'package' }, [
      'package.json',
    ]);
    packages.set(manifest.name, { manifest, path, content: packed.read() });
  }
  const fetched = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url.slice(1));
    if (path.endsWith('.tgz')) {
      fetched.push(path);
      const { content } = [...packages.values()].find((found) => found.path === path) ?? {};
      return content === undefined ? response.writeHead(404).end() : response.end(content);
    }
    const found = packages.get(path);
    if (found === undefined) return response.writeHead(404).end('{}');
    response.setHeader('content-type', 'application/json');
    return response.end(JSON.stringify(describe(found, `http://${request.headers.host}`)));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}/`, fetched };
}

function describe({ manifest, path, content }, base) {
  const { name, version } = manifest;
  const dist = {
    tarball: `${base}/${path}`,
    integrity: `sha512-${createHash('sha512').update(content).digest('base64')}`,
    shasum: createHash('sha1').update(content).digest('hex'),
  };
  // Older than any age that a package manager may ask of a package before it takes it.
  const long = '2020-01-01T00:00:00.000Z';
  return {
    name,
    'dist-tags': { latest: version },
    versions: { [version]: { ...manifest, _id: `${name}@${version}`, dist } },
    time: { created: long, modified: long, [version]: long },
  };
}
