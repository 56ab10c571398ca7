// `installer status`: what is installed here, what of it somebody has changed, and how its units are.

import { basename } from "node:path";
import { EXIT } from "../core/exit.ts";
import { labelled } from "../core/text/columns.ts";
import { print } from "../os/answer.ts";
import { run } from "../os/process/exec.ts";
import { currentRelease } from "../release/switch.ts";
import { lookAt, MANIFEST, readAccounts, readManifest } from "./facts.ts";
import { OPT_DIR } from "./wanted.ts";

export async function statusCommand(): Promise<number> {
  const manifest = await readManifest();
  if (manifest === null) {
    await print(`nothing that the installer has put here: there is no ${MANIFEST}\n`);
    return EXIT.ok;
  }
  const accounts = await readAccounts();
  const edited: string[] = [];
  for (const { path, kind, sha256 } of manifest.files) {
    const found = await lookAt(path, accounts);
    if (found.kind === "nothing") edited.push(`${path} is not there`);
    // Configuration is there to be edited.
    else if (kind === "unit" && !(found.kind === "file" && sha256.includes(found.sha256)))
      edited.push(`${path} was edited`);
  }
  const current = await currentRelease(OPT_DIR);
  const units = await Promise.all(manifest.units.map(unitText));
  const under = (label: string, texts: readonly string[]): [string, string][] =>
    texts.map((text, i) => [i === 0 ? label : "", text]);
  const rows: [string, string][] = [
    ["role", manifest.role],
    ["release", current === null ? "none" : basename(current)],
    ...under("units", units),
    ...under("changed", edited),
  ];
  await print(`${labelled(rows).join("\n")}\n`);
  return EXIT.ok;
}

const ASK_MS = 10_000;

/** A unit with what it says of itself. */
export async function unitText(unit: string): Promise<string> {
  const asked = await run(["systemctl", "show", unit, "-p", "ActiveState,StatusText", "--value"], {
    timeoutMs: ASK_MS,
  });
  const words = asked.kind === "exited" ? asked.stdout.split("\n").filter((line) => line !== "") : [asked.why];
  return `${unit}: ${words.reverse().join(", ")}`;
}
