// What a torture has seen so far.

export class Figures {
  /** By the last thing that the killed program had said. */
  kills = { opening: 0, found: 0, closing: 0 };
  /** Those while opening that hit the recovery of an old library's log. */
  oldLogKills = 0;
  ends = 0;
  acknowledged = 0;
  unacknowledged = 0;
  recovered = 0;

  get allKills() {
    return this.kills.opening + this.kills.found + this.kills.closing;
  }

  count(end, inOldLog) {
    if (end === 'ended') this.ends++;
    else this.kills[end]++;
    if (end === 'opening' && inOldLog) this.oldLogKills++;
  }

  verified(acknowledged, more) {
    this.acknowledged += acknowledged;
    this.unacknowledged += more;
  }

  progress(kills) {
    return `${this.allKills} of ${kills} kills, ${this.acknowledged} acknowledged records verified`;
  }

  toString() {
    const { opening, found, closing } = this.kills;
    return (
      `${this.allKills} kills (${opening} while opening, ${this.oldLogKills} of them with an old log; ` +
      `${found} while writing; ${closing} while closing), ${this.ends} that ended by themselves; ` +
      `${this.acknowledged} acknowledged records verified, ${this.unacknowledged} more that were on their way; ` +
      `${this.recovered} writes recovered`
    );
  }
}
