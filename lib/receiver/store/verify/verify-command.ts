// `receiver verify`: the check as a command, and its repair. A repair appends rows and moves files aside; it deletes
// nothing.

import { renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { dataPaths } from "../../../contract/places.ts";
import { EXIT } from "../../../core/exit.ts";
import { errorCode, errorText, UserError } from "../../../core/failure.ts";
import { quoted } from "../../../core/text/fields.ts";
import { printable } from "../../../core/text/printable.ts";
import { counted } from "../../../core/text/quantity.ts";
import { print } from "../../../os/answer.ts";
import { whyDiskRefuses } from "../../../os/files/disk-refusal.ts";
import { fsyncDir, makeDir } from "../../../os/files/files.ts";
import { heldBy, lockHolder, makeRunDir, openLock, writePid } from "../../../os/files/lock.ts";
import { unitOf } from "../../../os/process/own-unit.ts";
import type { Log } from "../../../runtime/log/log.ts";
import type { Call } from "../../../runtime/tool.ts";
import { needStore } from "../../disk/data-root.ts";
import { stopAndRepair } from "../../disk/repair-line.ts";
import { loadReceiverConfig } from "../../load.ts";
import type { ReceiverConfig } from "../../settings.ts";
import { hashFile } from "../files/disk.ts";
import { needFile } from "../files/store-files.ts";
import { type Digests, repairIndexFile } from "../index/index-repair.ts";
import { openStore } from "../open-store.ts";
import { verify } from "./verify.ts";
import { isSound, reportJson, type VerifyReport } from "./verify-report.ts";
import { summary } from "./verify-summary.ts";

/** A running receiver links a file and writes its row within this, milliseconds. */
const SETTLE_MS = 3000;

/** Runs the command: exit 0 when all is sound, 1 when it is not. */
export async function verifyCommand(call: Call): Promise<number> {
  const { line, log } = call;
  const config = await loadReceiverConfig(call);
  needStore(config.dataRoot);
  needFile(dataPaths(config.dataRoot).index);
  const asJson = line.options.json === true;
  const deep = line.options.deep === true;
  const repairing = line.options.repair === true;
  // One after the other: a slow reader must not mix them up.
  let said: Promise<unknown> = Promise.resolve();
  const look = (quiet: boolean): Promise<VerifyReport> =>
    verify({
      dataRoot: config.dataRoot,
      deep,
      // During a repair nobody else is at work.
      settleMs: repairing ? 0 : SETTLE_MS,
      onProblem: (kind, path, detail) => {
        if (asJson || quiet) return;
        said = said.then(() => print(`${printable(`${kind}: ${path} ${detail}`)}\n`));
      },
    });
  if (repairing) await repair(config, { deep, look: () => look(true), log });
  const report = await look(false);
  await said;
  await print(asJson ? `${reportJson(report)}\n` : `${summary(report)}\n`);
  return isSound(report) ? EXIT.ok : EXIT.no;
}

/** @throws UserError while somebody else has the store, with the line that stops the receiver for a repair, and starts it again */
function takeStore({ dataRoot, runDir }: ReceiverConfig, options: string): void {
  const instance = { tool: "receiver", dataRoot, runDir };
  makeRunDir(instance);
  if (!openLock(instance).take()) {
    const pid = lockHolder(instance);
    const held = heldBy(instance, pid);
    const fix = stopAndRepair(options, pid !== null && unitOf(pid) === null);
    throw new UserError(`${held.message}, and a repair needs the store for itself`, fix, held.exitCode);
  }
  writePid(instance, 0);
}

/**
 * Takes lines that are no rows, and second rows, out of the index; opens the store as a start does, which appends missing rows; puts
 * rows right that claim another size or tar; then moves aside what does not belong, and what has other bytes than its row says. What
 * fits the digest of its row, or could not be read, stays where it is.
 */
async function repair(
  config: ReceiverConfig,
  { deep, look, log }: { deep: boolean; look: () => Promise<VerifyReport>; log: Log },
): Promise<void> {
  takeStore(config, deep ? "--deep --repair" : "--repair");
  const before = await look();
  const paths = dataPaths(config.dataRoot);
  const aside = join(paths.aside, new Date().toISOString().replace(/[:.]/g, "-"));
  const digests = await digestsOfDoubled(config.dataRoot, before);
  if (before.torn > 0 || digests.size > 0) await repairIndex(paths.index, aside, digests, log);
  const opened = await openStore({
    dataRoot: config.dataRoot,
    log,
    begin: () => ({ moved: () => undefined, done: () => undefined }),
  });
  await opened.compare();
  for (const { path, row } of [...before.wrong_bytes, ...before.wrong_tree]) {
    // Killed here, or in the middle of it, the row before still holds, and the next repair finds the same.
    await opened.index.append(row);
    const [claimed, is] =
      row.corrects === "bytes"
        ? ["another size", { bytes: row.bytes }]
        : ["another tar", { tree_sha256: row.tree_sha256 ?? "none" }];
    log.warn(`the row of ${quoted(path)} claimed ${claimed}: put right`, is);
  }
  await opened.close();
  const archives = new Set(before.extra.filter((path) => /^episodes\/[^/]+\/[^/]+\.tar\.zst$/.test(path)));
  for (const path of [...before.extra.filter((p) => !archives.has(p)), ...before.mismatch.map((m) => m.path)]) {
    await moveAside(config.dataRoot, path, aside);
    log.warn(`moved ${quoted(path)} to ${quoted(join(aside, path))}`);
  }
}

/** Of those whose rows all say other bytes none is left out: which one is wrong nobody knows. */
async function digestsOfDoubled(
  dataRoot: string,
  { duplicate, missing, mismatch, unreadable }: VerifyReport,
): Promise<Digests> {
  const odd = new Set([...missing, ...[...mismatch, ...unreadable].map(({ path }) => path)]);
  const digests = new Map<string, string>();
  for (const path of duplicate)
    if (!odd.has(path)) digests.set(path, (await hashFile(join(dataRoot, path), () => undefined)).sha256);
  return digests;
}

async function repairIndex(index: string, aside: string, digests: Digests, log: Log): Promise<void> {
  const { badLines, secondRows } = await repairIndexFile(index, aside, digests).catch((error: unknown) => {
    if (errorCode(error) === null) throw error;
    throw new UserError(
      `cannot write ${index} anew: ${quoted(errorText(error))}; no row is lost`,
      whyDiskRefuses(dirname(index), errorCode(error) ?? "").fix,
      EXIT.undelivered,
    );
  });
  const before = `the file as it was: ${join(aside, "index.jsonl")}`;
  if (badLines > 0)
    log.warn(`left ${counted(badLines, "line that is no row", "lines that are no rows")} out of ${index}; ${before}`);
  if (secondRows > 0)
    log.warn(`left ${counted(secondRows, "row")} out of ${index}, of episodes that have one that fits; ${before}`);
}

async function moveAside(dataRoot: string, path: string, aside: string): Promise<void> {
  const to = join(aside, path);
  await makeDir(dirname(to));
  renameSync(join(dataRoot, path), to);
  await fsyncDir(dirname(to));
  await fsyncDir(dirname(join(dataRoot, path)));
}
