// What makes the packages and looks at them, in packaging/.
import { pack, packInstalled } from '../../packaging/pack.mjs';
import { fail, say } from './terminal.mjs';

/** Makes the packages in target/package. Ends the script where something is missing. */
export function packPackages({ release = false, only, repository } = {}) {
  try {
    return pack({ release, only, repository });
  } catch (error) {
    return fail(error.message);
  }
}

/** Makes the packages in target/package and looks at them. Ends the script where something is wrong. */
export async function makePackages(options = {}) {
  // What this needs is installed only now.
  const { guard } = await import('../../packaging/guard.mjs');
  const { lines, problems } = await guard(packPackages(options), options.release ?? false);
  say(lines.join('\n'));
  if (problems.length > 0)
    fail('The packages are not as they should be:', ...problems.map((text) => `  ${text}`));
}

/** The only other package that users get. */
export const packDependencies = () => packInstalled('commander');
