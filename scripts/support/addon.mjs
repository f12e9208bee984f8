// Builds the native addon. Cargo itself knows what is up to date, so this is cheap the second time.
import { npm } from './command.mjs';
import { fail, seconds, step } from './terminal.mjs';

export async function buildAddon() {
  step('Building the native addon (the first build takes a minute or two)');
  const start = Date.now();
  if ((await npm(['run', '--silent', 'build'])) !== 0) {
    fail('The native addon did not build; the compiler says why above.');
  }
  console.log(`Built in ${seconds(start)}`);
}
