// A clock for tests of limits that are waited for: it goes with the turns that the event loop gets, not with the wall. On a machine
// that is busy, and gives us no turn for a second, no time passes; so no limit is met because nobody was there to meet it.

import { onTestFinished, spyOn } from "bun:test";

const TICK_MS = 5;

/** From now on, until the present test is over, `performance.now()` is TICK_MS later at each turn that this test gets, at most. */
export function countTurns(): void {
  let nowMs = performance.now();
  const clock = spyOn(performance, "now").mockImplementation(() => nowMs);
  // An interval that was missed comes once, not as often as it was missed.
  const ticks = setInterval(() => {
    nowMs += TICK_MS;
  }, TICK_MS);
  onTestFinished(() => {
    clearInterval(ticks);
    clock.mockRestore();
  });
}
