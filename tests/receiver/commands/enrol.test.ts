// `receiver enrol`: what it prints, what it leaves on the disk, and when it makes no code.

import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { issueServerCertificate, makeAuthority } from "../../../lib/authority/certificates.ts";
import { makeKeyPair } from "../../../lib/authority/keys.ts";
import { findCode } from "../../../lib/receiver/enrolment/codes.ts";
import { cleanUp, sha256, tempDir } from "../support.ts";

afterEach(cleanUp);

const RECEIVER = join(import.meta.dir, "../../../bin/receiver.ts");
let dir = "";
const at = (path: string): string => join(dir, path);
const HEAD = (more = ""): string =>
  `listen = "0.0.0.0:9443"\n[auth]\ntokens_dir = "${at("tokens.d")}"\n${more}[paths]\ndata_root = "${at("data")}"\nrun_dir = "${at("run")}"\n[releases]\ndir = "${at("served")}"\n`;
const TLS = (): string => `[tls]\ncertificate = "${at("collector.crt")}"\nkey = "${at("collector.key")}"\n`;

beforeEach(async () => {
  dir = tempDir();
  for (const name of ["data", "tokens.d", "served/0.1.0-7"]) mkdirSync(at(name), { recursive: true });
  writeFileSync(at("served/0.1.0-7/install.sh"), "script\n");
  symlinkSync("0.1.0-7", at("served/current"));
  const authority = await makeAuthority(Date.now());
  const { publicKey, privateKey } = makeKeyPair();
  const names = ["hub.wg", "10.77.0.1"];
  writeFileSync(at("ca.crt"), authority.certificate);
  writeFileSync(at("collector.crt"), await issueServerCertificate(authority, { publicKey, names }, Date.now()));
  writeFileSync(at("collector.key"), privateKey);
  writeFileSync(at("c.toml"), HEAD() + TLS());
});

async function run(...args: string[]) {
  const child = Bun.spawn([process.execPath, RECEIVER, "enrol", ...args, "--config", at("c.toml")], { stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, stdout, stderr };
}
const codeIn = (line: string): string => / --code ([0-9a-z]+)\)?\n$/.exec(line)?.[1] ?? "";
const codes = (): string[] => readdirSync(at("data/enrolment"));

test("it prints the line, and keeps the hash of its code, for whom and how long", async () => {
  const { code, stdout, stderr } = await run("--host", "lab1", "--for", "2d");
  expect([code, stderr]).toEqual([
    0,
    "receiver: a code for lab1; it is good once, for 2d. Copy this line to the host:\n",
  ]);
  expect(stdout).toMatch(
    new RegExp(
      `^\\(f=\\$\\(mktemp\\) && .*https://hub.wg:9443/install.sh.*"${sha256("script\n")}  .*sudo sh "\\$f" --url https://hub.wg:9443 --ca-sha256 [0-9a-f]{64} --host lab1 --code [0-9a-z]{20}\\)\n$`,
    ),
  );
  const made = await findCode(at("data/enrolment"), codeIn(stdout));
  expect(made).toMatchObject({ host: "lab1", replaces: false, used: null });
  expect(Date.parse(made?.until ?? "") - Date.parse(made?.made_at ?? "")).toBe(2 * 86_400_000);
  expect(codes()).toEqual([`${sha256(codeIn(stdout))}.json`]);
  expect(readFileSync(at(`data/enrolment/${codes()[0]}`), "utf8")).not.toContain(codeIn(stdout));
  // A second one for the same host takes the first one's place; one for anybody stands beside it.
  const second = await run("--host", "lab1");
  const free = await run();
  expect([codes().length, free.stdout.includes("--host")]).toEqual([2, false]);
  expect(codes()).toContain(`${sha256(codeIn(second.stdout))}.json`);
}, 60_000);

test("where the receiver could add no token no code is made", async () => {
  rmSync(at("tokens.d"), { recursive: true });
  const missing = await run("--host", "lab1");
  expect([missing.code, missing.stdout]).toEqual([3, ""]);
  expect(missing.stderr).toMatch(
    /^receiver: the receiver cannot add a token below \S+tokens\.d \(ENOENT\); no code was made\nreceiver: fix: make it: sudo install -d -m 2770 -g labfleet \S+tokens\.d && /,
  );
  mkdirSync(at("tokens.d"));
  chownSync(at("data"), 65534, 65534);
  for (const [uid, gid, mode, code] of [
    [0, 65534, 0o2750, 3],
    [0, 65534, 0o2770, 0],
    [0, 0, 0o2770, 3],
    [65534, 0, 0o700, 0],
  ] as const) {
    chownSync(at("tokens.d"), uid, gid);
    chmodSync(at("tokens.d"), mode);
    expect((await run("--host", "lab1")).code, `${uid}:${gid} ${mode.toString(8)}`).toBe(code);
  }
  expect(codes()).toHaveLength(1);
}, 60_000);

test("what it cannot know is asked for, and what is known by everybody is not said", async () => {
  rmSync(at("ca.crt"));
  rmSync(at("served/current"));
  const brought = await run("--url", "https://[fd00::1]:8443/");
  expect(brought.stdout).toMatch(
    /^sudo sh install.sh --bundle labfleet-0\.0\.0-source\.tar --url 'https:\/\/\[fd00::1\]:8443' --code \S+\n$/,
  );
  writeFileSync(at("c.toml"), HEAD());
  const plain = await run();
  expect([plain.code, plain.stderr]).toEqual([
    2,
    "receiver: by which address hosts reach this collector is not known\nreceiver: fix: --url https://collector.wg:8443\n",
  ]);
  writeFileSync(at("ca.crt"), "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n");
  writeFileSync(at("c.toml"), HEAD() + TLS());
  const damaged = await run();
  expect([damaged.code, damaged.stderr]).toEqual([2, expect.stringContaining(`${at("ca.crt")} is no certificate`)]);
}, 60_000);

test.each([
  [["--host", "lab 1"], '--host: found "lab 1", expected 1 to 128'],
  [["--host", "hub"], "hub is no lab host's name here"],
  [["--host", "operator"], "operator is no lab host's name here"],
  [["--host", "taken"], "taken is a host already"],
  [["--host", "Seen"], "Seen is a host already"],
  [["--replace"], "--replace: say which host"],
  [["--for", "31d"], '--for: found "31d", expected a time such as 1h or 2d, of at most 30d'],
  [["--for", "soon"], '--for: found "soon"'],
  [["--url", "hub:8443"], '--url: found "hub:8443", expected an http:// or https:// URL'],
] as const)(
  "%p makes no code",
  async (args, why) => {
    writeFileSync(at("tokens.d/taken"), "");
    mkdirSync(at("data/episodes/seen"), { recursive: true });
    const { code, stdout, stderr } = await run(...args);
    expect([code, stdout, stderr]).toEqual([2, "", expect.stringContaining(why)]);
    expect(readdirSync(at("data"))).toEqual(["episodes"]);
  },
  60_000,
);

test("where no code would be of use none is made", async () => {
  writeFileSync(at("c.toml"), HEAD("require_token = false\n") + TLS());
  expect((await run()).stderr).toStartWith("receiver: no host needs a token here: [auth] require_token is false\n");
  writeFileSync(at("c.toml"), `${HEAD()}${TLS()}client_ca = "${at("ca.crt")}"\n`);
  expect((await run()).stderr).toStartWith("receiver: a host has to show a certificate before it is heard here");
  writeFileSync(at("c.toml"), HEAD() + TLS());
  const line = `'${process.execPath}' '${RECEIVER}' enrol --config '${at("c.toml")}' >/dev/null`;
  const nowhere = Bun.spawnSync(["sh", "-c", line], { stderr: "pipe" });
  expect([nowhere.exitCode, nowhere.stderr.toString()]).toEqual([3, expect.stringContaining("no code was made")]);
  expect(readdirSync(at("data"))).toEqual([]);
}, 60_000);
