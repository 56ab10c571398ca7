// systemd's time spans, read and written exactly as systemd reads and writes them (systemd.time(7)). Pure.

/** `infinity`, in microseconds: the largest 64-bit number. It is more than a JavaScript number can hold. */
export const INFINITY_USEC = 2n ** 64n - 1n;

const SECOND = 1_000_000n;
const MINUTE = 60n * SECOND;
const YEAR = 31_557_600n * SECOND;

/** Largest first; the last name of a row is the one that is printed. A month is a twelfth of 365.25 days. */
const UNITS = [
  { usec: YEAR, names: ["years", "year", "y"] },
  { usec: YEAR / 12n, names: ["months", "M", "month"] },
  { usec: 604_800n * SECOND, names: ["weeks", "week", "w"] },
  { usec: 86_400n * SECOND, names: ["days", "day", "d"] },
  { usec: 3600n * SECOND, names: ["hours", "hour", "hr", "h"] },
  { usec: MINUTE, names: ["minutes", "minute", "m", "min"] },
  { usec: SECOND, names: ["seconds", "second", "sec", "s"] },
  { usec: 1000n, names: ["msec", "ms"] },
  // The micro sign and the Greek letter look the same; people type either.
  { usec: 1n, names: ["usec", "\u00b5s", "\u03bcs", "us"] },
] as const;

export type TimeUnit = (typeof UNITS)[number]["names"][number];

/** Case counts: `m` is a minute, `M` a month. */
const USEC_OF = new Map<string, bigint>(UNITS.flatMap(({ names, usec }) => names.map((name) => [name, usec] as const)));

/** The longest name wins: `5msec` is no `5m` with something behind it. */
const NAMES = [...USEC_OF.keys()].sort((a, b) => b.length - a.length).join("|");

const BLANKS = /[ \t\n\r]*/y;
/** A whole number, a fraction, blanks, a unit; each may be missing. strtoll(3) skips more kinds of blanks than systemd. */
const SPAN = new RegExp(`([\\t-\\r ]*[+-]?\\d+)?(\\.\\d*)?([ \\t\\n\\r]*)(${NAMES})?`, "y");

/** strtoll(3) refuses a larger number, whatever its unit. */
const MOST_WHOLE = 2n ** 63n - 1n;

/** `usec` is 0 to 2^64-1. "invalid" is systemd's EINVAL; "range" its ERANGE: negative, or too large for 64 bits. */
export type Timespan = { usec: bigint } | { error: "invalid" | "range" };

/**
 * Reads `1min 30s`, `2.5h`, `90`, `infinity`: one or more numbers with or without a unit, which add up.
 * Accepts, refuses and rounds as `systemd-analyze timespan` does.
 * @param defaultUnit of a number without a unit
 */
export function parseTimespan(text: string, defaultUnit: TimeUnit = "s"): Timespan {
  if (/^[ \t\n\r]*infinity/.test(text)) {
    return /^[ \t\n\r]*infinity[ \t\n\r]*$/.test(text) ? { usec: INFINITY_USEC } : { error: "invalid" };
  }
  let at = skipBlanks(text, 0);
  if (at === text.length) return { error: "invalid" };
  for (let sum = 0n; ; ) {
    const span = addSpan(sum, text, at, USEC_OF.get(defaultUnit) ?? SECOND);
    if ("error" in span) return span;
    sum = span.usec;
    at = skipBlanks(text, span.end);
    if (at === text.length) return { usec: sum };
  }
}

/** Adds the number at `at`, with its unit, to `sum`, and tells where it ends. */
function addSpan(
  sum: bigint,
  text: string,
  at: number,
  defaultUsec: bigint,
): { usec: bigint; end: number } | { error: "invalid" | "range" } {
  if (text[at] === "-") return { error: "range" };
  SPAN.lastIndex = at;
  const [all = "", digits, fraction, blanks, unit] = SPAN.exec(text) ?? [];
  if (digits === undefined && fraction === undefined) return { error: "invalid" };
  const whole = BigInt(digits?.trim().replace("+", "") ?? "0");
  if (whole < 0n || whole > MOST_WHOLE) return { error: "range" };
  const end = at + all.length;
  // What touches a number is its unit or nothing: 12.34.56 is no number, 12.34 .56 is two.
  if (blanks === "" && unit === undefined && end < text.length) return { error: "invalid" };
  const unitUsec = unit === undefined ? defaultUsec : (USEC_OF.get(unit) ?? defaultUsec);
  // A unit that alone would reach the end of 64 bits is refused even before it is added up.
  if (whole >= INFINITY_USEC / unitUsec || sum + whole * unitUsec >= INFINITY_USEC) return { error: "range" };
  if (fraction === ".") return { error: "invalid" };
  const usec = sum + whole * unitUsec + fractionUsec(fraction, unitUsec);
  return usec >= INFINITY_USEC ? { error: "range" } : { usec, end };
}

/** Every digit is worth a tenth of the one before, rounded down each time: the rest of a tenth is lost to all after it. */
function fractionUsec(fraction: string | undefined, unitUsec: bigint): bigint {
  let sum = 0n;
  let worth = unitUsec;
  for (const digit of fraction?.slice(1) ?? "") {
    worth /= 10n;
    if (worth === 0n) break;
    sum += BigInt(digit) * worth;
  }
  return sum;
}

function skipBlanks(text: string, at: number): number {
  BLANKS.lastIndex = at;
  BLANKS.exec(text);
  return BLANKS.lastIndex;
}

/**
 * Writes a span as `systemctl show -p TimeoutStopUSec` does: `1min 30s`, `1.500000s`, `infinity`, `0`.
 * `parseTimespan` reads it back unchanged, but for spans of 584542 years, which systemd prints and does not read.
 * @param usec microseconds, 0 to 2^64-1; more counts as infinity, less as 0
 */
export function formatTimespan(usec: bigint): string {
  if (usec >= INFINITY_USEC) return "infinity";
  if (usec <= 0n) return "0";
  const parts: string[] = [];
  let left = usec;
  for (const { usec: unit, names } of UNITS) {
    if (left < unit) continue;
    const rest = left % unit;
    const name = names[names.length - 1];
    // Below a minute the rest becomes a fraction: 1.500000s, 999.999ms.
    if (left < MINUTE && rest > 0n) {
      const places = String(unit).length - 1;
      parts.push(`${left / unit}.${String(rest).padStart(places, "0")}${name}`);
      break;
    }
    parts.push(`${left / unit}${name}`);
    left = rest;
  }
  return parts.join(" ");
}

/** Seconds as microseconds, rounded to the nearest; NaN and less than nothing are 0, too much is infinity. */
export function usecOfSeconds(seconds: number): bigint {
  if (!(seconds > 0)) return 0n;
  const usec = Math.round(seconds * 1e6);
  return usec >= 2 ** 64 ? INFINITY_USEC : BigInt(usec);
}
