import { copyFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { useFolder } from './database.mjs';

/** What a kill would leave: the files as they are now, in another folder. */
export function crashImage(t, folder) {
  const image = useFolder(t);
  for (const name of readdirSync(folder)) {
    if (!/\.lock$|-shm$/.test(name)) copyFileSync(join(folder, name), join(image, name));
  }
  return image;
}
