// The sink of a daemon that left its terminal: datagrams to /dev/log, and to UDP while /dev/log takes none. An outage is
// said once, its end is said once, and what was lost is counted. Never waits, never throws.

import { constants } from "node:os";
import { getSystemErrorName } from "node:util";
import { counted } from "../../core/text/quantity.ts";
import { writeNow } from "../../os/file-calls.ts";
import { sendUnixDatagram } from "../../os/socket-calls.ts";
import { UdpSender } from "../../os/udp.ts";
import type { LogLevel } from "./sinks.ts";

/** /dev/log is there but its reader is behind: lines are dropped and counted, and go nowhere else. */
const FULL: ReadonlySet<number> = new Set([constants.errno.EAGAIN, constants.errno.ENOBUFS, constants.errno.ENOMEM]);

/** How often a quiet daemon tries to say what was lost, milliseconds. */
const LOOK_EVERY_MS = 1000;

export interface SyslogPlaces {
  /** The unix datagram socket of the syslog daemon. */
  socket: string;
  /** Where lines go while there is none. The literal address: a name could be one that its daemon does not listen on. */
  host: string;
  port: number;
  /** Where an outage is said besides, once; standard error, which leads nowhere any more after detaching. */
  fd: number;
}

export const SYSLOG: SyslogPlaces = { socket: "/dev/log", host: "127.0.0.1", port: 514, fd: 2 };

export interface Syslog {
  /** Sends a whole line, without a line break. */
  write(line: string): void;
}

export interface SyslogOptions {
  tool: string;
  /** Makes a whole line of the sink's own words, such as that /dev/log is gone. */
  format: (level: LogLevel, message: string) => string;
  places: SyslogPlaces;
}

/** Opens nothing yet: /dev/log is tried anew for each line. */
export function openSyslog(options: SyslogOptions): Syslog {
  return new SyslogSink(options);
}

class SyslogSink implements Syslog {
  private readonly udp: UdpSender;
  private readonly udpName: string;
  /** Lines that found /dev/log full and are not told of yet. */
  private lost = 0;
  private outage: { sent: number; lostBefore: number } | null = null;
  private looking: ReturnType<typeof setInterval> | null = null;

  private readonly places: SyslogPlaces;
  private readonly format: SyslogOptions["format"];

  constructor(private readonly options: SyslogOptions) {
    const { places, format } = options;
    this.places = places;
    this.format = format;
    this.udp = new UdpSender(places.host, places.port);
    this.udpName = `UDP ${places.host}:${places.port}`;
  }

  write(line: string): void {
    const code = this.sayWhatIsDue() || this.send(line);
    if (code === 0) return;
    if (FULL.has(code)) {
      this.lost++;
      this.lookLater();
      return;
    }
    this.outage ??= this.beginOutage(code);
    this.outage.sent++;
    this.udp.send(line);
  }

  private send(line: string): number {
    return sendUnixDatagram(this.places.socket, line);
  }

  /** What came to pass since the last line goes before the next. @returns 0 when nothing is due, else the errno */
  private sayWhatIsDue(): number {
    if (this.outage !== null) {
      const code = this.send(this.format("warn", this.endText(this.outage)));
      if (code !== 0) return code;
      this.outage = null;
      this.udp.close();
    }
    if (this.lost === 0) return 0;
    const code = this.send(this.format("warn", this.lossText()));
    if (code === 0) this.lost = 0;
    return code;
  }

  private beginOutage(code: number): { sent: number; lostBefore: number } {
    const { socket, fd } = this.places;
    const text = `${socket} takes no log lines (${nameOf(code)}): they go to ${this.udpName} until it does`;
    const line = this.format("warn", text);
    writeNow(fd, Buffer.from(`${this.options.tool}: ${text}\n`));
    this.udp.send(line);
    return { sent: 0, lostBefore: this.udp.lost };
  }

  private endText({ sent, lostBefore }: { sent: number; lostBefore: number }): string {
    const refused = Math.min(sent, this.udp.lost - lostBefore);
    const tail = refused === 0 ? "" : `, which refused ${refused} of them`;
    return `${this.places.socket} takes log lines again; ${sent} went to ${this.udpName} meanwhile${tail}`;
  }

  private lossText(): string {
    return `${counted(this.lost, "log line was", "log lines were")} lost: ${this.places.socket} was full`;
  }

  private lookLater(): void {
    this.looking ??= setInterval(() => {
      this.sayWhatIsDue();
      if (this.lost > 0 || this.looking === null) return;
      clearInterval(this.looking);
      this.looking = null;
    }, LOOK_EVERY_MS).unref();
  }
}

function nameOf(code: number): string {
  try {
    return getSystemErrorName(-code);
  } catch {
    return `errno ${code}`;
  }
}
