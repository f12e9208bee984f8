// A progress bar on a terminal; one plain line per quarter everywhere else.
const WIDTH = 30;

export class Progress {
  #label;
  #total;
  #shown = -1;

  constructor(label, total) {
    this.#label = label;
    this.#total = total;
  }

  update(done) {
    const percent = Math.floor((done / this.#total) * 100);
    const stepSize = process.stdout.isTTY ? 1 : 25;
    const shown = Math.floor(percent / stepSize);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const text = `${this.#label} ${percent.toString().padStart(3)} %  ${done.toLocaleString('en-US')}`;
    if (!process.stdout.isTTY) {
      console.log(text);
      return;
    }
    const filled = Math.round((percent / 100) * WIDTH);
    process.stdout.write(`\r${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)} ${text}`);
  }

  end() {
    if (process.stdout.isTTY) process.stdout.write('\n');
  }
}
