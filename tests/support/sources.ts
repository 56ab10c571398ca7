// Our source files and what they import, for the tests that say where things go.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

export const ROOT = join(import.meta.dir, "../..");
export const transpiler = new Bun.Transpiler({ loader: "ts" });

const IMPORT = /^(?:import|export)\s(?:[^;"]*?\sfrom\s)?"([^"]+)"|\bimport\("([^"]+)"\)/gm;

function files(): Map<string, string> {
  const found = new Map<string, string>();
  for (const folder of ["bin", "lib"]) {
    for (const name of readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })) {
      const file = join(folder, name);
      if (name.endsWith(".ts") && !name.endsWith(".d.ts")) found.set(file, readFileSync(join(ROOT, file), "utf8"));
    }
  }
  return found;
}

function resolved(file: string, path: string): string {
  return path.startsWith(".") ? relative(ROOT, join(ROOT, dirname(file), path)) : path;
}

/** Every source file with its text. */
export const sources: ReadonlyMap<string, string> = files();

/** Every source file with what it loads: project files by path, packages by name. Imports of types alone are gone. */
export const graph: ReadonlyMap<string, string[]> = new Map(
  [...sources].map(([file, text]) => [file, transpiler.scanImports(text).map(({ path }) => resolved(file, path))]),
);

/** The same with imports of types. */
export const wholeGraph: ReadonlyMap<string, string[]> = new Map(
  [...sources].map(([file, text]) => [
    file,
    [...text.matchAll(IMPORT)].map(([, from, dynamic]) => resolved(file, from ?? dynamic ?? "")),
  ]),
);

/** The comment that a source file begins with: what it is, and what it may not do. */
export function headOf(file: string): string {
  return /^(?:\/\/[^\n]*\n)+/.exec(sources.get(file) ?? "")?.[0] ?? "";
}
