// How far the run is: one line that is written over on a terminal, and a line a measurement elsewhere.
import process from 'node:process';

/** Counts the measurements of a plan. The function that it gives is called before each of them. */
export function startProgress(workloads) {
  const all = workloads.reduce((sum, { drivers, rounds }) => sum + drivers.length * rounds, 0);
  const start = performance.now();
  let done = 0;
  return (workload, driver, round) => {
    const text = `${workload.name}, round ${round} of ${workload.rounds}, ${driver}`;
    // Workloads take different times, so this says little at first.
    const left =
      done < all / 10 ? '' : `, about ${minutes(((performance.now() - start) / done) * (all - done))} left`;
    done += 1;
    say(`[${done}/${all}] ${text}${left}`);
  };
}

export function endProgress() {
  if (process.stdout.isTTY) process.stdout.write('\r\u001b[K');
}

function say(text) {
  if (process.stdout.isTTY) process.stdout.write(`\r\u001b[K${text}`);
  else console.log(text);
}

function minutes(milliseconds) {
  const seconds = Math.round(milliseconds / 1000);
  return seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
