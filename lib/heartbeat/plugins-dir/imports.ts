// What a plugin imports, and what that imports: whoever may write one of these files writes the plugin. A file is looked at
// before anything of it runs; what cannot be looked at is refused.

import { existsSync, readFileSync, statSync } from "node:fs";
import { isBuiltin } from "node:module";
import { basename, dirname, extname, isAbsolute, resolve } from "node:path";
import { errorCode, errorText } from "../../core/failure.ts";
import type { Finding } from "../../core/finding.ts";
import { describeImportError, lineWith, loadErrorText, NO_PACKAGES } from "./errors.ts";
import { checkTrust, type Distrust, refusalOf } from "./trusted.ts";

/** Files of code by their ending, and how Bun reads them (bun.com/docs/runtime/loaders). */
const CODE: Readonly<Record<string, "ts" | "tsx" | "js" | "jsx">> = {
  ...{ ".ts": "ts", ".mts": "ts", ".cts": "ts", ".tsx": "tsx" },
  ...{ ".js": "jsx", ".mjs": "js", ".cjs": "js", ".jsx": "jsx" },
};

/** What may stand behind a name that has none. */
const ENDINGS = [...Object.keys(CODE), ".json"];

/**
 * @param path as the operator knows the plugin's file
 * @param real the same without links: that is where its imports are looked for
 * @param uid who besides root is trusted
 * @returns why the plugin may not be loaded
 */
export function refuseImports(path: string, real: string, uid: number): Finding | null {
  const seen = new Set([real]);
  for (const file of seen) {
    // The operator's own name for it, where it has one.
    const shown = file === real ? path : file;
    const scanned = scan(file, shown);
    if ("why" in scanned) return { what: scanned.why, fix: null };
    for (const wanted of scanned.imports) {
      const found = find(wanted, file, uid);
      if ("path" in found) seen.add(found.path);
      else if ("distrust" in found) {
        return refusalOf(found.distrust, `${basename(path)}, which imports it, is not loaded`);
      } else if ("message" in found && scanned.isCode) {
        const at = { file: shown, line: lineWith(scanned.text, wanted) };
        return { what: loadErrorText({ ...at, message: found.message }), fix: null };
      }
    }
  }
  return null;
}

/** `path`: a file to be looked at. `message`: nothing that is loaded. `other`: nothing that needs a look. */
type Found = { path: string } | { distrust: Distrust } | { message: string } | { other: true };

function find(wanted: string, from: string, uid: number): Found {
  if (isBuiltin(wanted)) return { other: true };
  if (!/^(\.{0,2}\/|\.{1,2}$)/.test(wanted)) {
    return { message: `cannot load ${JSON.stringify(wanted)}: ${NO_PACKAGES}` };
  }
  const place = resolve(dirname(from), wanted);
  // Which file of it that is would be the choice of a package.json.
  if (isDirectory(place) && (/(^|\/)\.{0,2}$/.test(wanted) || !ENDINGS.some((ending) => existsSync(place + ending)))) {
    return { message: `cannot load ${JSON.stringify(wanted)}: it is a directory: name a file in it` };
  }
  // The way to it counts too: whoever may change a link there chooses the file.
  const way = checkTrust(dirname(place), uid);
  if (way.kind === "refused") return { distrust: way };
  const target = resolveImport(wanted, from);
  // One that is not there: loading says so, or the plugin tries it and does without.
  if (target === null) return { other: true };
  const trust = checkTrust(target, uid);
  if (trust.kind === "refused") return { distrust: trust };
  if (!trust.isFile) return { distrust: { kind: "refused", why: `${target} is no regular file`, fix: null } };
  return { path: trust.path };
}

function resolveImport(wanted: string, from: string): string | null {
  try {
    const target = Bun.resolveSync(wanted, dirname(from));
    return isAbsolute(target) ? target : null;
  } catch {
    return null;
  }
}

/** Links followed; false for what cannot be looked at. */
export function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

type Scanned = { imports: string[]; text: string; isCode: boolean } | { why: string };

/** @param shown its name in what is said */
function scan(file: string, shown: string): Scanned {
  const ending = extname(file);
  if (ending === "")
    return { why: `${shown}: a file that is imported needs an ending that says what it is, such as .ts` };
  const loader = CODE[ending];
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    return { why: `${shown} cannot be read: ${errorCode(error) ?? errorText(error)}` };
  }
  try {
    const imports = new Bun.Transpiler({ loader: loader ?? "ts" }).scanImports(text).map((found) => found.path);
    return { imports, text, isCode: loader !== undefined };
  } catch (error) {
    // Data. It could only be run as code by an import that says so, and then it cannot be parsed either.
    if (loader === undefined) return { imports: [], text, isCode: false };
    return { why: loadErrorText({ ...describeImportError(error, shown, text), file: shown }) };
  }
}
