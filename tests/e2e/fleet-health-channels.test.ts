// The health check as it is installed, with a real mail server and a real Alertmanager: what begins and ends reaches both, whatever is away
// or killed meanwhile.

import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import type { Mailbox } from "../../lib/fleet-health/notify/mailbox.ts";
import { Alertmanager, alertmanagerMissing } from "../support/alertmanager.ts";
import { makeAuthority } from "../support/certificates.ts";
import { executables } from "../support/compiled.ts";
import { until } from "../support/fleet.ts";
import { SmtpServer, smtpMissing } from "../support/smtp-server.ts";

setDefaultTimeout(180_000);

const missing = smtpMissing + alertmanagerMissing;
/** No channel goes through it: nobody listens there. */
const PROXY = "http://127.0.0.1:1";
const PROXIES = Object.fromEntries(
  ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].map((name) => [name, PROXY]),
);

/** A collector on which lab2 has shipped 40 minutes ago, with both channels. */
class Lab implements AsyncDisposable {
  private constructor(
    readonly directory: string,
    readonly mail: SmtpServer,
    readonly am: Alertmanager,
  ) {}

  static async open(): Promise<Lab> {
    const directory = mkdtempSync(join(tmpdir(), "labfleet-channels-"));
    const path = (name: string): string => join(directory, name);
    const authority = makeAuthority(path("ca"));
    const { certFile, keyFile } = authority.issue("mail", { san: "DNS:localhost" });
    const login = { user: "hub", password: "open sesame" };
    const mail = await SmtpServer.start({ tls: "starttls", cert: certFile, key: keyFile, ...login });
    mkdirSync(path("am"));
    const am = await Alertmanager.start({ directory: path("am"), prefix: "/am", login });
    const lab = new Lab(directory, mail, am);
    mkdirSync(path("attempts"));
    writeFileSync(path("password"), `${login.password}\n`);
    lab.ships(40);
    writeFileSync(
      lab.config,
      `[paths]\ndata_root = "${directory}"\n
[[notify]]\nname = "post"\ntype = "email"\nserver = "localhost:${mail.port}"\nca_bundle = "${authority.certFile}"
user = "hub"\npassword_file = "${path("password")}"\nfrom = "labfleet@example.org"\nto = ["ops@example.org"]\n
[[notify]]\nname = "am"\ntype = "alertmanager"\nurl = "${am.origin.replace("//", "//hub:open%20sesame@")}/am"\n`,
    );
    return lab;
  }

  get config(): string {
    return join(this.directory, "collector.toml");
  }

  /** lab2 shipped so many minutes ago. */
  ships(minutes: number): void {
    const row = { host_id: "lab2", received_at_wall: new Date(Date.now() - minutes * 60_000).toISOString() };
    writeFileSync(join(this.directory, "index.jsonl"), `${JSON.stringify(row)}\n`, { flag: "a" });
  }

  /** @returns its exit code, null: it was killed at the point; and all that it printed */
  async run(args: string[] = [], point = ""): Promise<{ code: number | null; text: string }> {
    const program = join(executables("failpoints"), "fleet-health");
    // Asynchronous: what Alertmanager tells comes to this very process.
    const child = Bun.spawn([program, ...args, "--config", this.config], {
      env: { PATH: "", ...PROXIES, ...(point !== "" && { LABFLEET_FAILPOINT: point }) },
      stdout: "pipe",
      stderr: "pipe",
    });
    const texts = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    return { code: child.exitCode, text: texts[0] + texts[1] };
  }

  async codes(count: number): Promise<(number | null)[]> {
    const codes: (number | null)[] = [];
    for (let i = 0; i < count; i++) codes.push((await this.run()).code);
    return codes;
  }

  get subjects(): (string | undefined)[] {
    return this.mail.mails.map(({ head }) => /^Subject: (.*)$/m.exec(head)?.[1]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mail[Symbol.asyncDispose]();
    await this.am[Symbol.asyncDispose]();
    rmSync(this.directory, { recursive: true });
  }
}

const of = (lab: Lab, name: string): string[] => lab.am.changes().filter((line) => line.startsWith(name));

test.skipIf(missing !== "")(
  `a host that falls silent is told by mail and by Alertmanager, and so is its end, though that was away then${missing}`,
  async () => {
    await using lab = await Lab.open();
    expect(await lab.codes(3)).toEqual([0, 0, 0]);
    await until("Alertmanager tells it", () => of(lab, "labfleet_silent lab2").length > 0);
    await until("the mail is there", () => lab.mail.mails.length > 0);
    expect(lab.subjects).toEqual(["[labfleet] lab2: silent"]);
    expect(lab.mail.mails[0]).toMatchObject({ tls: true, to: ["ops@example.org"] });
    expect(lab.mail.mails[0]?.text).toContain("FIRING lab2: silent since ");
    expect(lab.mail.mails[0]?.head).toMatch(/^Message-ID: <post-\S+-\d{13}-\d+-\d+\.\d{14}\..*@example\.org>$/m);
    const held = await lab.am.held();
    const collector = hostname();
    expect(held.map(({ labels }) => labels)).toEqual(
      expect.arrayContaining([
        { alertname: "labfleet_watchdog", collector },
        { alertname: "labfleet_silent", host: "lab2", severity: "critical", collector },
      ]),
    );
    const lasts = held.map(({ endsAt }) => Math.round((Date.parse(endsAt) - Date.now()) / 60_000));
    expect(lasts.every((minutes) => minutes >= 58 && minutes <= 60)).toBe(true);
    expect(await lab.codes(2)).toEqual([0, 0]);
    expect(lab.subjects).toHaveLength(1);

    await lab.am.end();
    lab.ships(0);
    const { code, text } = await lab.run();
    expect(code).toBe(3);
    expect(text).toMatch(/am was not told all: .*ECONNREFUSED.*fix: mend url, or let this machine reach it/);
    expect(await lab.codes(2)).toEqual([3, 3]);
    await until("the mail of the end is there", () => lab.mail.mails.length > 1);
    expect(lab.subjects).toEqual(["[labfleet] lab2: silent", "[labfleet] lab2: silent recovered"]);
    expect(of(lab, "labfleet_silent lab2")).toEqual(["labfleet_silent lab2 firing"]);
    await lab.am.run();
    expect(await lab.codes(1)).toEqual([0]);
    await until("Alertmanager tells the end", () => of(lab, "labfleet_silent lab2").length > 1);
    expect(of(lab, "labfleet_silent lab2")).toEqual(["labfleet_silent lab2 firing", "labfleet_silent lab2 resolved"]);
    expect(of(lab, "labfleet_watchdog")).toEqual(["labfleet_watchdog firing"]);
    // What was taken is marked: nothing of it is posted again.
    const { mailboxes } = JSON.parse(readFileSync(join(lab.directory, "fleet-health/state.json"), "utf8"));
    expect(mailboxes.map(({ open, notice, failures }: Mailbox) => [open, notice, failures])).toEqual([
      [[], null, 0],
      [[], null, 0],
    ]);
  },
);

test.skipIf(missing !== "").each(["fleet-health.saved", "fleet-health.sent", "sync-files.replace.before-rename"])(
  `killed at %s, as an incident begins and as it ends: Alertmanager has both all the same${missing}`,
  async (point) => {
    await using lab = await Lab.open();
    expect(await lab.codes(2)).toEqual([0, 0]);
    expect((await lab.run([], point)).code).toBeNull();
    expect(await lab.codes(1)).toEqual([0]);
    await until("Alertmanager tells it", () => of(lab, "labfleet_silent lab2").length > 0);
    expect((await lab.run(["retire", "lab2"])).code).toBe(0);
    expect((await lab.run([], point)).code).toBeNull();
    expect(await lab.codes(1)).toEqual([0]);
    await until("Alertmanager tells the end", () => of(lab, "labfleet_silent lab2").length > 1);
    expect(of(lab, "labfleet_silent lab2")).toEqual(["labfleet_silent lab2 firing", "labfleet_silent lab2 resolved"]);
    // By mail each of both once, or twice under one id.
    const ids = new Map(lab.mail.mails.map(({ head }, i) => [/^Message-ID: (.*)$/m.exec(head)?.[1], lab.subjects[i]]));
    expect([...ids.values()]).toEqual(["[labfleet] lab2: silent", "[labfleet] lab2: silent retired"]);
  },
);

test.skipIf(missing !== "")(
  `a look at another time tells nobody; one that sees nothing is told${missing}`,
  async () => {
    await using lab = await Lab.open();
    for (let i = 0; i < 3; i++) expect((await lab.run(["--now", new Date().toISOString()])).code).toBe(0);
    expect([await lab.am.held(), lab.mail.mails]).toEqual([[], []]);
    expect(await lab.codes(1)).toEqual([0]);
    renameSync(join(lab.directory, "index.jsonl"), join(lab.directory, "away.jsonl"));
    expect(await lab.codes(1)).toEqual([2]);
    await until("Alertmanager tells it", () => of(lab, "labfleet_detector_blind").length > 0);
    await until("the mail is there", () => lab.subjects.includes(`[labfleet] collector ${hostname()}: detector-blind`));
  },
);

test.skipIf(missing !== "")(`notify-test tries both, and says what is in the way${missing}`, async () => {
  await using lab = await Lab.open();
  // Whose state is there, that user tries.
  mkdirSync(join(lab.directory, "fleet-health"));
  const { code, text } = await lab.run(["notify-test"]);
  expect([code, text]).toEqual([0, "post       taken\nam         taken\n"]);
  await until("the mail is there", () => lab.mail.mails.length > 0);
  expect(lab.subjects).toEqual([`[labfleet] collector ${hostname()}: test`]);
  expect(lab.mail.mails[0]?.text).toContain("TEST this collector: fleet-health notify-test was run: nothing is wrong");
  const [test] = await lab.am.held();
  expect(test?.labels).toEqual({ alertname: "labfleet_test", collector: hostname() });
  expect(Date.parse(test?.endsAt ?? "") - Date.now()).toBeLessThan(60_000);
  await lab.am.end();
  await lab.mail[Symbol.asyncDispose]();
  writeFileSync(join(lab.directory, "password"), "");
  const { code: bad, text: why } = await lab.run(["notify-test"]);
  expect(bad).toBe(3);
  expect(why).toMatch(
    /^post +refused: .*\/password is empty, or not there; fix: write it anew\nam +refused: .*ECONNREFUSED/,
  );
  writeFileSync(join(lab.directory, "password"), "open sesame");
  expect((await lab.run(["notify-test", "post"])).text).toMatch(/^post +refused: localhost:\d+: .*ECONNREFUSED/);
});
