// Runs at most so many things at once; the others wait in the order in which they came.

export class Limiter {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  /** @param most at least 1 */
  constructor(most: number) {
    this.#free = most;
  }

  /** What `work` gives, once its turn has come. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      // The place goes to the next one as it is.
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
