// What makes the packages and looks at them, in packaging/.
import { fail, say } from './terminal.mjs';

/** Makes the packages in target/package and looks at them. Ends the script where something is wrong. */
export async function makePackages({ release = false, only, repository } = {}) {
  // What these need is installed only now.
  const { pack } = await import('../../packaging/pack.mjs');
  const { guard } = await import('../../packaging/guard.mjs');
  let tarballs;
  try {
    tarballs = pack({ release, only, repository });
  } catch (error) {
    fail(error.message);
  }
  const { lines, problems } = await guard(tarballs, release);
  say(lines.join('\n'));
  if (problems.length > 0)
    fail('The packages are not as they should be:', ...problems.map((text) => `  ${text}`));
  return tarballs;
}

/** The only other package that users get. */
export async function packDependencies() {
  const { packInstalled } = await import('../../packaging/pack.mjs');
  packInstalled('commander');
}
