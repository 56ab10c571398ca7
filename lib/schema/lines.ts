// Where a key stands in a TOML text. smol-toml gives positions of syntax errors only, and an operator needs a line
// for a wrong value too.

/**
 * Line (from 1) on which `path` is set in `text`, or of its table's header, or null when it is not there.
 * Array elements are found by their array's key.
 */
export function lineOf(text: string, path: readonly string[]): number | null {
  let table: string[] = [];
  let headerLine: number | null = null;
  const wanted = path.join(".");
  for (const [index, line] of text.split("\n").entries()) {
    const header = /^\s*\[\[?\s*([^\]]+?)\s*\]\]?/.exec(line)?.[1];
    if (header !== undefined) {
      table = splitKey(header);
      if (wanted === table.join(".")) headerLine = index + 1;
      continue;
    }
    const key = /^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=/.exec(
      line,
    )?.[1];
    if (key === undefined) continue;
    const full = [...table, ...splitKey(key)].join(".");
    if (full === wanted || wanted.startsWith(`${full}.`)) return index + 1;
  }
  return headerLine;
}

function splitKey(key: string): string[] {
  return (key.match(/"[^"]*"|'[^']*'|[^.\s]+/g) ?? []).map((part) => part.replace(/^["']|["']$/g, ""));
}
