// `installer uninstall`: takes away what the manifest lists, and nothing else. What somebody has edited stays, and is said; so do data,
// and without --purge the configuration.

import { closeSync } from "node:fs";
import { readdir, readlink, rm, rmdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { CommandLine } from "../../cli/options.ts";
import { formatManifest, type InstallManifest, type OwnedFile } from "../../contract/install-manifest.ts";
import { EXIT } from "../../core/exit.ts";
import { errorCode } from "../../core/failure.ts";
import { print } from "../../os/answer.ts";
import { failpoint } from "../../os/failpoint.ts";
import { exists, fsyncDir, namesIn } from "../../os/files/files.ts";
import { replaceDurable } from "../../os/files/sync-files.ts";
import { run } from "../../os/process/exec.ts";
import { currentRelease } from "../../release/switch.ts";
import { canAsk, isAgreed } from "../agreed.ts";
import { dropPending } from "../answers/enrolment.ts";
import { command } from "../apply/apply.ts";
import { lookAt, MANIFEST, readAccounts, readManifest } from "../facts.ts";
import { lock } from "../lock.ts";
import { whyOwned } from "../owned.ts";
import { giveBackArgvs, OPT_DIR } from "../wanted.ts";

export async function uninstallCommand({ options }: CommandLine): Promise<number> {
  const manifest = await readManifest();
  if (manifest === null) {
    // A token that was told to a collector before an installation failed.
    if (options["dry-run"] !== true && process.geteuid?.() === 0) await dropPending();
    await print(`nothing that the installer has put here: there is no ${MANIFEST}\n`);
    return EXIT.ok;
  }
  const isPurged = options.purge === true;
  await print(`${goes(manifest, isPurged).join("\n")}\n`);
  if (options["dry-run"] === true) return EXIT.ok;
  if (options.yes !== true) canAsk("--yes does it without a question");
  await lock();
  if (options.yes !== true && !(await isAgreed())) {
    await print("nothing was changed\n");
    return EXIT.undelivered;
  }
  const kept = new Removing(manifest, isPurged);
  await kept.all();
  for (const line of kept.said) await print(`${line}\n`);
  return EXIT.ok;
}

/** What is about to happen, a line each. */
function goes({ units, files, links, releases, users, took_over }: InstallManifest, isPurged: boolean): string[] {
  const own = files.filter(({ kind }) => isPurged || kind === "unit").map(({ path }) => path);
  return [
    ...units.map((unit) => `stop     ${unit}`),
    ...[...own, ...links.map(({ path }) => path), ...releases].map((path) => `remove   ${path}`),
    ...(isPurged ? users.map((name) => `remove   the user ${name}`) : []),
    ...(took_over?.units ?? []).map((unit) => `start    ${unit}, whose place labfleet had taken`),
  ];
}

/** What `receiver release add` has taken in. */
const SHELF = join(OPT_DIR, "served");

class Removing {
  /** What stays, and why. */
  readonly said: string[] = [];

  constructor(
    private readonly manifest: InstallManifest,
    private readonly isPurged: boolean,
  ) {}

  /**
   * In the other order than it was made. After a kill, or a power cut, the next one goes on: the manifest is the last to go, when all else
   * is gone from the disk.
   */
  async all(): Promise<void> {
    const { units, files, links, directories } = this.manifest;
    for (const unit of units) await this.stop(unit);
    for (const file of files.filter(({ kind }) => kind === "unit")) await this.file(file);
    await command(["systemctl", "daemon-reload"]);
    await this.giveBack();
    for (const { path, target } of links) await this.link(path, target);
    await this.releases();
    for (const file of files.filter(({ kind }) => kind !== "unit"))
      if (this.isPurged) await this.file(file);
      else this.said.push(`${file.path} stays (uninstall --purge takes it, too)`);
    await this.directories();
    for (const path of ["/var/lib/labfleet", SHELF])
      if ((await exists(path)) && !directories.includes(path))
        this.said.push(`${path} stays, with all that lies there`);
    if (this.isPurged) await this.accounts();
    await dropPending();
    failpoint("installer.removed");
    await this.empty(join(OPT_DIR, "releases"));
    await this.keepRest();
  }

  private async stop(unit: string): Promise<void> {
    const shown = await run(["systemctl", "show", unit, "-p", "LoadState", "--value"], { timeoutMs: 10_000 });
    if (shown.kind === "exited" && shown.stdout.trim() === "not-found") return;
    await command(["systemctl", "disable", "--now", unit]);
    // Of a timer, what it started last.
    if (unit.endsWith(".timer")) await command(["systemctl", "stop", unit.replace(".timer", ".service")]);
    failpoint("installer.stopped");
  }

  /** What the Python fleet had runs again, as it did. */
  private async giveBack(): Promise<void> {
    const { units = [], data = null } = this.manifest.took_over ?? {};
    if (data !== null) for (const argv of giveBackArgvs(data)) await command(argv);
    // What keeps it from running would still be true.
    await rm(join(OPT_DIR, "current"), { force: true });
    for (const unit of units) {
      const shown = await run(["systemctl", "show", unit, "-p", "LoadState", "--value"], { timeoutMs: 10_000 });
      if (shown.kind === "exited" && shown.stdout.trim() === "not-found") continue;
      await command(["systemctl", "enable", "--now", unit]);
      this.said.push(`${unit} runs again`);
    }
  }

  private async file({ path, kind, sha256 }: OwnedFile): Promise<void> {
    // What a kill has left of one that was being written, a key perhaps.
    await rm(join(dirname(path), `.${basename(path)}.tmp`), { force: true });
    const found = await lookAt(path, await readAccounts());
    if (found.kind === "nothing") return;
    // Configuration is there to be edited, and who says --purge means it.
    const isOurs = found.kind === "file" && (kind !== "unit" || sha256.includes(found.sha256));
    if (!isOurs) {
      this.said.push(`${path} stays: it was edited since it was written`);
      return;
    }
    await rm(path);
    await fsyncDir(dirname(path));
    failpoint("installer.file-removed");
  }

  private async link(path: string, target: string): Promise<void> {
    try {
      if ((await readlink(path)) === target) {
        await rm(path);
        await fsyncDir(dirname(path));
      } else this.said.push(`${path} stays: it leads elsewhere now`);
    } catch (error) {
      if (errorCode(error) === "EINVAL") this.said.push(`${path} stays: it is no link any more`);
      else if (errorCode(error) !== "ENOENT") throw error;
    }
  }

  private async releases(): Promise<void> {
    const { releases } = this.manifest;
    const current = await currentRelease(OPT_DIR);
    if (current !== null && releases.includes(current)) await rm(join(OPT_DIR, "current"));
    for (const dir of releases) {
      await rm(dir, { recursive: true, force: true });
      if (await exists(dirname(dir))) await fsyncDir(dirname(dir));
    }
    // What a kill, or a power cut, has left of one that was put together.
    const all = join(OPT_DIR, "releases");
    for (const name of await namesIn(all))
      if (/^\..*\.new$/.test(name)) await rm(join(all, name), { recursive: true, force: true });
    for (const name of await namesIn(OPT_DIR))
      if (name.startsWith(".install.")) await rm(join(OPT_DIR, name), { recursive: true, force: true });
    await fsyncDir(OPT_DIR);
  }

  /** Those that are empty by now: what lies in the others is somebody's. */
  private async directories(): Promise<void> {
    for (const path of this.manifest.directories.toReversed()) {
      const isLeft = await this.empty(path);
      if (isLeft !== null) this.said.push(`${path} stays: ${isLeft}`);
    }
  }

  /** @returns why it stays; null: it is gone */
  private async empty(path: string): Promise<string | null> {
    try {
      await rmdir(path);
      await fsyncDir(dirname(path));
      return null;
    } catch (error) {
      if (errorCode(error) === "ENOENT") return null;
      if (!["ENOTEMPTY", "EEXIST", "EBUSY", "ENOTDIR"].includes(errorCode(error) ?? "")) throw error;
      return `it holds ${(await readdir(path).catch(() => [])).slice(0, 5).join(", ") || "something"}`;
    }
  }

  /** Whoever may still own something is kept: the next one with that number would own it. */
  private async accounts(): Promise<void> {
    const { users, groups } = this.manifest;
    const all = [...users, ...groups];
    const why = await whyOwned(users, all);
    if (why !== null) {
      this.said.push(`${all.join(" and ")} stay: ${why}`);
      return;
    }
    for (const name of users)
      await command(["userdel", name]).catch((error: Error) =>
        this.said.push(`the user ${name} stays: ${error.message}`),
      );
    for (const name of groups)
      await command(["groupdel", name]).catch((error: Error) =>
        this.said.push(`the group ${name} stays: ${error.message}`),
      );
  }

  /** Of what stays it has to be known that it is the installer's, for a day on which it is to go, too. */
  private async keepRest(): Promise<void> {
    const { files, directories, users, groups } = this.manifest;
    const accounts = await readAccounts();
    const isThere = async (path: string): Promise<boolean> => (await lookAt(path, accounts)).kind !== "nothing";
    const rest = {
      ...{ ...this.manifest, units: [], links: [], releases: [], took_over: undefined },
      files: await filterAsync(files, ({ path }) => isThere(path)),
      directories: await filterAsync(directories, isThere),
      users: users.filter((name) => accounts.users.has(name)),
      groups: groups.filter((name) => accounts.groups.has(name)),
    };
    const isAny = [rest.files, rest.directories, rest.users, rest.groups].some((all) => all.length > 0);
    if (isAny) closeSync(replaceDurable(MANIFEST, formatManifest(rest), { mode: 0o644 }));
    else {
      await rm(MANIFEST, { force: true });
      await this.empty(OPT_DIR);
    }
  }
}

async function filterAsync<T>(all: readonly T[], keeps: (one: T) => Promise<boolean>): Promise<T[]> {
  const kept = await Promise.all(all.map(keeps));
  return all.filter((_, i) => kept[i]);
}
