// What comes into the queue: the archives that earlier runs left, and the episodes that a scan finds. Whatever cannot come is said,
// once, and shown until it can.

import { join } from "node:path";
import type { Dirs } from "../../contract/places.ts";
import { errorCode } from "../../core/failure.ts";
import { SaidOnce } from "../../core/said-once.ts";
import type { Settings } from "../../runtime/config/settings.ts";
import type { Log } from "../../runtime/log/log.ts";
import { noEpisodesDir } from "../disk/recorders.ts";
import { localFault } from "../episode/episode-facts.ts";
import { type Hindrance, heldFinding } from "../episode/hindrance.ts";
import type { ScanProblem } from "../episode/scan-problem.ts";
import { type OutboxRecord, recoverOutbox } from "../pack/outbox.ts";
import { newEntry } from "../queue/entry.ts";
import type { Queue } from "../queue/queue.ts";
import type { ShipperConfig } from "../settings.ts";
import { localFinding } from "../words/remedies.ts";
import { type Scan, scanEpisodes } from "./scan.ts";
import { Unfinished } from "./unfinished.ts";

interface IntakeDeps {
  settings: Settings<Pick<ShipperConfig, "dataRoot">>;
  dirs: Dirs;
  bootId: string;
  log: Log;
  /** Milliseconds that never jump. */
  now: () => number;
}

export class Intake {
  /** Directories in episodes/ that are being recorded. */
  recording = 0;
  /** What stands in episodes/ and cannot be shipped, and why nothing can be packed. */
  problems: ScanProblem[] = [];
  private readonly told = new SaidOnce();
  /** When each of them was first seen, by its key, on the engine's clock, milliseconds. */
  private since = new Map<string, number>();
  private readonly unfinished = new Unfinished();

  constructor(
    private readonly deps: IntakeDeps,
    private readonly queue: Queue,
    private readonly records: Map<string, OutboxRecord>,
  ) {}

  /** Takes over the whole archives that earlier runs left in the outbox. */
  async recover(): Promise<void> {
    const { dirs, bootId, log } = this.deps;
    const { records, strays, stuck } = await recoverOutbox(dirs.outbox, dirs.episodes, bootId);
    for (const { name, code } of stuck) {
      const path = join(dirs.outbox, name);
      const { what, fix } = localFinding(localFault(`cannot remove ${path}: ${code}`, code, path));
      log.warn({ what: `its episode is not packed before this is gone: ${what}`, fix });
    }
    for (const name of strays) {
      log.warn("left alone: an archive that no record proves, and its episode's directory is gone or cannot be read", {
        archive: join(dirs.outbox, name),
      });
    }
    for (const record of records) {
      this.records.set(record.id, record);
      this.queue.restore(newEntry(record.id, record.finished_ms, "packed"));
    }
  }

  /** Looks for new episodes. @param trouble why the disk takes nothing, or null */
  async scan(trouble: Hindrance | null): Promise<void> {
    const scan = await this.look();
    if (scan === null) return;
    this.queue.add(scan.finished);
    this.recording = scan.recording;
    const ofDisk =
      trouble === null
        ? []
        : [{ name: this.deps.settings.current().dataRoot, problem: trouble.reason, fix: trouble.fix }];
    this.stand([...ofDisk, ...scan.problems]);
    // A record outlives its directory: what it says is settled or sent first.
    this.queue.forgetWaiting((id) => !scan.present.has(id) && !this.records.has(id));
    for (const problem of scan.problems) this.tell(problem);
  }

  /** Nothing else can be said now. Should it go and come again, that is said again. */
  sayOnly(problem: ScanProblem): void {
    if (this.problems.length !== 1 || this.problems[0]?.problem !== problem.problem) this.told.isOver(keyOf(problem));
    this.stand([problem]);
    this.tell(problem);
  }

  /** Since when one of them stands, on the engine's clock, milliseconds. */
  sinceMs(problem: ScanProblem): number {
    return this.since.get(keyOf(problem)) ?? this.deps.now();
  }

  /** What stands in episodes/; null when it cannot be read now: then nothing is known, and nothing forgotten. */
  private async look(): Promise<Scan | null> {
    const { episodes } = this.deps.dirs;
    try {
      return await scanEpisodes(episodes, (id) => this.queue.has(id), this.unfinished);
    } catch (error) {
      if (errorCode(error) === null) throw error;
      const problem = noEpisodesDir(episodes, error);
      this.tell(problem);
      this.stand([problem]);
      return null;
    }
  }

  private stand(problems: ScanProblem[]): void {
    const now = this.deps.now();
    this.since = new Map(problems.map((one) => [keyOf(one), this.since.get(keyOf(one)) ?? now]));
    this.problems = problems;
  }

  /** Said once for each directory and problem, not on every pass. */
  private tell(one: ScanProblem): void {
    if (!this.told.isNews(keyOf(one))) return;
    const { name, problem, fix } = one;
    this.deps.log.error(heldFinding("not shipped", name, problem, fix));
  }
}

function keyOf({ name, problem }: ScanProblem): string {
  return `${name}: ${problem}`;
}
