// A real SMTP server on loopback (Debian's python3-aiosmtpd), and the mail that it was given.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { until } from "./fleet.ts";

/** Debian's: its packages are not for any other. */
const PYTHON = "/usr/bin/python3";
const PACKAGE = "/usr/lib/python3/dist-packages/aiosmtpd";

/** Why it cannot be had, as the end of a test's name; empty: it can. */
export const smtpMissing = existsSync(PACKAGE) ? "" : " (skipped: python3-aiosmtpd is not installed)";

export interface SmtpOptions {
  tls: "starttls" | "implicit" | "none";
  cert?: string;
  key?: string;
  user?: string;
  password?: string;
  /** Recipients that it does not know. */
  refuse?: string[];
  /** How it answers a mail: `taken`, `hang`, `close`, or a line. */
  data?: string;
}

export interface Mail {
  from: string;
  to: string[];
  /** Whether it came over TLS. */
  tls: boolean;
  /** Its head and its text as they came, with `\n`. */
  head: string;
  text: string;
}

export class SmtpServer implements AsyncDisposable {
  private said: Record<string, unknown>[] = [];
  private readonly heard: Promise<void>;

  private constructor(private readonly child: Bun.Subprocess<"ignore", "pipe", "ignore">) {
    this.heard = this.listen();
  }

  static async start(options: SmtpOptions): Promise<SmtpServer> {
    const program = join(import.meta.dir, "smtp-server.py");
    const child = Bun.spawn([PYTHON, program, JSON.stringify(options)], { stdout: "pipe", stderr: "ignore" });
    const server = new SmtpServer(child);
    await until("the mail server says its port", () => server.said.length > 0);
    return server;
  }

  private async listen(): Promise<void> {
    let rest = "";
    for await (const chunk of this.child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      this.said.push(...lines.map((line) => JSON.parse(line)));
    }
  }

  get port(): number {
    return Number(this.said[0]?.port);
  }

  get mails(): Mail[] {
    return this.said.slice(1).map(({ from, to, tls, text }) => {
      const [head = "", ...parts] = String(text).replaceAll("\r\n", "\n").split("\n\n");
      return { from: String(from), to: to as string[], tls: tls === true, head, text: parts.join("\n\n") };
    });
  }

  /** Ends it; all mail that it was given is there then. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await Promise.all([this.child.exited, this.heard]);
  }
}
