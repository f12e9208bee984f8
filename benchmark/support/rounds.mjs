// The rounds of one workload. The drivers take turns: what else the machine does meanwhile hits all of them alike.
import { measure } from './process.mjs';

/**
 * @param {(driver: string, round: number) => void} onStart called before each measurement
 * @returns {Promise<{ results: object[], failures: object[] }>}
 */
export async function runRounds(workload, { folder, isSmoke }, onStart) {
  const { name, drivers, phases, options, rounds } = workload;
  const results = [];
  const failures = [];
  const isGood = (driver) => !failures.some((failure) => failure.driver === driver);
  for (let round = 1; round <= rounds; round++) {
    // Each round begins with another driver, so that none always follows the same one.
    const first = (round - 1) % Math.max(1, drivers.length);
    for (const driver of [...drivers.slice(first), ...drivers.slice(0, first)]) {
      onStart(driver, round);
      // Once is enough to know that it does not work.
      if (!isGood(driver)) continue;
      // Those that are no stores measure in one step.
      const own = driver.startsWith('bare') ? [{}] : phases;
      try {
        const { figures, peakMegabytes } = await measure({
          workload: name,
          driver,
          phases: own,
          folder,
          options,
          isSmoke,
        });
        results.push(...figures.map((figure) => ({ round, driver, peakMegabytes, ...figure })));
      } catch (error) {
        failures.push({ driver, reason: error.message.split('\n')[0], error: error.message });
      }
    }
  }
  return { results, failures };
}
