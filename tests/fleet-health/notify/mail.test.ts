// Mail to a real SMTP server: what goes out, over which way, what counts as taken, and what is said where it was not.

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { IncidentRow } from "../../../lib/contract/incident-row.ts";
import { findingText } from "../../../lib/core/finding.ts";
import type { Mail } from "../../../lib/fleet-health/notify/channel.ts";
import { greetingOf, letterOf } from "../../../lib/fleet-health/notify/delivery/letter.ts";
import { mailTo } from "../../../lib/fleet-health/notify/delivery/smtp.ts";
import type { Notice } from "../../../lib/fleet-health/notify/mailbox.ts";
import { makeAuthority } from "../../support/certificates.ts";
import { type SmtpOptions, SmtpServer, smtpMissing } from "../../support/smtp-server.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { CAREFUL, withEnv } from "../../support/with-env.ts";

const row = (more: Partial<IncidentRow> = {}): IncidentRow => ({
  ...{ sequence: 7, at: "2026-05-01T06:45:00.000000+00:00", host: "lab7", hosts: [], symptom: "silent", cause: "" },
  ...{ change: "firing", told: true, since: "2026-05-01T06:35:00.000000+00:00" },
  ...{ fired_at: "2026-05-01T06:45:00.000000+00:00", what: "it has shipped nothing for 45min", fix: null },
  ...more,
});
const NOTICE: Notice = { id: "ops-7-7", isRetried: false, rows: [row()] };
const PLAIN: Omit<Mail, "port"> = {
  ...{ host: "127.0.0.1", tls: "none", caBundle: null, user: null, passwordFile: null },
  ...{ from: "labfleet@example.org", to: ["ops@example.org"] },
};

/** How a try went, as `refused: what; fix: …`, of one server that is as `options` say. */
async function tried(options: SmtpOptions, more: Partial<Mail> = {}, notice = NOTICE) {
  await using server = await SmtpServer.start(options);
  const { sent, why } = await mailTo({ ...PLAIN, port: server.port, ...more }, notice, 10_000);
  await server[Symbol.asyncDispose]();
  const said = (why === null ? sent : `${sent}: ${findingText(why, "collector")}`).replaceAll(
    String(server.port),
    "PORT",
  );
  return { said, mails: server.mails };
}

/** A server's certificate for localhost, and who signed it. */
function signed() {
  const authority = makeAuthority(tempDir());
  const { certFile, keyFile } = authority.issue("mail", { san: "DNS:localhost" });
  return { files: { cert: certFile, key: keyFile }, caBundle: authority.certFile };
}

function written(text: string): string {
  const path = join(tempDir(), "file");
  writeFileSync(path, text);
  return path;
}

describe("what stands in it", () => {
  test("its id is the same for each try, and another one's of another collector, notice or history", () => {
    const from = { from: "a@example.org", to: [] };
    const id = (notice: Notice, collector = "hub") => letterOf(notice, from, collector).messageId;
    expect(id(NOTICE)).toBe("<ops-7-7.20260501064500.hub@example.org>");
    expect(id({ ...NOTICE, isRetried: true })).toBe(id(NOTICE));
    const others = [
      id(NOTICE, "hub2"),
      id({ ...NOTICE, id: "ops-8-8" }),
      id({ ...NOTICE, rows: [row({ at: "2026-06-01T06:45:00.000000+00:00" })] }),
      id({ ...NOTICE, id: "o ps>-7-7" }),
    ];
    expect(new Set([id(NOTICE), ...others]).size).toBe(5);
    expect(others[3]).toBe("<o_20ps_3e-7-7.20260501064500.hub@example.org>");
  });

  test("what a host says begins no line of its own", () => {
    const { subject, text } = letterOf(
      { ...NOTICE, rows: [row({ host: "lab7\r\nBcc: eve@example.org", what: "x\nFIRING lab9: silent" })] },
      PLAIN,
      "hub",
    );
    expect(`${subject}\n${text}`.split("\n")).toHaveLength(3);
    expect(letterOf({ ...NOTICE, dropped: 2 }, PLAIN, "hub").text).toEndWith(
      "\nand 2 other incidents were over before this could be told\n",
    );
    expect(subject).toBe("[labfleet] lab7\\u000d\\u000aBcc: eve@example.org: silent");
  });
});

test("a server is greeted by a whole name, or by an address", () => {
  expect(["hub.example.org", "hub", "10.0.0.5", "a b.c"].map((name) => greetingOf(name, "192.0.2.1"))).toEqual([
    "hub.example.org",
    ...Array(3).fill("[192.0.2.1]"),
  ]);
  expect(greetingOf("hub", "2001:db8::1")).toBe("[IPv6:2001:db8::1]");
});

describe.skipIf(smtpMissing !== "")(`a real server${smtpMissing}`, () => {
  test("gets a mail with one head, which says that a program wrote it", async () => {
    const evil = row({ host: "lab7\r\nBcc: eve@example.org", what: "ü\n.\nBcc: eve@example.org" });
    const { said, mails } = await tried({ tls: "none" }, {}, { ...NOTICE, rows: [evil] });
    expect(said).toBe("taken");
    expect(mails).toHaveLength(1);
    const [{ head, to, from } = { head: "", to: [], from: "" }] = mails;
    expect([from, to]).toEqual(["labfleet@example.org", ["ops@example.org"]]);
    const fields = head
      .split("\n")
      .filter((line) => !/^\s/.test(line))
      .map((line) => line.split(":")[0]);
    expect(fields.sort()).toEqual([
      ...["Auto-Submitted", "Content-Transfer-Encoding", "Content-Type", "Date", "From", "MIME-Version"],
      ...["Message-ID", "Subject", "To"],
    ]);
    expect(head).toContain("Auto-Submitted: auto-generated");
    expect(Math.abs(Date.parse(/^Date: (.*)$/m.exec(head)?.[1] ?? "") - Date.now())).toBeLessThan(120_000);
  });

  test("over STARTTLS and over TLS from the first byte, with a login", async () => {
    const { files, caBundle } = signed();
    const login = { user: "hub", password: "s3cret pass" };
    const mine = { caBundle, host: "localhost", user: "hub", passwordFile: written("s3cret pass\n") };
    for (const tls of ["starttls", "implicit"] as const) {
      const { said, mails } = await tried({ tls, ...files, ...login }, { ...mine, tls });
      expect([said, mails.length, mails[0]?.tls]).toEqual(["taken", 1, true]);
    }
  });

  test.each(CAREFUL)(
    "is not believed without a certificate of a known authority, nor under another name, nor without any%s",
    async (_, env) => {
      using _env = withEnv(env);
      const { files, caBundle } = signed();
      const asked = async (more: Partial<Mail>, tls: SmtpOptions["tls"] = "starttls") => {
        const { said, mails } = await tried({ tls, ...files }, { tls: "starttls", host: "localhost", ...more });
        expect(mails).toEqual([]);
        return said;
      };
      expect(await asked({})).toMatch(
        /^refused: localhost:PORT: nobody known has signed its certificate: .*; fix: name its authority's certificate in ca_bundle$/,
      );
      expect(await asked({ tls: "implicit" }, "implicit")).toContain("nobody known has signed its certificate");
      expect(await asked({ caBundle, host: "127.0.0.1" })).toMatch(
        /^refused: 127.0.0.1:PORT: its certificate is not of 127.0.0.1: .*; fix: name it in server as its certificate does$/,
      );
      expect(await asked({ caBundle }, "none")).toMatch(
        /^refused: localhost:PORT: it does not encrypt: .*; fix: set tls = "implicit" with its other port \(465\), or tls = "none" where/,
      );
      expect(await asked({ caBundle, tls: "implicit" }, "none")).toMatch(
        /^refused: localhost:PORT: it does not speak as tls = "implicit" does: .*; fix: try tls = "starttls", or its other port$/,
      );
    },
  );

  test("is not encrypted to where nothing is to be, and one that wants it says so", async () => {
    const { files } = signed();
    const { said, mails } = await tried({ tls: "starttls", ...files }, { tls: "none" });
    expect([said, mails]).toEqual([
      expect.stringMatching(/^refused: 127.0.0.1:PORT: it answered 530: .*; fix: it wants a login.*, or tls$/),
      [],
    ]);
  });

  test("that refuses the login is shown, and the password is not", async () => {
    const { files, caBundle } = signed();
    const passwordFile = written("wrong-one");
    const { said, mails } = await tried(
      { tls: "starttls", ...files, user: "hub", password: "right" },
      { tls: "starttls", host: "localhost", caBundle, user: "hub", passwordFile },
    );
    expect(mails).toEqual([]);
    expect(said).toBe(
      `refused: localhost:PORT: it does not let "hub" log in: it answered 535: "5.7.8 not … (… …)"; fix: write the password into ${passwordFile}; some servers want one that is made for programs`,
    );
  });

  test("that knows some of the recipients has taken it, and the others are said; that knows none has not", async () => {
    const to = ["ops@example.org", "gone@example.org"];
    const some = await tried({ tls: "none", refuse: ["gone@example.org"] }, { to });
    expect(some.mails.map((mail) => mail.to)).toEqual([["ops@example.org"]]);
    expect(some.said).toBe(
      'taken: it went to the others, and the server takes no mail to gone@example.org ("5.1.1 no such user here"); fix: name others in to, or let it take mail of this collector for them',
    );
    const none = await tried({ tls: "none", refuse: to }, { to });
    expect(none.mails).toEqual([]);
    expect(none.said).toStartWith(
      "refused: 127.0.0.1:PORT: it takes no mail to ops@example.org, gone@example.org: it answered 550",
    );
  });

  test("that answers the mail itself with no has refused it; that never answers may have taken it", async () => {
    expect((await tried({ tls: "none", data: "451 4.3.0 later" })).said).toBe(
      'refused: 127.0.0.1:PORT: it answered 451: "4.3.0 later"; fix: see in the mail log of 127.0.0.1 what it misses',
    );
    expect((await tried({ tls: "none", data: "close" })).said).toStartWith("unsure: 127.0.0.1:PORT: ");
    await using server = await SmtpServer.start({ tls: "none", data: "hang" });
    const { sent, why } = await mailTo({ ...PLAIN, port: server.port }, NOTICE, 5000);
    expect([sent, why?.what]).toEqual(["unsure", `127.0.0.1:${server.port}: "no answer to the mail within 5 s"`]);
  });
});

test("nobody there, nobody who greets, and a password that is not there", async () => {
  const server = createServer((socket) => socket.resume());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const mute = await mailTo({ ...PLAIN, port }, NOTICE, 300);
  expect([mute.sent, mute.why && findingText(mute.why)]).toEqual([
    "refused",
    `127.0.0.1:${port}: it takes the connection, and says nothing: "no answer within 0.3 s"; fix: name in server the port of its SMTP: 587 for tls = "starttls", 465 for "implicit", 25 for "none"`,
  ]);
  const implicit = await mailTo({ ...PLAIN, port, tls: "implicit" }, NOTICE, 300);
  expect(implicit.why?.what).toContain("it takes the connection, and says nothing");
  await new Promise((resolve) => server.close(resolve));
  const gone = await mailTo({ ...PLAIN, port }, NOTICE);
  expect(gone.sent).toBe("refused");
  expect(gone.why === null ? "" : findingText(gone.why)).toMatch(
    /ECONNREFUSED.*; fix: mend server, or let this machine reach it$/,
  );
  const missing = join(tempDir(), "nothing");
  const { why } = await mailTo({ ...PLAIN, port, user: "hub", passwordFile: missing }, NOTICE);
  expect(why?.what).toBe(`${missing} is empty, or not there`);
  const { why: bad } = await mailTo({ ...PLAIN, port, tls: "starttls", caBundle: written("x") }, NOTICE);
  expect(bad?.what).toEndWith(" holds no certificate");
  const torn = written("-----BEGIN CERTIFICATE-----\nMIIB\n");
  const { why: worse } = await mailTo({ ...PLAIN, port, tls: "starttls", caBundle: torn }, NOTICE);
  expect(worse?.what).toBe(`${torn} holds a certificate that cannot be read: "Invalid CA"`);
});
