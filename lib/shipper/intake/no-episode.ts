// What is said of an entry of episodes/ that cannot be shipped for what it is or how it is named: nothing there is passed over
// in silence. Each is named with a command that turns it into an episode, or takes it away.

import { type BigIntStats, lstatSync, readdirSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { isName, NAME_MAX, NAME_RULE } from "../../contract/names.ts";
import { errorCode } from "../../core/failure.ts";
import type { Fix } from "../../core/finding.ts";
import { readableName } from "../episode/byte-name.ts";
import type { ScanProblem } from "../episode/scan-problem.ts";

/** A name of our own that comes and goes: the start's probe. */
const OURS = /^\.labfleet-/;

/** Whether an entry is not worth a word: our own, or a hidden file, which nobody takes for an episode. */
export function isPassedOver(name: string, isDirectory: boolean): boolean {
  return OURS.test(name) || (name.startsWith(".") && !isDirectory);
}

/** A directory whose name no URL can carry, finished or not. */
export function badlyNamed(directory: string, name: string, inode: bigint): ScanProblem {
  const why = name.startsWith(".") ? "its name begins with a dot" : "no URL can carry an episode of this name";
  const words = `its directory needs a name of ${NAME_RULE}`;
  return { name, problem: `${why}: ${words}`, fix: command(renaming(directory, name, inode)) };
}

/** What is no directory at all. */
export function noDirectory(directory: string, name: string, stats: BigIntStats): ScanProblem {
  const path = join(directory, name);
  if (stats.isSymbolicLink()) return link(directory, name);
  const kind = stats.isFile() ? "a file" : "no directory";
  const out = join(directory, "..", `${fitting(name)}.aside`);
  return {
    name,
    problem: `it is ${kind}, and an episode is a directory with a done.marker in it`,
    fix: command(isPlain(name) ? ["sudo", "mv", "-T", path, out] : byInode(directory, stats.ino, out)),
  };
}

/** Entries whose names are no UTF-8, which a listing of texts cannot tell from each other. */
export function undecodable(directory: string): ScanProblem[] {
  const found: ScanProblem[] = [];
  for (const bytes of readdirSync(directory, { encoding: "buffer" })) {
    if (Buffer.from(bytes.toString("utf8")).equals(bytes)) continue;
    const name = readableName(bytes.toString("latin1"));
    const path = Buffer.concat([Buffer.from(`${directory}/`), bytes]);
    const stats = statsOf(path);
    if (stats === null || isPassedOver(name, stats.isDirectory())) continue;
    found.push(stats.isDirectory() ? badlyNamed(directory, name, stats.ino) : noDirectory(directory, name, stats));
  }
  return found;
}

/** Null when it has gone meanwhile. */
export function statsOf(path: string | Buffer): BigIntStats | null {
  try {
    return lstatSync(path, { bigint: true });
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return null;
  }
}

function link(directory: string, name: string): ScanProblem {
  const path = join(directory, name);
  const problem = "it is a symbolic link, and links are not followed";
  const target = isPlain(name) && isName(name) ? directoryBehind(path) : null;
  if (target === null) return { name, problem, fix: isPlain(name) ? command(["sudo", "rm", path]) : null };
  const copy = join(directory, `.${name}.copy`);
  const steps = [
    ["sudo", "cp", "-a", "-T", target, copy],
    ["sudo", "rm", path],
    ["sudo", "mv", "-T", copy, path],
  ];
  return { name, problem, fix: { text: "", commands: commands(steps) } };
}

function directoryBehind(path: string): string | null {
  try {
    const target = realpathSync(path);
    return statSync(target).isDirectory() ? target : null;
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return null;
  }
}

function renaming(directory: string, name: string, inode: bigint): string[] {
  const to = join(directory, freeName(directory, fitting(name)));
  return isPlain(name) ? ["sudo", "mv", "-T", join(directory, name), to] : byInode(directory, inode, to);
}

/** What makes an empty file in an entry. */
export function touching(directory: string, name: string, inode: bigint, file: string): string[] {
  return isPlain(name)
    ? ["sudo", "touch", join(directory, name, file)]
    : withInode(directory, inode, ["touch", `{}/${file}`]);
}

function byInode(directory: string, inode: bigint, to: string): string[] {
  return withInode(directory, inode, ["mv", "-T", "{}", to]);
}

/** A name that a shell, a terminal or a log could take for something else is left out of the command. */
function withInode(directory: string, inode: bigint, argv: readonly string[]): string[] {
  return ["sudo", "find", directory, "-maxdepth", "1", "-inum", String(inode), "-exec", ...argv, ";"];
}

function isPlain(name: string): boolean {
  return /^[A-Za-z0-9 ._~@%+,:()-]+$/.test(name);
}

/** The nearest name that an episode may have. */
function fitting(name: string): string {
  const fits = name.replace(/[^A-Za-z0-9._-]/g, "_").replace(/^[^A-Za-z0-9]+/, "");
  return fits.slice(0, NAME_MAX - 8) || "episode";
}

function freeName(directory: string, name: string): string {
  for (let n = 1; ; n++) {
    const free = n === 1 ? name : `${name}-${n}`;
    if (statsOf(join(directory, free)) === null) return free;
  }
}

function command(argv: readonly string[]): Fix {
  return { text: "", commands: commands([argv]) };
}

function commands(lines: readonly (readonly string[])[]): Fix["commands"] {
  return lines.map((argv) => ({ argv, on: "host" }));
}
