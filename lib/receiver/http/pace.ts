// Who proves nothing waits for its turn: so many requests of unknown senders are answered in a second, however many ask and for
// whatever, so that a flood of them leaves the loop and the disk to those who have a token; and so many bytes of bodies that nobody
// wants are read. Nobody waits longer than `LONGEST_MS`.

/** In a second; each costs some 200 µs. */
const PER_SECOND = 500;
/** Answered without waiting after a pause: a host with a wrong token is told at once. */
const BURST = 50;
const LONGEST_MS = 5000;

/** Returns a function that says how long the next `count` must wait, milliseconds. Pure but for what it remembers. */
export function createPace(perSecond = PER_SECOND, burst = BURST): (nowMs: number, count?: number) => number {
  const each = 1000 / perSecond;
  let nextMs = Number.NEGATIVE_INFINITY;
  return (nowMs, count = 1) => {
    nextMs = Math.max(nextMs, nowMs - burst * each) + each * count;
    const wait = Math.max(0, nextMs - nowMs);
    if (wait > LONGEST_MS) nextMs = nowMs + LONGEST_MS;
    return Math.min(wait, LONGEST_MS);
  };
}
