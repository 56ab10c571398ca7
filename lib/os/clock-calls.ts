// The kernel's clocks, as Bun does not show them: systemd's monotonic time, and what disciplines the wall clock.

import { at, libc } from "./libc.ts";

const CLOCK_MONOTONIC = 1;

const timespec = new BigInt64Array(2);

/** CLOCK_MONOTONIC in microseconds: systemd's clock. performance.now() counts from the start of the process. */
export function monotonicUsec(): bigint {
  libc().clock_gettime(CLOCK_MONOTONIC, at(timespec));
  return (timespec[0] ?? 0n) * 1_000_000n + (timespec[1] ?? 0n) / 1000n;
}

/** What the kernel knows of its clock (adjtimex(2)). */
export interface ClockState {
  /** False once no program has disciplined the clock for a while (STA_UNSYNC, TIME_ERROR). */
  synchronised: boolean;
  /** Still being slewed away, seconds. */
  offsetS: number;
  /** Bound of the error that the disciplining program gave, seconds. */
  maxErrorS: number;
}

const STA_UNSYNC = 0x40;
const STA_NANO = 0x2000;
const TIME_ERROR = 5;
/** Larger than struct timex on 64-bit Linux, whose first words are modes, offset, freq, maxerror, esterror, status. */
const timex = Buffer.alloc(512);

/** Reads the state of the kernel's clock, changing nothing; null where it may not be asked. */
export function readClock(): ClockState | null {
  timex.fill(0);
  const state = libc().adjtimex(at(timex));
  if (state < 0) return null;
  const status = timex.readInt32LE(40);
  const offset = Number(timex.readBigInt64LE(8));
  return {
    synchronised: state !== TIME_ERROR && (status & STA_UNSYNC) === 0,
    offsetS: offset / ((status & STA_NANO) === 0 ? 1e6 : 1e9),
    maxErrorS: Number(timex.readBigInt64LE(24)) / 1e6,
  };
}
