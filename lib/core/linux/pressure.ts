// Reads /proc/pressure/{cpu,memory,io} (Documentation/accounting/psi.rst). Pure.

/** Share of the time, percent, over the last 10, 60 and 300 seconds. */
export interface PressureLine {
  avg10: number;
  avg60: number;
  avg300: number;
}

/** `some`: at least one task waited; `full`: all of them did. Older kernels have no `full` line for the CPU. */
export interface PressureStall {
  some: PressureLine;
  full: PressureLine | null;
}

/** Null when the text has no `some` line. */
export function parsePressure(text: string): PressureStall | null {
  const some = lineOf(text, "some");
  return some === null ? null : { some, full: lineOf(text, "full") };
}

const LINES = {
  some: /^some avg10=([\d.]+) avg60=([\d.]+) avg300=([\d.]+)/m,
  full: /^full avg10=([\d.]+) avg60=([\d.]+) avg300=([\d.]+)/m,
};

function lineOf(text: string, name: keyof typeof LINES): PressureLine | null {
  const found = LINES[name].exec(text);
  if (found === null) return null;
  return { avg10: Number(found[1]), avg60: Number(found[2]), avg300: Number(found[3]) };
}
