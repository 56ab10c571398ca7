// Which archive is read next: two at a time, and of large ones one, so that a small one never waits for two that take minutes.

const AT_ONCE = 2;
/** Read within a second by any disk, bytes. */
const SMALL_BYTES = 64 * 1024 * 1024;
/** More are not remembered: each host asks again. */
const WAITING_MAX = 1000;

type Kind = "small" | "large";

export class ReadingTurns {
  private readonly waiting: Record<Kind, (() => Promise<void>)[]> = { small: [], large: [] };
  private readonly running: Record<Kind, number> = { small: 0, large: 0 };

  /** Runs `read` when it is its turn; false: too many wait, and it is not run. `read` never rejects. */
  add(bytes: number, read: () => Promise<void>): boolean {
    if (this.waiting.small.length + this.waiting.large.length >= WAITING_MAX) return false;
    this.waiting[bytes > SMALL_BYTES ? "large" : "small"].push(read);
    this.next();
    return true;
  }

  private next(): void {
    while (this.running.small + this.running.large < AT_ONCE) {
      const kind: Kind = this.running.large === 0 && this.waiting.large.length > 0 ? "large" : "small";
      const read = this.waiting[kind].shift();
      if (read === undefined) return;
      this.running[kind]++;
      void read().finally(() => {
        this.running[kind]--;
        this.next();
      });
    }
  }
}
