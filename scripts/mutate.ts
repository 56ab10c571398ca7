// Do the tests notice? Changes one thing at a time in a scratch copy of the tree, never here, and runs the tests that load the
// changed file, the nearest first. Prints what nobody noticed (`file:line  before -> after`), and last the counts.
//
//   bun run mutate --sample 60 --seed 7           some of the default files (DEFAULTS)
//   bun run mutate --only lib/shipper/decide.ts   all of one file

import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { parseArgs } from "node:util";
import { seededRandom } from "../tests/support/random.ts";
import { type Mutation, openTyped } from "./mutations.ts";

const DEFAULTS = [
  "lib/**/decide*.ts",
  "lib/contract/*.ts",
  "lib/receiver/store/**/*.ts",
  "lib/heartbeat/send/*.ts",
  "lib/shipper/settle/*.ts",
];
/** Test files that a change has to get past, and for how long another one is begun. */
const MOST_TESTS = 12;
const MOST_MS = 120_000;
/** What takes longer hangs. */
const LIMIT_MS = 180_000;
/** These need compiled executables or a systemd of their own. */
const APART = /^tests\/(e2e|systemd)\//;

const here = join(import.meta.dir, "..");
const { values } = parseArgs({
  options: {
    only: { type: "string" },
    sample: { type: "string" },
    seed: { type: "string", default: "1" },
  },
});

/** A copy of what git would see here, with its packages. */
function makeScratch(): string {
  // A short name: sockets of tests lie beneath it.
  const scratch = mkdtempSync(join(tmpdir(), "lfm-"));
  const listed = Bun.spawnSync(["git", "ls-files", "-coz", "--exclude-standard"], { cwd: here }).stdout.toString();
  for (const file of listed.split("\0").filter((name) => name !== "" && existsSync(join(here, name)))) {
    cpSync(join(here, file), join(scratch, file), { verbatimSymlinks: true });
  }
  mkdirSync(join(scratch, "t"));
  // Some tests start programs of other users, who have to get there.
  for (const [path, mode] of [
    ["", 0o755],
    ["t", 0o1777],
  ] as const)
    chmodSync(join(scratch, path), mode);
  symlinkSync(join(here, "node_modules"), join(scratch, "node_modules"));
  return scratch;
}

/** Ends every process that works in the scratch copy or was told of it, whatever session it is in. */
function endLeftOvers(): void {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    try {
      const isOurs =
        readlinkSync(`/proc/${pid}/cwd`).startsWith(scratch) ||
        readFileSync(`/proc/${pid}/environ`, "latin1").includes(`LABFLEET_MUTANT=${scratch}\0`);
      if (isOurs) process.kill(Number(pid), "SIGKILL");
    } catch {
      // It is gone, or another user's.
    }
  }
}

/** What each file loads or starts: imports, and paths of our own that stand in its text. */
function graphOf(): Map<string, string[]> {
  const transpiler = new Bun.Transpiler({ loader: "ts" });
  const graph = new Map<string, string[]>();
  for (const file of new Bun.Glob("{bin,lib,tests}/**/*.ts").scanSync(scratch)) {
    const text = readFileSync(join(scratch, file), "utf8");
    const paths = [
      ...transpiler.scanImports(text).map(({ path }) => path),
      ...[...text.matchAll(/"(\.[^"\n]*\.ts)"/g)].map(([, path = ""]) => path),
    ];
    graph.set(
      file,
      paths.filter((path) => path.startsWith(".")).map((path) => relative(scratch, join(scratch, dirname(file), path))),
    );
  }
  return graph;
}

/** The tests that reach a file, and over how many others; those that lie at its place come first among equals. */
function testsOf(graph: ReadonlyMap<string, string[]>, changed: string): string[] {
  const loaders = new Map<string, string[]>();
  for (const [from, files] of graph) for (const to of files) loaders.set(to, [...(loaders.get(to) ?? []), from]);
  const place = dirname(changed).replace(/^lib/, "tests");
  const found: { test: string; steps: number; isThere: boolean }[] = [];
  const seen = new Set([changed]);
  for (let [edge, steps]: [string[], number] = [[changed], 0]; edge.length > 0; steps++) {
    for (const file of edge) {
      if (file.endsWith(".test.ts") && !APART.test(file))
        found.push({ test: file, steps, isThere: dirname(file) === place });
    }
    edge = edge.flatMap((file) => loaders.get(file) ?? []).filter((file) => !seen.has(file) && seen.add(file));
  }
  const byDistance = (a: (typeof found)[0], b: (typeof found)[0]): number =>
    a.steps - b.steps || Number(b.isThere) - Number(a.isThere);
  return found.sort(byDistance).map(({ test }) => test);
}

/** Whether a test file is green; red is also what has no end. */
async function isGreen(test: string): Promise<boolean> {
  const env = { ...process.env, TMPDIR: join(scratch, "t"), LABFLEET_MUTANT: scratch };
  const child = Bun.spawn([process.execPath, "test", "--bail", "--timeout", String(LIMIT_MS), `./${test}`], {
    ...{ cwd: scratch, env, stdin: "ignore", stdout: "ignore", stderr: "ignore" },
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
  const code = await child.exited;
  clearTimeout(timer);
  endLeftOvers();
  return code === 0;
}

/** Whether test files are green when nothing is changed: asked of those that were red. */
const usually = new Map<string, boolean>();

/** Who notices it: a test, the types, or nobody (null). */
async function noticedBy(mutation: Mutation, tests: readonly string[]): Promise<string | null> {
  const path = join(scratch, mutation.file);
  const whole = readFileSync(path, "utf8");
  if (whole.slice(mutation.from, mutation.to) !== mutation.before) throw new Error(`not there: ${shown(mutation)}`);
  const mutant = whole.slice(0, mutation.from) + mutation.after + whole.slice(mutation.to);
  try {
    writeFileSync(path, mutant);
    if (await typed.hasErrors(mutation.file)) return "types";
    const endMs = performance.now() + MOST_MS;
    for (const test of tests.filter((one) => usually.get(one) !== false).slice(0, MOST_TESTS)) {
      if (performance.now() > endMs) break;
      writeFileSync(path, mutant);
      if (await isGreen(test)) continue;
      writeFileSync(path, whole);
      if (!usually.has(test)) usually.set(test, await isGreen(test));
      if (usually.get(test) === true) return test;
      console.error(`  ${test} is red even when nothing is changed: it is left out`);
    }
    return null;
  } finally {
    writeFileSync(path, whole);
  }
}

const brief = (text: string): string => JSON.stringify(text.replace(/\s+/g, " ").slice(0, 70));
const shown = ({ file, line, before, after }: Mutation): string =>
  `${file}:${line}  ${brief(before)} -> ${brief(after)}`;

function sampleOf<T>(all: readonly T[], count: number, seed: number): T[] {
  const random = seededRandom(seed);
  const drawn = all.map((one): [number, T] => [random.next(), one]).sort(([a], [b]) => a - b);
  return drawn.slice(0, count).map(([, one]) => one);
}

async function main(): Promise<string> {
  const graph = graphOf();
  const patterns = values.only === undefined ? DEFAULTS : [values.only];
  const files = [...new Set(patterns.flatMap((pattern) => [...new Bun.Glob(pattern).scanSync(scratch)]))].sort();
  const all: Mutation[] = [];
  for (const file of files) all.push(...(await typed.mutationsOf(file)));
  const sample = values.sample === undefined ? all : sampleOf(all, Number(values.sample), Number(values.seed));
  const counts = { types: 0, tests: 0, nobody: 0 };
  for (const mutation of sample.sort((a, b) => a.file.localeCompare(b.file) || a.from - b.from)) {
    const by = await noticedBy(mutation, testsOf(graph, mutation.file));
    counts[by === null ? "nobody" : by === "types" ? "types" : "tests"]++;
    if (by === null) console.log(shown(mutation));
    else console.error(`  (${by}) ${shown(mutation)}`);
  }
  const { types, tests, nobody } = counts;
  return `${sample.length} of ${all.length} changes: ${tests} noticed by tests, ${types} by types, ${nobody} by nobody`;
}

const scratch = makeScratch();
function clear(): void {
  endLeftOvers();
  rmSync(scratch, { recursive: true, force: true });
}
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    clear();
    process.exit(130);
  });
}
const typed = await openTyped(scratch);
try {
  console.log(await main());
} finally {
  await typed.close();
  clear();
}
