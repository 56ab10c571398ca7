// `installer status`: what is installed here, what of it is missing or changed, and how its units are.

import { readlink } from "node:fs/promises";
import { basename, join } from "node:path";
import type { InstallManifest } from "../../contract/install-manifest.ts";
import { parseRelease, type ReleaseExecutable } from "../../contract/release.ts";
import { EXIT } from "../../core/exit.ts";
import { errorCode } from "../../core/failure.ts";
import { byCommands, fixText, here } from "../../core/finding.ts";
import { unitProperties } from "../../core/linux/unit-properties.ts";
import { labelled } from "../../core/text/columns.ts";
import { print } from "../../os/answer.ts";
import { exists, readIfExists } from "../../os/files/files.ts";
import { run } from "../../os/process/exec.ts";
import { isFile } from "../../release/is-file.ts";
import { currentRelease } from "../../release/switch.ts";
import { lookAt, MANIFEST, readAccounts, readManifest } from "../facts.ts";
import { OPT_DIR } from "../wanted.ts";

export async function statusCommand(): Promise<number> {
  const manifest = await readManifest();
  if (manifest === null) {
    await print(`nothing that the installer has put here: there is no ${MANIFEST}\n`);
    return EXIT.ok;
  }
  const current = await currentRelease(OPT_DIR);
  const units = await Promise.all(manifest.units.map(unitNow));
  const files = await filesOf(manifest);
  const broken = [
    ...files.missing,
    ...(await executablesOf(manifest, current)),
    ...(await linksOf(manifest)),
    ...units.flatMap(({ unit, isActive }) => (isActive ? [] : [`${unit} does not run`])),
  ];
  const under = (label: string, texts: readonly string[]): [string, string][] =>
    texts.map((text, i) => [i === 0 ? label : "", text]);
  const rows: [string, string][] = [
    ["role", manifest.role],
    ["release", current === null ? "none" : basename(current)],
    ...under(
      "units",
      units.map(({ text }) => text),
    ),
    ...under("changed", files.edited),
    ...under("broken", broken),
    ...(broken.length === 0
      ? []
      : [["fix", fixText(byCommands(here("sudo", "installer", "apply")))] as [string, string]]),
  ];
  await print(`${labelled(rows).join("\n")}\n`);
  return broken.length === 0 ? EXIT.ok : EXIT.no;
}

/** Configuration is there to be edited, and a unit that somebody has edited is theirs to look after. */
async function filesOf({ files }: InstallManifest): Promise<{ missing: string[]; edited: string[] }> {
  const accounts = await readAccounts();
  const [missing, edited]: [string[], string[]] = [[], []];
  for (const { path, kind, sha256 } of files) {
    const found = await lookAt(path, accounts);
    if (found.kind === "nothing") missing.push(`${path} is not there`);
    else if (kind === "unit" && !(found.kind === "file" && sha256.includes(found.sha256)))
      edited.push(`${path} was edited`);
  }
  return { missing, edited };
}

/** @param current the release that runs; null: none does */
async function executablesOf({ releases, links }: InstallManifest, current: string | null): Promise<string[]> {
  if (current === null) return releases.length === 0 ? [] : [`${join(OPT_DIR, "current")} is not there`];
  const text = await readIfExists(join(current, "release.json"));
  const release = text === null ? null : parseRelease(text);
  if (release === null) return [`${current} has no release.json that can be read`];
  // Those of this machine's target are those that it has: which target that is need not be known.
  const tools = links.filter(({ target }) => target.includes("/bin/")).map(({ path }) => basename(path));
  const said = await Promise.all(tools.map((tool) => executableOf(current, tool, release.executables)));
  return said.flatMap((one) => one ?? []);
}

async function executableOf(dir: string, tool: string, all: readonly ReleaseExecutable[]): Promise<string | null> {
  const path = join(dir, "bin", tool);
  if (!(await exists(path))) return `${path} is not there`;
  for (const { sha256 } of all.filter((one) => one.tool === tool)) if (await isFile(path, sha256)) return null;
  return `${path} is not what its release says`;
}

async function linksOf({ links }: InstallManifest): Promise<string[]> {
  const said: string[] = [];
  for (const { path, target } of links)
    try {
      const to = await readlink(path);
      if (to !== target) said.push(`${path} leads to ${to}`);
    } catch (error) {
      if (errorCode(error) === null) throw error;
      said.push(`${path} is ${errorCode(error) === "EINVAL" ? "no link any more" : "not there"}`);
    }
  return said;
}

const ASK_MS = 10_000;

/** A unit with what it says of itself. */
export async function unitNow(unit: string): Promise<{ unit: string; isActive: boolean; text: string }> {
  const asked = await run(["systemctl", "show", unit, "-p", "ActiveState,StatusText"], { timeoutMs: ASK_MS });
  if (asked.kind === "failed") return { unit, isActive: false, text: `${unit}: ${asked.why}` };
  const { ActiveState = "", StatusText = "" } = unitProperties(asked.stdout);
  const words = [ActiveState, StatusText].filter((word) => word !== "");
  // What is starting anew, or reading its configuration anew, runs.
  const isActive = ["active", "reloading"].includes(ActiveState);
  return { unit, isActive, text: `${unit}: ${words.join(", ")}` };
}
