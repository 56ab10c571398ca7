// What went wrong when a plugin's file was loaded, as an operator can use it: file, line, and the message alone. Pure.

/** `file` and `line` (from 1) are null where nobody knows them. */
export interface LoadError {
  file: string | null;
  line: number | null;
  message: string;
}

export const NO_PACKAGES = "packages are not looked for, use node: modules and files beside the plugin";

/**
 * Reads what `import()` threw: Bun's BuildMessage and ResolveMessage, several of them, or whatever the file threw itself.
 * @param path the plugin's file
 * @param text its text, to find what has no line
 */
export function describeImportError(error: unknown, path: string, text: string): LoadError {
  if (!isRecord(error)) return { file: path, line: null, message: `it threw ${String(error)}` };
  const inner = Array.isArray(error.errors) ? error.errors : [];
  if (inner.length > 0) {
    const first = describeImportError(inner[0], path, text);
    return inner.length === 1 ? first : { ...first, message: `${first.message} (and ${inner.length - 1} more)` };
  }
  const message = String(error.message ?? "it threw an object without a message").split("\n")[0] ?? "";
  const { position } = error;
  if (isRecord(position) && typeof position.line === "number") {
    const file = typeof position.file === "string" ? position.file : path;
    return { file, line: position.line, message };
  }
  if (error.name === "ResolveMessage") return unresolved(message, path, text);
  const missing = /^Export named '([^']+)' not found/.exec(message)?.[1];
  if (missing !== undefined) return { file: path, line: lineWith(text, missing), message };
  return thrown(error, path, message);
}

/** A ResolveMessage has no position, but names what it did not find. */
function unresolved(message: string, path: string, text: string): LoadError {
  const [, wanted = "", from = path] = /^Cannot find \w+ '(.*)' (?:imported )?from '?(.*?)'?$/.exec(message) ?? [];
  const fix = wanted.startsWith(".") ? "" : `: ${NO_PACKAGES}`;
  const what = wanted === "" ? message : `cannot find ${JSON.stringify(wanted)}${fix}`;
  return { file: from, line: from === path ? lineWith(text, wanted) : null, message: what };
}

/** `Error: boom\n    at work (/dir/x.ts:3:11)`: the first place in a file that is not ours. */
function thrown(error: Record<string, unknown>, path: string, message: string): LoadError {
  const stack = typeof error.stack === "string" ? error.stack : "";
  const frame = /^ +at (?:.*\()?(\/(?!\$bunfs)[^()]*?):(\d+)(?::\d+)?\)?$/m.exec(stack);
  const name = typeof error.name === "string" && error.name !== "Error" ? `${error.name}: ` : "";
  const text = `it threw ${JSON.stringify(`${name}${message}`)}`;
  return { file: frame?.[1] ?? path, line: frame === null ? null : Number(frame[2]), message: text };
}

/** The first line, from 1, where `needle` stands. */
export function lineWith(text: string, needle: string): number | null {
  const index = needle === "" ? -1 : text.split("\n").findIndex((line) => line.includes(needle));
  return index < 0 ? null : index + 1;
}

/** `/dir/x.ts:3: message`. */
export function loadErrorText({ file, line, message }: LoadError): string {
  return `${file ?? "plugin"}${line === null ? "" : `:${line}`}: ${message}`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  // A class of Bun's own may be callable; what it says counts.
  return (typeof value === "object" || typeof value === "function") && value !== null;
}
