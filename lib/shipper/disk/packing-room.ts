// Whether anything can be packed: the disk's state and its reserve, and how many archives may lie in the outbox.

import { join } from "node:path";
import type { Dirs } from "../../contract/places.ts";
import type { SettledCounts } from "../../contract/shipper-status.ts";
import { mountPointOf } from "../../os/files/disk-refusal.ts";
import type { Settings } from "../../runtime/config/settings.ts";
import type { Log } from "../../runtime/log/log.ts";
import { directoryId, isSameDirectory } from "../episode/directory-id.ts";
import type { Hindrance } from "../episode/hindrance.ts";
import { dropRecord, type OutboxRecord } from "../pack/outbox.ts";
import type { Entry } from "../queue/entry.ts";
import { type HadTurn, toGiveWay } from "../queue/order.ts";
import type { Queue } from "../queue/queue.ts";
import type { ShipperConfig } from "../settings.ts";
import { roomFix } from "../words/remedies.ts";

/** So many episodes in a row without room, and packing stops for a while. */
const FULL_STREAK = 3;

export interface RoomDeps {
  settings: Settings<Pick<ShipperConfig, "diskReserveBytes">>;
  /** Milliseconds that never jump. */
  now: () => number;
  /** Whether so many bytes are free; where they are not, acknowledged episodes are removed first. */
  freeSpace: (bytes: number) => Promise<boolean>;
}

export class Room {
  diskLow = false;
  /** Why nothing at all can be written, and what mends it; null when all is well. */
  trouble: Hindrance | null = null;
  /** No packing before, on the engine's clock. */
  notBeforeMs = 0;

  /** The episode that may use the reserve, and what it must leave free. */
  private loan: { entry: Entry; leavesBytes: number } | null = null;
  /** Those for which a loan was not enough, with the time before which they get none. */
  private readonly noLoan = new WeakMap<Entry, number>();
  private streak = 0;
  private evicting: Promise<void> = Promise.resolve();
  /** Episodes for which there was no room, until they are packed or gone, each with the free bytes that it needs. */
  private readonly waiting = new Map<Entry, number>();
  /** Those of them that had their try since room was said to be there. */
  private readonly tried = new Set<Entry>();

  constructor(
    private readonly log: Log,
    private readonly dataRoot: string,
    /** What a person may give up. */
    private readonly settled: () => SettledCounts | null,
  ) {}

  /** There was no room for an archive. One large episode among small ones does not stop them; several in a row do. */
  full(entry: Entry, neededBytes: number, untilMs: number): void {
    this.waiting.set(entry, neededBytes);
    this.streak++;
    if (this.streak >= FULL_STREAK) this.notBeforeMs = untilMs;
  }

  /**
   * Has room made for an archive; where there is none, and nothing moves, one episode gets a loan of the reserve.
   * @param isIdle nothing is packed or sent, or about to be
   */
  async make(neededBytes: number, { freeSpace, now, settings }: RoomDeps, isIdle: () => boolean): Promise<void> {
    if (await freeSpace(neededBytes)) return this.isThere(Number.POSITIVE_INFINITY);
    this.isNone();
    // What is sent next is what may be removed next.
    const borrower = isIdle() ? this.borrower(now(), settings.current().diskReserveBytes) : null;
    if (borrower !== null && (await freeSpace(2 * borrower.bytes)) && isIdle())
      this.lend(borrower.entry, borrower.bytes);
  }

  /** No room could be made. */
  isNone(): void {
    const what = "the disk is full up to its reserve: packing waits, sending goes on";
    if (!this.diskLow) this.log.warn({ what, fix: roomFix(mountPointOf(this.dataRoot), this.settled()) });
    this.diskLow = true;
  }

  /**
   * Who gets the next loan of those that wait for room, with the bytes that it takes at most; null: nobody. First those that had none
   * in vain, then the one that has waited longest since, and of these the smallest.
   */
  borrower(nowMs: number, reserveBytes: number): { entry: Entry; bytes: number } | null {
    const able = [...this.waiting].flatMap(([entry, needed]) => {
      const [bytes, sinceMs] = [needed - reserveBytes, this.noLoan.get(entry) ?? 0];
      const mayBorrow = entry.stage === "waiting" && bytes > 0 && bytes < reserveBytes && nowMs >= sinceMs;
      return mayBorrow ? [{ entry, bytes, sinceMs }] : [];
    });
    const [first] = able.sort((a, b) => a.sinceMs - b.sinceMs || a.bytes - b.bytes);
    return first === undefined ? null : { entry: first.entry, bytes: first.bytes };
  }

  /**
   * Lets one episode use the reserve: where nothing may be removed before something has been sent, nothing would be sent.
   * @param bytes that it takes at most; it leaves as much again for those who record
   */
  lend(entry: Entry, bytes: number): void {
    this.loan = { entry, leavesBytes: bytes };
    this.tryNow(entry);
  }

  /** Whatever came of its try: who was lent something in vain gets nothing more before `untilMs`. */
  giveBack(entry: Entry, untilMs: number): void {
    if (this.loan?.entry !== entry) return;
    this.loan = null;
    this.noLoan.set(entry, untilMs);
  }

  /** What an episode's archive must leave free, of a reserve of so many bytes. */
  reserveFor(entry: Entry, reserveBytes: number): number {
    return this.loan?.entry === entry ? Math.min(this.loan.leavesBytes, reserveBytes) : reserveBytes;
  }

  /** The reserve is free: that is enough where no episode waits for more. */
  isKept(): void {
    if (!this.diskLow || this.isWaitedFor) return;
    this.log.info("the disk has room again");
    this.diskLow = false;
  }

  /** Whether any episode waits for room. */
  get isWaitedFor(): boolean {
    return this.waiting.size > 0;
  }

  /**
   * There is room where there was none: those for whom it is enough are tried at once, but none a second time, should it not suit
   * them.
   * @param bytes so many are free, by whomever
   */
  isThere(bytes: number): void {
    for (const [one, needed] of this.waiting) {
      if (needed > bytes || this.tried.has(one)) continue;
      this.tried.add(one);
      this.tryNow(one);
    }
  }

  /** An archive has gone, and with it its bytes: whoever waits for room is tried at once. */
  freed(): void {
    this.tried.clear();
    for (const entry of this.waiting.keys()) this.tryNow(entry);
  }

  private tryNow(entry: Entry): void {
    if (entry.stage === "waiting" && this.waiting.has(entry)) entry.notBeforeMs = 0;
    this.notBeforeMs = 0;
    this.streak = 0;
  }

  /** The disk takes nothing, of whichever episode: said once, and packing waits. */
  refused(trouble: Hindrance, untilMs: number): void {
    if (this.trouble?.reason !== trouble.reason)
      this.log.error({ what: `packing waits, sending goes on: ${trouble.reason}`, fix: trouble.fix });
    this.trouble = trouble;
    this.notBeforeMs = untilMs;
  }

  /** An archive could be written. */
  found(entry: Entry): void {
    this.waiting.delete(entry);
    this.tried.delete(entry);
    if (this.trouble !== null) this.log.info("the disk takes archives again");
    this.trouble = null;
    this.streak = 0;
    if (this.loan?.entry === entry) {
      this.loan = null;
      return;
    }
    if (this.diskLow) this.log.info("the disk has room again");
    this.diskLow = false;
  }

  /** An episode that waits for room no more. */
  forget(entry: Entry): void {
    this.waiting.delete(entry);
    this.tried.delete(entry);
  }

  /**
   * Whether one more archive makes sense: one more than can be sent side by side.
   * @param counts whether a packed episode counts: one that had its turn does not, and for small ones no large one does
   */
  mayPack(queue: Queue, transfers: number, nowMs: number, counts: (id: string) => boolean): boolean {
    if (nowMs < this.notBeforeMs) return false;
    return queue.readyToSend(nowMs, counts) <= transfers;
  }

  /** Keeps the outbox small while many episodes wait for another try: one of them is packed again later. One call after the other. */
  evict(...parts: Parameters<Room["evictOne"]>): Promise<void> {
    const mine = this.evicting.then(() => this.evictOne(...parts));
    this.evicting = mine.catch(() => undefined);
    return mine;
  }

  private async evictOne(
    queue: Queue,
    records: Map<string, OutboxRecord>,
    dirs: Dirs,
    nowMs: number,
    hadTurn: HadTurn,
  ): Promise<void> {
    for (;;) {
      const entry = toGiveWay(queue.inStage("packed"), nowMs, hadTurn);
      if (entry === null) return;
      // Without its directory the archive is the last copy; another one of its name does not count.
      const found = await directoryId(join(dirs.episodes, entry.id));
      entry.isLastCopy = !isSameDirectory(records.get(entry.id)?.directory_inode ?? "", found);
      // Meanwhile its time may have come.
      if (entry.isLastCopy || entry.stage !== "packed") continue;
      queue.move(entry, "waiting");
      records.delete(entry.id);
      return dropRecord(dirs.outbox, entry.id);
    }
  }
}
