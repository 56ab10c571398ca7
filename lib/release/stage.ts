// Puts a release on the disk, beside those that are there: of executables those of a role, for this machine, each proved by its digest
// and by a run of it. Nothing of what runs is touched: that is switch.ts.

import { createHash } from "node:crypto";
import { mkdir, open, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { piecesOf, type ReleaseExecutable, type ReleaseFile } from "../contract/release.ts";
import { EXIT } from "../core/exit.ts";
import { UserError } from "../core/failure.ts";
import { exists, makeDir, renameDurable } from "../os/files/files.ts";
import { run } from "../os/process/exec.ts";
import { fsyncTree } from "./fsync-tree.ts";
import { isFile } from "./is-file.ts";
import { type Opened, refused } from "./open.ts";
import { Pieces, type Range } from "./pieces.ts";
import type { ReleaseSource } from "./source.ts";

export interface Staging {
  /** Where releases lie, each in a directory. */
  releasesDir: string;
  /** `linux-x64`, … */
  target: string;
  tools: readonly string[];
  /** Executables that are here already: one of them may have the runtime. */
  known: readonly string[];
}

export interface Staged {
  dir: string;
  /** False: it was there, or a part of it. */
  isNew: boolean;
}

const ANEW = "take the release anew: it was cut or changed on its way";
const LIST = "release.json";
const SIGNATURE = "release.json.minisig";

/** A file of a staged release, by its path there. */
interface Wanted {
  sha256: string;
  mode: number;
  chunks: () => Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/** What staging would write, bytes, and where it would be. @throws UserError: it has no such executable */
export async function lookAhead(
  opened: Opened,
  source: ReleaseSource,
  staging: Staging,
): Promise<{ dir: string; bytes: number }> {
  const { releasesDir, tools, target } = staging;
  const executables = tools.map((tool) => executableOf(opened, source, tool, target));
  const dir = join(releasesDir, await directoryOf(opened, releasesDir));
  const missing = await missingIn(dir, wantedOf(opened, source, executables, new Pieces(source, opened.release)));
  const all = [
    ...executables.map(({ tool, bytes }) => [binPath(tool), bytes] as const),
    ...opened.release.files.map(({ path, bytes }) => [path, bytes] as const),
  ];
  return { dir, bytes: all.reduce((sum, [path, bytes]) => sum + (missing.has(path) ? bytes : 0), 0) };
}

/**
 * Stages it; after a power cut, or a kill, each file of it is there whole or not at all.
 * @throws UserError: it has no such executable, something is not what the list says, or does not run here
 */
export async function stage(opened: Opened, source: ReleaseSource, staging: Staging): Promise<Staged> {
  const { releasesDir, known, tools, target } = staging;
  const executables = tools.map((tool) => executableOf(opened, source, tool, target));
  const dir = join(releasesDir, await directoryOf(opened, releasesDir));
  const pieces = new Pieces(source, opened.release);
  const missing = await missingIn(dir, wantedOf(opened, source, executables, pieces));
  const isNew = !(await exists(dir));
  if (missing.size === 0) return { dir, isNew };
  await offerKnown(pieces, executables, [...known, ...executables.map(({ tool }) => join(dir, "bin", tool))]);
  await makeDir(releasesDir, 0o755);
  const temp = join(releasesDir, `.${basename(dir)}.new`);
  await rm(temp, { recursive: true, force: true });
  try {
    for (const [path, wanted] of missing) {
      await putWanted(join(temp, path), path, wanted, source);
      const executable = executables.find(({ tool }) => path === binPath(tool));
      if (executable === undefined) continue;
      await pieces.offer(executable.runtime, runtimeIn(join(temp, path), executable, pieces));
      await proveRuns(join(temp, path), executable, opened);
    }
    await fsyncTree(temp);
    await moveInto(dir, temp, [...missing.keys()]);
  } finally {
    await rm(temp, { recursive: true, force: true });
  }
  return { dir, isNew };
}

/** All of it that this machine needs; the list comes last, for what names a release is whole. */
function wantedOf(
  { release, list, signature, digest }: Opened,
  source: ReleaseSource,
  executables: readonly ReleaseExecutable[],
  pieces: Pieces,
): Map<string, Wanted> {
  const ofBytes = (bytes: Buffer): Omit<Wanted, "sha256"> => ({ mode: 0o644, chunks: () => [bytes] });
  return new Map<string, Wanted>([
    ...executables.map((one): [string, Wanted] => [
      binPath(one.tool),
      { sha256: one.sha256, mode: 0o755, chunks: () => all(one, pieces) },
    ]),
    ...release.files.map((file): [string, Wanted] => [
      file.path,
      { sha256: file.sha256, mode: 0o644, chunks: () => limited(file, source) },
    ]),
    [SIGNATURE, { sha256: sha256Of(signature), ...ofBytes(signature) }],
    [LIST, { sha256: digest, ...ofBytes(list) }],
  ]);
}

function binPath(tool: string): string {
  return `bin/${tool}`;
}

async function missingIn(dir: string, wanted: ReadonlyMap<string, Wanted>): Promise<Map<string, Wanted>> {
  const missing = new Map<string, Wanted>();
  for (const [path, one] of wanted) if (!(await isFile(join(dir, path), one.sha256))) missing.set(path, one);
  return missing;
}

/** The directory as a whole where there is none yet, else file by file: what runs from there goes on. */
async function moveInto(dir: string, temp: string, paths: readonly string[]): Promise<void> {
  if (!(await exists(dir))) return await renameDurable(temp, dir);
  for (const path of paths) {
    await mkdir(dirname(join(dir, path)), { recursive: true, mode: 0o755 });
    await renameDurable(join(temp, path), join(dir, path));
  }
}

function executableOf({ release }: Opened, source: ReleaseSource, tool: string, target: string): ReleaseExecutable {
  const found = release.executables.find((one) => one.tool === tool && one.target === target);
  if (found !== undefined) return found;
  throw refused(source, `it has no ${tool} for ${target}`, "take a release that was made for this machine");
}

/** By its version; where another release, or somebody's own, has that directory by its serial, too. */
async function directoryOf({ release, digest }: Opened, releasesDir: string): Promise<string> {
  const { version, serial } = release;
  const isFree =
    !(await exists(join(releasesDir, version))) || (await isFile(join(releasesDir, version, LIST), digest));
  return isFree ? version : `${version}.${serial}`;
}

function sha256Of(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function* limited({ path, bytes }: ReleaseFile, source: ReleaseSource): AsyncGenerator<Uint8Array> {
  const stream = await source.read(path);
  if (stream === null) throw refused(source, `it has no ${path}`, ANEW);
  let read = 0;
  for await (const chunk of stream) {
    read += chunk.length;
    if (read > bytes) throw refused(source, `${path} is longer than the list says`, ANEW);
    yield chunk;
  }
}

/** @throws UserError: it is not what the list says */
async function putWanted(
  at: string,
  path: string,
  { sha256, mode, chunks }: Wanted,
  source: ReleaseSource,
): Promise<void> {
  await mkdir(dirname(at), { recursive: true, mode: 0o755 });
  await using handle = await open(at, "wx", mode);
  // Whatever the umask says.
  await handle.chmod(mode);
  for await (const chunk of chunks())
    for (let at = 0; at < chunk.length; ) at += (await handle.write(chunk, at)).bytesWritten;
  if (!(await isFile(at, sha256))) throw refused(source, `${path} is not what the list says`, ANEW);
}

/** The runtime is unpacked, or copied from an executable that is here, once: the other tools have it from the first. */
async function offerKnown(
  pieces: Pieces,
  executables: readonly ReleaseExecutable[],
  paths: readonly string[],
): Promise<void> {
  for (const one of new Map(executables.map((executable) => [executable.runtime, executable])).values())
    for (const path of paths) if (await pieces.offer(one.runtime, runtimeIn(path, one, pieces))) break;
}

async function* all(executable: ReleaseExecutable, pieces: Pieces): AsyncGenerator<Uint8Array> {
  for (const digest of piecesOf(executable)) yield* pieces.read(digest);
}

/** Where it would be in an executable of ours. */
function runtimeIn(path: string, { head, runtime }: ReleaseExecutable, pieces: Pieces): Range {
  return { path, from: pieces.bytesOf(head), bytes: pieces.bytesOf(runtime) };
}

const START_MS = 30_000;

/** @throws UserError: it does not start here, or says that it is another one */
async function proveRuns(path: string, { tool, target }: ReleaseExecutable, { release }: Opened): Promise<void> {
  const { version, commit } = release;
  const done = await run([path, "--version"], { timeoutMs: START_MS });
  const said = done.kind === "exited" ? done.stdout.trim() : "";
  if (said === `${tool} ${version} (commit ${commit}, ${target})`) return;
  throw new UserError(`${tool} of release ${version} does not run here: ${whyNot(done)}`, null, EXIT.undelivered);
}

/** Illegal instruction, as a shell or Bun says it: the processor lacks what the executable was made for. */
const SIGILL = 132;

function whyNot(done: Awaited<ReturnType<typeof run>>): string {
  if (done.kind === "failed")
    return /SIGILL/.test(done.why) ? `this processor lacks an instruction (${done.why})` : done.why;
  if (done.code === SIGILL) return "this processor lacks an instruction that it needs";
  const said = (done.stderr.trim() || done.stdout.trim()).split("\n")[0] ?? "";
  return `--version ended with ${done.code}${said === "" ? "" : `: ${said}`}`;
}
