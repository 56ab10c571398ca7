// Runs at most so many things at once. Who of those that wait is next is decided in schedule.ts.

import { nextToRun, type Place } from "./schedule.ts";

/** Checks that run at once: they wait more than they compute, but each is a process. @param cores at least 1 */
export function checksAtOnce(cores: number): number {
  return Math.min(16, 4 * cores);
}

export class Limiter {
  readonly #waiting: (Place & { begin: () => void })[] = [];
  readonly #running = { all: 0, hung: 0 };

  /** @param most at least 1 */
  constructor(private readonly most: number) {}

  /** What `work` gives, once its turn has come. */
  async run<T>(place: Place, work: () => Promise<T>): Promise<T> {
    await new Promise<void>((begin) => {
      this.#waiting.push({ ...place, begin });
      // Those that come together are all here before the first of them begins.
      queueMicrotask(() => this.#fill());
    });
    try {
      return await work();
    } finally {
      this.#count(place, -1);
      this.#fill();
    }
  }

  #fill(): void {
    for (;;) {
      const index = nextToRun(this.#waiting, this.#running, this.most);
      const [next] = index === null ? [] : this.#waiting.splice(index, 1);
      if (next === undefined) return;
      this.#count(next, 1);
      next.begin();
    }
  }

  #count({ hung }: Place, one: 1 | -1): void {
    this.#running.all += one;
    if (hung) this.#running.hung += one;
  }
}
