// Settled episodes asked about one after the other: one that never gets an answer, as behind a box that dislikes its name, keeps no
// other from its turn, and a receiver that is away is not asked a thousand times.

/** So many episodes in a row about which nobody who may judge answered, and the rest is left for another time. */
const MISSES_MAX = 3;

export class Turns {
  /** Without an answer the last time: these come last, or a few of them would stand before all others for ever. */
  private readonly missed = new Set<string>();

  /**
   * Asks about one after the other, until nobody answers.
   * @param goesOn asked before each
   * @param ask false when nobody who could know it answered; "later": whoever does will know it before long, so that this one keeps
   * its place
   * @returns how many got an answer
   */
  async each<T extends { name: string }>(
    all: readonly T[],
    goesOn: () => boolean | Promise<boolean>,
    ask: (one: T) => Promise<boolean | "later">,
  ): Promise<number> {
    let answers = 0;
    let misses = 0;
    const isMissed = ({ name }: T): boolean => this.missed.has(name);
    for (const one of [...all.filter((each) => !isMissed(each)), ...all.filter(isMissed)]) {
      if (misses >= MISSES_MAX || !(await goesOn())) break;
      const said = await ask(one);
      if (said === true) answers++;
      misses = said === true ? 0 : misses + 1;
      if (said === false) this.missed.add(one.name);
      else this.missed.delete(one.name);
    }
    return answers;
  }
}
