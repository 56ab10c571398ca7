// ticks: once a minute the receiver writes down that it runs, and whether it can store. Only that time counts against a host that is
// silent: what nobody could receive, nobody failed to send. A ring of lines of one length, written over in place, so that it needs no
// room on a full disk. Written by the receiver, read by the health check. Pure.

export interface Tick {
  /** Counts the ticks of this file, over restarts: by it they are in order, whatever the clock did. */
  sequence: number;
  wallMs: number;
  /** The beginning of the kernel's boot id, 12 hex digits. */
  boot: string;
  /** Seconds since that boot, sleep included. */
  uptimeS: number;
  /** Whether the receiver could store. */
  isReady: boolean;
}

/** Bytes of a line, its break included. */
export const TICK_BYTES = 64;
/** Lines of the ring: two weeks of minutes. */
export const TICKS = 14 * 24 * 60;
/** So often there is one, milliseconds. */
export const TICK_MS = 60_000;

/** A line, with its line break. */
export function formatTick({ sequence, wallMs, boot, uptimeS, isReady }: Tick): string {
  const at = new Date(wallMs).toISOString();
  const up = uptimeS.toFixed(2).padStart(12, "0");
  return `${String(sequence).padStart(10, "0")} ${at} ${boot.slice(0, 12).padEnd(12, "0")} ${up} ${isReady ? "r" : "-"}\n`;
}

const LINE = /^(\d{10}) (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ([0-9a-f]{12}) (\d{9}\.\d\d) ([r-])$/;

/** The ticks of a file, in order; a line that is none, such as a blank or a torn one, is passed over. */
export function parseTicks(text: string): Tick[] {
  const ticks = text.split("\n").flatMap((line): Tick[] => {
    const [, sequence, at, boot = "", up, ready] = LINE.exec(line) ?? [];
    if (sequence === undefined || at === undefined) return [];
    const wallMs = Date.parse(at);
    return [{ sequence: Number(sequence), wallMs, boot, uptimeS: Number(up), isReady: ready === "r" }];
  });
  return ticks.sort((a, b) => a.sequence - b.sequence);
}

/** Where in the file a tick stands, bytes. */
export function placeOfTick(sequence: number): number {
  return (sequence % TICKS) * TICK_BYTES;
}

/** A file without a tick. */
export function noTicks(): string {
  return `${" ".repeat(TICK_BYTES - 1)}\n`.repeat(TICKS);
}
