// SIGHUP: reads the configuration anew, one time after another: the last one that was asked for is the one that holds.

import { errorText, UserError } from "../core/failure.ts";
import { byCommands } from "../core/finding.ts";
import { unitCommand } from "../core/linux/unit-fix.ts";
import { quoted } from "../core/text/fields.ts";
import type { Notifier } from "../os/notify.ts";
import type { Log } from "./log/log.ts";
import type { ReceivedSignal } from "./signals.ts";

/** Resolves with what has to wait for a restart. @throws UserError when the new configuration is bad */
export type Reload = () => Promise<readonly string[]>;

export class Reloader {
  private busy = false;
  /** Asked for meanwhile, or before there was anything to reload. */
  private next: ReceivedSignal | null = null;
  private reload: Reload | null = null;
  private over = false;

  constructor(
    private readonly tool: string,
    private readonly notifier: Notifier,
    private readonly log: Log,
  ) {}

  /** From now on it can be done; what was asked for during the start is done now. */
  ready(reload: Reload): void {
    this.reload = reload;
    if (this.next !== null) void this.run();
  }

  request(signal: ReceivedSignal): void {
    if (this.over) {
      this.log.info(`${signal.name} during the stop: nothing is read any more`, signal.sender);
      return;
    }
    this.next = signal;
    if (!this.busy && this.reload !== null) void this.run();
  }

  /** The stop has begun. */
  close(): void {
    this.over = true;
  }

  private async run(): Promise<void> {
    this.busy = true;
    this.notifier.reloading();
    for (let signal = this.next; signal !== null && !this.over; signal = this.next) {
      this.next = null;
      this.log.info("reading the configuration anew", { signal: signal.name, ...signal.sender });
      await this.once();
    }
    // After STOPPING=1 systemd shall not be told that all is well.
    if (!this.over) this.notifier.ready();
    this.busy = false;
  }

  private async once(): Promise<void> {
    try {
      const waiting = (await this.reload?.()) ?? [];
      if (this.over) return;
      if (waiting.length === 0) this.log.info("the new configuration holds");
      else {
        const what = "the new configuration holds, but for what needs a restart";
        const fix = byCommands(unitCommand(this.tool, "restart"));
        this.log.warn({ what, fix }, { restart_for: waiting.join(",") });
      }
    } catch (error) {
      // A UserError quotes what it names; anything else may hold any text.
      const { message, fix } = error instanceof UserError ? error : { message: quoted(errorText(error)), fix: null };
      // All that is wrong with it, in the one line that a log has for it.
      const why = message.replaceAll("\n", "; ");
      this.log.error({ what: `the new configuration is bad, the old one stays: ${why}`, fix });
    }
  }
}
