// Sizes and durations in words, and sizes from words. Pure.

const BINARY = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** `1536` as `1.5 KiB`; whole bytes below 1 KiB. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < BINARY.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? String(value) : value.toFixed(1)} ${BINARY[unit]}`;
}

/** Reads `16 GiB`, `64MiB`, `500 KB`, `1024` (bytes). Decimal and binary units; null when it is not a size. */
export function parseBytes(text: string): number | null {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(?:([kKMGT])(i?)B?|B)?\s*$/.exec(text);
  if (match === null) return null;
  const [, digits, prefix, binary] = match;
  const power = prefix === undefined ? 0 : "KMGT".indexOf(prefix.toUpperCase()) + 1;
  const bytes = Math.round(Number(digits) * (binary === "i" ? 1024 : 1000) ** power);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** `93784` as `1d 2h 3min 4s`; one decimal below ten seconds. */
export function formatSeconds(seconds: number): string {
  if (seconds < 10) return `${Number(seconds.toFixed(1))}s`;
  let rest = Math.round(seconds);
  const parts: string[] = [];
  for (const [name, size] of [
    ["d", 86400],
    ["h", 3600],
    ["min", 60],
    ["s", 1],
  ] as const) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count}${name}`);
  }
  return parts.join(" ");
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, min: 60, h: 3600, d: 86_400 };

/** Reads `26h`, `90min`, `14d`, `1h 30min`, as `formatSeconds` writes them and people do: seconds, above 0; null when it is none. */
export function parseSeconds(text: string): number | null {
  if (!/^\s*(\d+(\.\d+)?\s*(s|m|min|h|d)\s*)+$/.test(text)) return null;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)\s*(min|[smhd])/g)];
  const seconds = parts.reduce((sum, [, count, unit = ""]) => sum + Number(count) * (SECONDS[unit] ?? 0), 0);
  return seconds > 0 && Number.isFinite(seconds) ? seconds : null;
}

/** `1 episode`, `2 episodes`. @param many the plural, where it is more than an added s */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
