// The gate, the same here and in CI: types, lint and format, executables, then every test (units, layers, goldens, real
// executables, real systemd). Ends with the runner's summary and one line `N passed, N failed`.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { runInOpenPlace } from "./open-place.ts";

const root = join(import.meta.dir, "..");
const elsewhere = runInOpenPlace(root, [process.execPath, "scripts/check.ts"]);
if (elsewhere !== null) process.exit(elsewhere);
const bun = process.execPath;
const bin = (name: string): string => join(root, "node_modules/.bin", name);

function step(name: string, command: string[], env: Record<string, string> = {}): boolean {
  console.log(`\n== ${name}`);
  const done = Bun.spawnSync(command, {
    cwd: root,
    stdout: "inherit",
    stderr: "inherit",
    env: { ...process.env, ...env },
  });
  if (done.exitCode !== 0) console.log(`== ${name}: FAILED`);
  return done.exitCode === 0;
}

/** The counts of a junit report: tests that ran, and those that failed. */
function countTests(report: string): { passed: number; failed: number; skipped: number } {
  const head = /<testsuites[^>]*>/.exec(report)?.[0] ?? "";
  const count = (name: string): number => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(head)?.[1] ?? 0);
  const [tests, failed, skipped] = [count("tests"), count("failures") + count("errors"), count("skipped")];
  return { passed: tests - failed - skipped, failed, skipped };
}

/** Runs them all; errors are said again at the end, since thousands of lines may lie in between. */
async function runTests(): Promise<boolean> {
  console.log("\n== tests");
  const places = ["--reporter=junit", `--reporter-outfile=${report}`];
  const tests = Bun.spawn([bun, "test", `--parallel=${availableParallelism()}`, "--timeout", "180000", ...places], {
    cwd: root,
    stdout: "inherit",
    stderr: "pipe",
    env: { ...process.env, LABFLEET_BUILT: "1", CI: process.env.CI ?? "1" },
  });
  const errors: string[] = [];
  let block: string[] = [];
  for await (const line of linesOf(tests.stderr)) {
    process.stderr.write(`${line}\n`);
    const isVerdict = /^\((pass|skip|fail)\) /.test(line);
    if (!isVerdict) block.push(line);
    // Of several workers: an error stands anywhere between two verdicts.
    else if (block.some((one) => one.startsWith("error: "))) errors.push(...block.slice(-ERROR_LINES));
    if (isVerdict) block = [];
  }
  const isOk = (await tests.exited) === 0;
  // The runner's summary stays the last that is read.
  if (!isOk) console.log(["", "== tests: FAILED", ...errors, ...block].join("\n"));
  return isOk;
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}

/** Of what was printed with an error, the last lines. */
const ERROR_LINES = 60;

const reports = mkdtempSync(join(tmpdir(), "labfleet-check-"));
const report = join(reports, "junit.xml");
const target = process.arch === "arm64" ? "linux-arm64" : "linux-x64";
const steps: [string, string[], Record<string, string>?][] = [
  ["types", [bin("tsc"), "--noEmit", "-p", "."]],
  ["lint and format", [bin("biome"), "check", "--error-on-warnings", "."]],
  ["executables", [bun, "scripts/build.ts"]],
  ["executables with fail points", [bun, "scripts/build.ts", "--failpoints", "--out", `dist/${target}-failpoints`]],
];
const broken = steps.filter(([name, command, env]) => !step(name, command, env)).map(([name]) => name);
const testsOk = await runTests();
const { passed, failed, skipped } = countTests(readFileSync(report, "utf8"));
rmSync(reports, { recursive: true });
if (broken.length > 0) console.log(`\nnot clean: ${broken.join(", ")}`);
// A file that could not even be loaded fails the run without a test of its own.
const bad = (testsOk ? failed : Math.max(1, failed)) + broken.length;
console.log(
  `${passed + steps.length - broken.length} passed, ${bad} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`,
);
process.exit(bad === 0 && testsOk ? 0 : 1);
