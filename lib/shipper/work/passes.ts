// The passes of a daemon: every few seconds a look at the ground, a scan and whatever can begin, with the housekeeping beside it.

import type { Settings } from "../../runtime/config/settings.ts";
import type { Progress } from "../../runtime/progress.ts";
import type { GroundWatch } from "../disk/ground-watch.ts";
import { keepReserve } from "../disk/reserve.ts";
import type { ShipperConfig } from "../settings.ts";
import { readPin } from "../trust/pin.ts";
import type { Engine } from "./engine.ts";
import type { Housekeeping } from "./housekeeping.ts";
import type { News } from "./news.ts";

/** A scan that takes longer hangs, seconds. */
const SCAN_STUCK_S = 120;

export interface PassDeps {
  settings: Settings<Pick<ShipperConfig, "dataRoot" | "diskReserveBytes" | "scanIntervalS">>;
  engine: Engine;
  housekeeping: Pick<Housekeeping, "begin" | "tidy">;
  ground: Pick<GroundWatch, "isOurs">;
  news: Pick<News, "note">;
  progress: Pick<Progress, "begin">;
  fail: (error: unknown) => void;
}

export class Passes {
  private seenId: string | null = null;
  private isPassing = false;
  /** What older releases settled was judged anew. */
  private isTidy = false;
  private first: ReturnType<typeof setTimeout> | undefined;
  private ticking: ReturnType<typeof setInterval> | undefined;
  private readonly keepReserve: () => void;

  constructor(private readonly deps: PassDeps) {
    const { engine, settings, fail } = deps;
    const { freeSpace, now } = engine.deps;
    const reserveBytes = (): number => settings.current().diskReserveBytes;
    this.keepReserve = keepReserve({ freeSpace, reserveBytes, room: engine.room, now, fail });
  }

  /** Whom this host trusted at the last pass. */
  get receiverId(): string | null {
    return this.seenId;
  }

  /** One pass. */
  async pass(): Promise<void> {
    const { engine, ground, progress } = this.deps;
    const work = progress.begin("scan of the episodes", SCAN_STUCK_S);
    await this.lookAtPin();
    if (await ground.isOurs()) {
      await engine.scan();
      engine.pump();
      if (this.isTidy) this.keepReserve();
    }
    work.done();
  }

  /** Passes from now on. */
  begin(): void {
    this.startTicking();
    // Once READY is said: what lies settled may be a hundred thousand notes.
    this.first = setTimeout(() => void this.beginTidying().catch(this.deps.fail), 0);
  }

  /** One at once, and then at the interval that holds now. */
  again(): void {
    clearInterval(this.ticking);
    this.startTicking();
    this.tick();
  }

  end(): void {
    clearTimeout(this.first);
    clearInterval(this.ticking);
  }

  private startTicking(): void {
    this.ticking = setInterval(() => this.tick(), this.deps.settings.current().scanIntervalS * 1000);
  }

  private tick(): void {
    const { engine, housekeeping, news, fail } = this.deps;
    news.note();
    void housekeeping.tidy(engine.quarantined).catch(fail);
    if (this.isPassing) return;
    this.isPassing = true;
    this.pass()
      .catch(fail)
      .finally(() => {
        this.isPassing = false;
      });
  }

  private async beginTidying(): Promise<void> {
    await this.deps.housekeeping.begin();
    this.isTidy = true;
    this.tick();
  }

  private async lookAtPin(): Promise<void> {
    const { engine, settings } = this.deps;
    const pinned = (await readPin(settings.current().dataRoot).catch(() => null))?.receiver_id ?? null;
    // A person has just said whom to trust.
    if (pinned !== this.seenId) engine.sending.pausing.tryNow();
    this.seenId = pinned;
  }
}
