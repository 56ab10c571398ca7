// Compiles each tool to its own executable: `bun run build [tool…] [--target T]… [--failpoints] [--out DIR]`.
// Output: dist/<target>/<tool>, and the systemd units in dist/units. Never strip these files: the program is appended to the runtime.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { renderService } from "../lib/core/linux/unit-file.ts";
import { TOOL_NAMES, type ToolName, toolOf, unitFiles } from "../lib/core/tools.ts";
import manifest from "../package.json" with { type: "json" };
import { commit, hostTarget, ROOT, TARGETS } from "./checkout.ts";
import { startAnywhere } from "./start-anywhere.ts";

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
      // A bug's stack names our files and lines in a daemon, whose log is all that there is of it. What ends by itself can be run again,
      // and from source: a map, a quarter to three quarters of what a tool adds to the runtime, would go to each host with each release.
      ...(toolOf(tool).kind === "daemon" ? ["--sourcemap=inline"] : []),
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
      join(ROOT, "bin", `${tool}.ts`),
      ...toolOf(tool).threads.map((thread) => join(ROOT, `${thread}.ts`)),
      "--outfile",
      outfile,
    ],
    { stdout: "pipe", stderr: "pipe", cwd: ROOT },
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
  const out = join(ROOT, "dist/units");
  mkdirSync(out, { recursive: true });
  for (const tool of TOOL_NAMES) {
    for (const name of unitFiles(tool)) {
      const template = readFileSync(join(ROOT, "units", name), "utf8");
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
  for (const tool of wanted) buildOne(tool, target, values.out ?? join(ROOT, "dist", target), values.failpoints);
}
renderUnits();
