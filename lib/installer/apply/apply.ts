// Does what a plan says, step by step, and takes back what it has done when one fails. What it is about to write stands in the manifest
// first: whatever a kill leaves behind is known as ours, and the next run goes on from there.

import { createHash } from "node:crypto";
import { closeSync } from "node:fs";
import { mkdir, rm, rmdir } from "node:fs/promises";
import { dirname } from "node:path";
import { emptyManifest, formatManifest, type InstallManifest } from "../../contract/install-manifest.ts";
import { EXIT } from "../../core/exit.ts";
import { errorCode, errorText, UserError } from "../../core/failure.ts";
import { failpoint } from "../../os/failpoint.ts";
import { exists, fsyncDir, symlinkDurable } from "../../os/files/files.ts";
import { replaceDurable } from "../../os/files/sync-files.ts";
import { run } from "../../os/process/exec.ts";
import type { Staged } from "../../release/stage.ts";
import { switchTo } from "../../release/switch.ts";
import { dropPending, keepPending } from "../answers/enrolment.ts";
import { askToEnrol } from "../enrol.ts";
import { MANIFEST } from "../facts.ts";
import { whyOwned } from "../owned.ts";
import type { Step } from "../plan.ts";
import { giveBackArgvs, OPT_DIR, ownArgvs, USER, type Wanted, type WantedFile } from "../wanted.ts";
import { makeDirectory, removeEmpty, setRights } from "./directory.ts";
import { idsOf, putFile } from "./put-file.ts";

/** A command that changes something waits for what it starts, and for what has to stop before. */
const COMMAND_MS = 5 * 60_000;

type Undo = () => Promise<unknown>;

export class Applying {
  /** What could not be taken back, each in the system's words. */
  readonly kept: string[] = [];
  /** Whether the collector has taken this host's token: that is not taken back. */
  isEnrolled = false;
  private readonly undos: Undo[] = [];
  /** What is run once all is as it was: systemd reads the units anew, and what ran before runs with what was there before. */
  private readonly agains: string[][] = [];

  /** @param before what was ours until now; null: nothing was @param staged the release that is to run */
  constructor(
    private readonly wanted: Wanted,
    private readonly steps: readonly Step[],
    private readonly before: InstallManifest | null,
    private readonly staged: Staged,
  ) {}

  /** Writes down all that is to be made as ours, beside what was. Rejects as the system does. */
  async claim(): Promise<void> {
    await mkdir(OPT_DIR, { recursive: true, mode: 0o755 });
    write(this.claimed(true));
    this.undos.push(() => this.forget());
    failpoint("installer.claimed");
  }

  /** Now it is so, and nothing else. */
  async settle(): Promise<void> {
    write(this.claimed(false));
    await dropPending();
  }

  /** @throws UserError: it could not be done, and what was done before is taken back, but for what `kept` says */
  step(step: Step): Promise<void> {
    return this.orBack(async () => {
      await this.does(step);
      failpoint(`installer.${step.kind}`);
    });
  }

  /** Rejects as the work does; then what was done before, and claimed, is taken back. */
  async orBack(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      await this.undo();
      throw error;
    }
  }

  /** Takes back what was done, the last first. What cannot be taken back stays, and the next run mends it. */
  async undo(): Promise<void> {
    const keep = (error: unknown): unknown => this.kept.push(errorText(error));
    for (const undo of this.undos.splice(0).reverse()) await undo().catch(keep);
    for (const again of this.agains.splice(0)) await command(again).catch(keep);
  }

  private async does(step: Step): Promise<void> {
    if (step.kind === "group") {
      await command(["groupadd", "--system", step.name]);
      this.undos.push(() => this.account("group", step.name));
    } else if (step.kind === "user") {
      const home = ["--no-create-home", "--home-dir", "/", "--shell", "/usr/sbin/nologin"];
      await command(["useradd", "--system", "--user-group", ...home, step.name]);
      this.undos.push(() => this.account("user", step.name));
    } else if (step.kind === "member") {
      await command(["gpasswd", "--add", step.user, step.group]);
      this.undos.push(() => command(["gpasswd", "--delete", step.user, step.group]));
    } else if (step.kind === "directory") await this.directory(step);
    else if (step.kind === "file") await this.file(step.file, step.before);
    else if (step.kind === "link") await this.link(step.link.path, step.link.target, step.before);
    else if (step.kind === "enrol") await this.enrol(step.introduced);
    else if (step.kind === "test") await this.test(step);
    else if (step.kind === "own") await this.own(step.data);
    else if (step.kind === "stop" || step.kind === "disable") await this.makeRoom(step);
    else if (step.kind === "switch") {
      await switchTo(OPT_DIR, step.to);
      const { from } = step;
      this.undos.push(() => (from === null ? rm(`${OPT_DIR}/current`) : switchTo(OPT_DIR, from)));
    } else await this.unit(step);
  }

  /** What the collector is told stays so when the rest is taken back: the same line goes on with the same token. */
  private async enrol(introduced: NonNullable<Wanted["enrols"]>): Promise<void> {
    keepPending(introduced.enrolment);
    failpoint("installer.enrolling");
    const why = await askToEnrol(introduced, introduced.enrolment, false);
    if (why?.isHeard === true) await dropPending();
    if (why !== null) throw new UserError(why.what, why.fix, EXIT.undelivered);
    this.isEnrolled = true;
  }

  /** As the user that it runs as: what root can read that one may not. */
  private async test({ tool, executable, config }: Extract<Step, { kind: "test" }>): Promise<void> {
    const argv = ["runuser", "-u", USER, "--", executable, "config", "test", "--config", config];
    const done = await run(argv, { timeoutMs: COMMAND_MS });
    if (done.kind === "exited" && done.code === 0) return;
    const why = done.kind === "failed" ? done.why : done.stderr.trim();
    throw new UserError(`${tool} would not start: ${why.split("\n")[0]}`, null, EXIT.undelivered);
  }

  private async unit(step: Extract<Step, { kind: "reload" | "enable" | "start" }>): Promise<void> {
    if (step.kind === "reload") {
      this.agains.push(["systemctl", "daemon-reload"]);
      await command(["systemctl", "daemon-reload"]);
    } else if (step.kind === "enable") {
      await command(["systemctl", "enable", step.unit]);
      this.undos.push(() => command(["systemctl", "disable", step.unit]));
    } else {
      if (step.isRunning) this.agains.push(["systemctl", "restart", step.unit]);
      else this.undos.push(() => command(["systemctl", "stop", step.unit]).catch(unlessNotLoaded));
      await command(["systemctl", step.isRunning ? "restart" : "start", step.unit]);
    }
  }

  private async own(data: Extract<Step, { kind: "own" }>["data"]): Promise<void> {
    this.undos.push(async () => {
      for (const argv of giveBackArgvs(data)) await command(argv);
    });
    for (const argv of ownArgvs(data)) await command(argv);
  }

  /** A unit of the Python fleet. What runs again does so once nothing holds it back any more. */
  private async makeRoom({ kind, unit }: Extract<Step, { kind: "stop" | "disable" }>): Promise<void> {
    if (kind === "disable") {
      await command(["systemctl", "disable", unit]);
      this.undos.push(() => command(["systemctl", "enable", unit]));
      return;
    }
    this.agains.push(["systemctl", "daemon-reload"], ["systemctl", "start", unit]);
    // Of a timer, what it has started, too.
    const all = unit.endsWith(".timer") ? [unit, unit.replace(".timer", ".service")] : [unit];
    await command(["systemctl", "stop", ...all]);
  }

  private async directory({ directory, before }: Extract<Step, { kind: "directory" }>): Promise<void> {
    const { path, mode } = directory;
    if (before === null) {
      makeDirectory(path);
      this.undos.push(async () => removeEmpty(path));
    } else {
      const was = { ...(await idsOf(before)), mode: before.mode };
      this.undos.push(async () => setRights(path, was));
    }
    setRights(path, { ...(await idsOf(directory)), mode });
  }

  private async file(file: WantedFile, before: string | null): Promise<void> {
    await putFile(file, file.text);
    this.undos.push(() => (before === null ? rm(file.path) : putFile(file, before)));
  }

  private async link(path: string, target: string, before: string | null): Promise<void> {
    await symlinkDurable(target, path);
    this.undos.push(() => (before === null ? rm(path) : symlinkDurable(before, path)));
  }

  /** Whose something stays is kept, too: the next one with that number would own it. */
  private async account(kind: "user" | "group", name: string): Promise<void> {
    const why =
      this.kept.length > 0 ? "something may be theirs" : await whyOwned(kind === "user" ? [name] : [], [name]);
    if (why !== null) throw new Error(`the ${kind} ${name} stays: ${why}`);
    await command([`${kind}del`, name]);
  }

  /** The last to be taken back: what stays, because it could not be, has to be known as ours. */
  private async forget(): Promise<void> {
    if (this.kept.length > 0) return;
    const { dir, isNew } = this.staged;
    const all = dirname(dir);
    if (isNew) await rm(dir, { recursive: true, force: true });
    // Before the manifest that names it: after a power cut nobody would know whose it is.
    if (isNew && (await exists(all))) await fsyncDir(all);
    if (this.before !== null) return write(this.before);
    await rm(MANIFEST);
    for (const path of [all, OPT_DIR]) await rmdir(path).catch(unlessNotEmpty);
  }

  /** @param isBoth with the texts that were there before, too */
  private claimed(isBoth: boolean): InstallManifest {
    const { role, files, links, units, taken } = this.wanted;
    const before = this.before ?? emptyManifest(role);
    const paths = new Set(files.map(({ path }) => path));
    const made = <T>(pick: (step: Step) => T | null): T[] => this.steps.flatMap((step) => pick(step) ?? []);
    const both = (old: readonly string[], more: readonly string[]): string[] => [...new Set([...old, ...more])];
    return {
      ...{ ...before, role, links: [...links] },
      releases: both(before.releases, [this.staged.dir]),
      files: [
        ...before.files.filter(({ path }) => !paths.has(path)),
        ...files.map(({ path, kind, text }) => {
          const old = isBoth ? (before.files.find((one) => one.path === path)?.sha256 ?? []) : [];
          return { path, kind, sha256: both(old, [createHash("sha256").update(text).digest("hex")]) };
        }),
      ],
      // What was there before is somebody's: it stays when the rest goes.
      directories: both(
        before.directories,
        made((step) => (step.kind === "directory" && step.before === null ? step.directory.path : null)),
      ),
      users: both(
        before.users,
        made((step) => (step.kind === "user" ? step.name : null)),
      ),
      groups: both(
        before.groups,
        made((step) => (step.kind === "group" ? step.name : null)),
      ),
      // Whoever enabled them: it is the installer that looks after them from now on.
      units: both(before.units, units),
      ...(taken !== null && { took_over: { units: [...taken.units], data: taken.data } }),
    };
  }
}

function write(manifest: InstallManifest): void {
  closeSync(replaceDurable(MANIFEST, formatManifest(manifest), { mode: 0o644 }));
}

/** What systemd does not know does not run. */
function unlessNotLoaded(error: unknown): void {
  if (!/not loaded/.test(errorText(error))) throw error;
}

function unlessNotEmpty(error: unknown): void {
  if (!["ENOTEMPTY", "EEXIST", "ENOENT"].includes(errorCode(error) ?? "")) throw error;
}

/** @throws UserError: it ended with another status than 0 */
export async function command(argv: readonly string[]): Promise<void> {
  const done = await run(argv, { timeoutMs: COMMAND_MS });
  if (done.kind === "exited" && done.code === 0) return;
  const why = done.kind === "failed" ? done.why : `${done.stderr.trim() || `it ended with ${done.code}`}`;
  throw new UserError(`${argv.join(" ")}: ${why.split("\n")[0]}`, null, EXIT.undelivered);
}
