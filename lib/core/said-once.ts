// What was said of each subject last, so that it is said once: anew when something else is the case, or when it was over in between. Pure.

export class SaidOnce {
  private readonly last = new Map<string, string>();

  /** @param most subjects that are remembered; of more, the one of whom something was said longest ago is said once more */
  constructor(private readonly most = Number.POSITIVE_INFINITY) {}

  /** Whether this was not what was last said of the subject; now it is. */
  isNews(subject: string, text = ""): boolean {
    if (this.last.get(subject) === text) return false;
    this.last.delete(subject);
    this.last.set(subject, text);
    const [oldest] = this.last.keys();
    if (this.last.size > this.most && oldest !== undefined) this.last.delete(oldest);
    return true;
  }

  /** Nothing is wrong with it: what comes next is news. @returns whether anything had been said of it */
  isOver(subject: string): boolean {
    return this.last.delete(subject);
  }
}
