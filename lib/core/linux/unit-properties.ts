// What `systemctl show` prints of one unit: `Name=value` lines. Pure.

/** The properties by their names. A unit that does not exist has them too, with defaults: ask `LoadState`. */
export function unitProperties(shown: string): Record<string, string> {
  return Object.fromEntries(
    shown.split("\n").map((line) => {
      const end = Math.max(line.indexOf("="), 0);
      return [line.slice(0, end), line.slice(end + 1)];
    }),
  );
}
