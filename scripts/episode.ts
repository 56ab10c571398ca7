// Records a real episode on the spot: a few seconds of this machine's telemetry, and a copy of some real files. Finished
// the way docs/operating.md asks of every producer: files, fsync, then the marker by rename.

import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join, relative } from "node:path";

const SAMPLE_MS = 100;

/** Samples /proc into `telemetry.jsonl` for so many seconds; returns the number of samples. */
async function recordTelemetry(file: string, seconds: number): Promise<number> {
  const lines: string[] = [];
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until) {
    const [load1, load5, load15, processes] = readFileSync("/proc/loadavg", "utf8").split(" ");
    const memory = readFileSync("/proc/meminfo", "utf8").split("\n").slice(0, 5);
    const cpu = readFileSync("/proc/stat", "utf8").split("\n")[0]?.split(/\s+/).slice(1).map(Number);
    const network = readFileSync("/proc/net/dev", "utf8")
      .split("\n")
      .slice(2)
      .filter(Boolean)
      .map((line) => line.trim());
    lines.push(
      JSON.stringify({ at: new Date().toISOString(), load: [load1, load5, load15], processes, memory, cpu, network }),
    );
    await Bun.sleep(SAMPLE_MS);
  }
  writeFileSync(file, `${lines.join("\n")}\n`, { flush: true });
  return lines.length;
}

/** `sha256sum` lines of every file below a directory. */
function manifestOf(root: string): string {
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(join(root, name)).isFile(),
  );
  const digest = (name: string): string =>
    new Bun.CryptoHasher("sha256").update(readFileSync(join(root, name))).digest("hex");
  return files
    .sort()
    .map((name) => `${digest(name)}  ${name}\n`)
    .join("");
}

/** Makes the marker appear at once and last. */
function finish(root: string, text: string): void {
  writeFileSync(join(root, ".done.marker.tmp"), text, { flush: true });
  renameSync(join(root, ".done.marker.tmp"), join(root, "done.marker"));
}

/** Records an episode of `seconds` into `episodesDir`; returns its id. */
export async function recordEpisode(
  episodesDir: string,
  project: string,
  seconds: number,
  commit: string,
): Promise<string> {
  const id = `demo-${new Date().toISOString().replace(/[-:.]/g, "").slice(0, 15)}Z`;
  const root = join(episodesDir, id);
  mkdirSync(join(root, "files"), { recursive: true });
  const samples = await recordTelemetry(join(root, "telemetry.jsonl"), seconds);
  cpSync(join(project, "docs"), join(root, "files/docs"), { recursive: true });
  cpSync("/etc/os-release", join(root, "files/os-release"), { dereference: true });
  cpSync("/proc/cpuinfo", join(root, "files/cpuinfo"));
  writeFileSync(join(root, "meta.json"), `${JSON.stringify({ host: hostname(), samples, code_commit: commit })}\n`, {
    flush: true,
  });
  finish(root, manifestOf(root));
  return id;
}

/** Copies a directory of the user's into `episodesDir`, where it can be moved; returns the episode's id. */
export function copyAsEpisode(source: string, episodesDir: string): string {
  const name = relative(join(source, ".."), source)
    .replace(/[^A-Za-z0-9._-]/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "");
  const id = (name === "" ? "episode" : name).slice(0, 120);
  const root = join(episodesDir, id);
  cpSync(source, root, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  finish(root, "");
  return id;
}
