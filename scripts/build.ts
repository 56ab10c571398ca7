// Compiles each tool to its own executable: `bun run build [tool…] [--target T]… [--failpoints] [--out DIR]`.
// Output: dist/<target>/<tool>, and the systemd units in dist/units. Never strip these files: the program is appended to the runtime.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { renderService } from "../lib/core/linux/unit-file.ts";
import { TOOL_NAMES, type ToolName, toolOf, unitFiles } from "../lib/core/tools.ts";
import manifest from "../package.json" with { type: "json" };
import { startAnywhere } from "./start-anywhere.ts";

/** Our target names and Bun's. x64 needs AVX2, x64-baseline only SSE4.2. */
const TARGETS: Record<string, string> = {
  "linux-x64": "bun-linux-x64",
  "linux-x64-baseline": "bun-linux-x64-baseline",
  "linux-arm64": "bun-linux-arm64",
};

const root = join(import.meta.dir, "..");

/** The target of the machine that this runs on. */
export function hostTarget(): string {
  return process.arch === "arm64" ? "linux-arm64" : "linux-x64";
}

/** Commit of the checkout, with `-dirty` when files differ from it, or "unknown" outside a checkout. */
function commit(): string {
  const git = (...args: string[]): string => {
    const done = Bun.spawnSync(["git", "-C", root, ...args], { stderr: "ignore" });
    return done.exitCode === 0 ? done.stdout.toString().trim() : "";
  };
  const head = git("rev-parse", "HEAD");
  if (head === "") return "unknown";
  return git("status", "--porcelain", "--untracked-files=no") === "" ? head : `${head}-dirty`;
}

function buildOne(tool: ToolName, target: string, out: string, failpoints: boolean): void {
  const outfile = join(out, tool);
  mkdirSync(out, { recursive: true });
  const define = (name: string, value: unknown): string[] => ["--define", `${name}=${JSON.stringify(value)}`];
  const done = Bun.spawnSync(
    [
      process.execPath,
      "build",
      "--compile",
      `--target=${TARGETS[target]}`,
      "--minify-syntax", // drops what a define has made unreachable
      "--sourcemap=inline", // a bug's stack names our files and lines
      // Whoever is started again and again does little but start: 0.1 s less of 0.33, for 4 MB more.
      ...(toolOf(tool).kind === "oneshot+timer" ? ["--bytecode", "--format=esm"] : []),
      // These run as root in directories that others can write: nothing is loaded from there.
      "--no-compile-autoload-dotenv",
      "--no-compile-autoload-bunfig",
      ...define("LABFLEET_VERSION", manifest.version),
      ...define("LABFLEET_COMMIT", commit()),
      ...define("LABFLEET_TARGET", target),
      ...define("LABFLEET_FAILPOINTS", failpoints),
      ...define("process.env.NODE_ENV", "production"),
      join(root, "bin", `${tool}.ts`),
      ...toolOf(tool).threads.map((thread) => join(root, `${thread}.ts`)),
      "--outfile",
      outfile,
    ],
    { stdout: "pipe", stderr: "pipe", cwd: root },
  );
  if (done.exitCode !== 0) {
    console.error(`build: ${tool} for ${target} failed:\n${done.stderr.toString()}${done.stdout.toString()}`);
    process.exit(1);
  }
  startAnywhere(outfile);
  // The maps are inside the executable; the copies beside it are of no use.
  for (const file of readdirSync(out)) if (file.endsWith(".map")) rmSync(join(out, file));
  console.log(outfile);
}

/** The units as they are installed under /opt. */
function renderUnits(): void {
  const out = join(root, "dist/units");
  mkdirSync(out, { recursive: true });
  for (const tool of TOOL_NAMES) {
    for (const name of unitFiles(tool)) {
      const template = readFileSync(join(root, "units", name), "utf8");
      const isService = name.endsWith(".service");
      writeFileSync(join(out, name), isService ? renderService(template, tool, "/opt/labfleet/current") : template);
    }
  }
}

const { values, positionals } = parseArgs({
  options: {
    target: { type: "string", multiple: true, default: [hostTarget()] },
    failpoints: { type: "boolean", default: false },
    out: { type: "string" },
  },
  allowPositionals: true,
});
function toolNamed(name: string): ToolName {
  const found = TOOL_NAMES.find((tool) => tool === name);
  if (found !== undefined) return found;
  console.error(`build: no tool ${name}: there are ${TOOL_NAMES.join(", ")}`);
  process.exit(2);
}
const wanted = positionals.length > 0 ? positionals.map(toolNamed) : TOOL_NAMES;
const targets = values.target.includes("all") ? Object.keys(TARGETS) : values.target;
for (const target of targets) {
  if (TARGETS[target] === undefined) {
    console.error(`build: no target ${target}: there are ${Object.keys(TARGETS).join(", ")}, or all`);
    process.exit(2);
  }
  for (const tool of wanted) buildOne(tool, target, values.out ?? join(root, "dist", target), values.failpoints);
}
renderUnits();
