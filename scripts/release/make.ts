// From a commit to a release that is proved: what is put together from its pieces is what was built.

import { appendFileSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { gunzipSync } from "node:zlib";
import {
  formatRelease,
  parseRelease,
  piecePath,
  piecesOf,
  RELEASE_FORMAT,
  type Release,
  type ReleaseExecutable,
  type ReleaseFile,
} from "../../lib/contract/release.ts";
import { UserError } from "../../lib/core/failure.ts";
import { TAR_END, tarHeader, tarPadding } from "../../lib/core/tar.ts";
import { formatBytes } from "../../lib/core/text/quantity.ts";
import { TOOL_NAMES, TOOLS } from "../../lib/core/tools.ts";
import manifest from "../../package.json" with { type: "json" };
import { commit, ROOT, TARGETS } from "../checkout.ts";
import { manPages } from "./man.ts";
import { Pieces, sha256 } from "./pieces.ts";
import { type SecretKey, signFile } from "./secret-key.ts";

export interface Making {
  key: SecretKey;
  serial: number;
  minSerial: number;
  nowMs: number;
  expiresS: number;
  /** Names of targets, or `all`. */
  targets: readonly string[];
}

/** @throws UserError: the checkout has changes, or a target is none */
export function makeRelease({ key, serial, minSerial, nowMs, expiresS, targets: named }: Making): void {
  const of = commit();
  if (!/^[0-9a-f]{40}$/.test(of))
    throw new UserError(
      `the checkout is at ${of}: a release is made from a commit, so that it can be made again`,
      of === "unknown" ? "clone the repository with git" : "git commit -a",
    );
  const targets = named.includes("all") ? Object.keys(TARGETS) : named;
  build(targets);
  const place = join(ROOT, "dist/release", manifest.version);
  const temp = `${place}.new`;
  rmSync(temp, { recursive: true, force: true });
  const pieces = new Pieces(temp);
  const executables = targets.flatMap((target) =>
    TOOL_NAMES.map((tool) => pieces.take(join(ROOT, "dist", target, tool), target)),
  );
  const release: Release = {
    ...{ format: RELEASE_FORMAT, version: manifest.version, serial, min_serial: minSerial, commit: of },
    ...{ created: isoOf(nowMs), expires: isoOf(nowMs + expiresS * 1000) },
    ...{ executables, files: takeFiles(temp, executables), pieces: pieces.all },
  };
  const text = formatRelease(release);
  prove(text, temp);
  writeFileSync(join(temp, "release.json"), text);
  const comment = `labfleet ${release.version} serial ${serial} commit ${of}`;
  writeFileSync(join(temp, "release.json.minisig"), signFile(key, Buffer.from(text), comment));
  // What a power cut costs here is made again from the commit; whoever takes it in proves all of it.
  rmSync(place, { recursive: true, force: true });
  renameSync(temp, place);
  bundle(place, nowMs);
  say(release, place);
}

/** The same as one file, for whoever carries it somewhere. Not packed: its pieces are. */
function bundle(place: string, nowMs: number): void {
  const paths = readdirSync(place, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const name = `labfleet-${basename(place)}`;
  const temp = join(dirname(place), `.${name}.new`);
  writeFileSync(temp, "");
  for (const path of paths) {
    const bytes = readFileSync(path);
    const member = { name: `${name}/${relative(place, path)}`, kind: "file", size: bytes.length } as const;
    appendFileSync(temp, tarHeader({ ...member, executable: false, mtimeS: Math.floor(nowMs / 1000) }));
    appendFileSync(temp, bytes);
    appendFileSync(temp, Buffer.alloc(tarPadding(bytes.length)));
  }
  appendFileSync(temp, Buffer.alloc(TAR_END));
  renameSync(temp, join(dirname(place), `${name}.tar`));
}

function build(targets: readonly string[]): void {
  const flags = targets.flatMap((target) => ["--target", target]);
  const done = Bun.spawnSync([process.execPath, join(ROOT, "scripts/build.ts"), ...flags], {
    stdout: "ignore",
    stderr: "pipe",
  });
  if (done.exitCode !== 0) throw new UserError(done.stderr.toString().trim());
}

/** What is installed beside the executables, from where it lies in the checkout. */
const FILES: readonly (readonly [from: string, pattern: RegExp, to: string])[] = [
  [".", /^LICENSE$/, "."],
  ["dist/units", /\.(service|timer)$/, "units"],
  ["units", /\.example\.toml$/, "units"],
  ["docs", /\.md$/, "docs"],
];

function takeFiles(temp: string, executables: readonly ReleaseExecutable[]): ReleaseFile[] {
  const put = (path: string, bytes: Buffer): ReleaseFile => {
    mkdirSync(dirname(join(temp, path)), { recursive: true });
    writeFileSync(join(temp, path), bytes);
    return { path, bytes: bytes.length, sha256: sha256(bytes) };
  };
  const copied = FILES.flatMap(([from, pattern, to]) =>
    readdirSync(join(ROOT, from))
      .filter((name) => pattern.test(name))
      .sort()
      .map((name) => put(to === "." ? name : `${to}/${name}`, readFileSync(join(ROOT, from, name)))),
  );
  const script = withInstallers(readFileSync(join(ROOT, "install.sh"), "utf8"), executables);
  const pages = [...manPages(manifest.version)].map(([name, text]) => put(`man/${name}`, Buffer.from(text)));
  return [put("install.sh", Buffer.from(script)), ...copied, ...pages];
}

const INSTALLERS = /^ *# @INSTALLERS@$/m;

/** The script knows the installers of its release by their digests: whoever has the script needs to trust nothing else. */
export function withInstallers(script: string, executables: readonly ReleaseExecutable[]): string {
  if (!INSTALLERS.test(script)) throw new Error("install.sh has no place for its digests");
  const rows = executables
    .filter(({ tool }) => tool === "installer")
    .map((one) => `  ${one.target}) echo ${[one.sha256, ...piecesOf(one)].join(" ")} ;;`);
  return script.replace(INSTALLERS, () => rows.join("\n"));
}

/** Reads it as a host will, and puts each executable together. @throws Error: it would not be taken */
function prove(text: string, place: string): void {
  const release = parseRelease(text);
  if (release === null) throw new Error("the release's own list is not read");
  for (const executable of release.executables) {
    const bytes = Buffer.concat(piecesOf(executable).map((digest) => unpacked(place, digest)));
    if (sha256(bytes) === executable.sha256) continue;
    throw new Error(`${executable.tool} for ${executable.target}, put together from its pieces, is not what was built`);
  }
}

function unpacked(place: string, digest: string): Buffer {
  return gunzipSync(readFileSync(join(place, piecePath(digest))));
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}

/** What a role costs over the wire at first, and what an update under the same Bun does, is what its pieces weigh. */
function say({ version, serial, expires, executables, pieces }: Release, place: string): void {
  console.log(
    `release ${version}, serial ${serial}, in ${place} and, as one file, ${dirname(place)}/labfleet-${version}.tar; it expires ${expires}`,
  );
  const weight = (digests: Iterable<string>): string =>
    formatBytes([...new Set(digests)].reduce((sum, digest) => sum + (pieces[digest]?.gzip_bytes ?? 0), 0));
  for (const [target, all] of Map.groupBy(executables, ({ target }) => target))
    for (const on of ["host", "collector"] as const) {
      const role = all.filter(({ tool }) =>
        TOOL_NAMES.some((name) => name === tool && [on, "both"].includes(TOOLS[name].on)),
      );
      const update = weight(role.flatMap(({ head, tail }) => [head, tail]));
      console.log(`${target}, ${on}: ${weight(role.flatMap(piecesOf))}; an update under the same Bun ${update}`);
    }
}
