// What a series of power cuts has seen so far.

export class CutFigures {
  cuts = { mounting: 0, opening: 0, writing: 0, closing: 0, closed: 0 };
  durable = 0;
  more = 0;
  gone = 0;
  recovered = 0;

  get allCuts() {
    return Object.values(this.cuts).reduce((sum, count) => sum + count);
  }

  /** Counts a cut by the last thing that the program had said. */
  count(last = 'mounting') {
    this.cuts[last === 'found' ? 'writing' : last]++;
  }

  verified(durable, more, gone) {
    this.durable += durable;
    this.more += more;
    this.gone += gone;
  }

  progress(cuts) {
    return `${this.allCuts} of ${cuts} cuts, ${this.durable} durable operations verified`;
  }

  toString() {
    const { mounting, opening, writing, closing, closed } = this.cuts;
    return (
      `${this.allCuts} cuts (${mounting} while mounting, ${opening} while opening, ${writing} while writing, ` +
      `${closing} while closing, ${closed} after it); ${this.durable} operations acknowledged as durable verified, ` +
      `${this.more} more survived, ${this.gone} at most were lost as they may be; ${this.recovered} writes recovered`
    );
  }
}
