// Credentials that cannot be used: what is wrong with which file, and the commands that mend it. Facts as literals, and once as
// an unprivileged user for real.

import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CredentialFault } from "../../lib/client/credentials.ts";
import { explainCredentialFault } from "../../lib/client/failures/failures.ts";
import { findingText } from "../../lib/core/finding.ts";
import type { Access } from "../../lib/os/files/access.ts";
import { tempDir } from "../support/temp-dir.ts";
import { RECEIVER } from "./support.ts";

const WHO = { hostId: "lab1", receiver: RECEIVER };
const TOKEN = "/etc/labfleet/token";
const ACCESS: Access = {
  path: TOKEN,
  isDirectory: false,
  owner: "root",
  group: "root",
  mode: "0600",
  user: "labfleet",
  ownGroup: "labfleet",
};

const said = (fault: Partial<CredentialFault>): string => {
  const whole = {
    key: "bearer_token_file" as const,
    path: TOKEN,
    problem: "absent" as const,
    code: null,
    access: null,
  };
  const why = explainCredentialFault({ ...whole, ...fault }, WHO);
  expect(why).toMatchObject({ kind: "credentials", immediate: true });
  return findingText(why);
};

const NEW_TOKEN =
  "on the collector: sudo receiver token add lab1; then on the lab host: sudo install -D -m 0640 -g labfleet /dev/stdin";

describe("a token file", () => {
  test("that is not there, empty, or holds no token: a new one, pasted into a command", () => {
    const how = `make one, paste it into this command and end it with Ctrl-D: ${NEW_TOKEN} ${TOKEN}`;
    expect(said({ problem: "absent" })).toBe(`receiver.bearer_token_file ${TOKEN} is not there; fix: ${how}`);
    expect(said({ problem: "empty" })).toBe(`receiver.bearer_token_file ${TOKEN} is empty; fix: ${how}`);
    expect(said({ problem: "no-token" })).toContain(`holds no token: it has blanks, several lines`);
  });

  test("that is not there, as root sees it: the service's group all the same, and another service's where that runs it", () => {
    const of = (ownGroup: string): string =>
      said({ problem: "absent", access: { ...ACCESS, user: ownGroup, ownGroup } });
    expect(of("root")).toEndWith(`${NEW_TOKEN} ${TOKEN}`);
    expect(of("recorder")).toEndWith(`-g recorder /dev/stdin ${TOKEN}`);
  });

  test("that may not be read: who may, and the commands that let this user in", () => {
    const unreadable = { problem: "unreadable", code: "EACCES" } as const;
    expect(said({ ...unreadable, access: ACCESS })).toBe(
      `receiver.bearer_token_file ${TOKEN} cannot be read by user labfleet: it belongs to root:root, mode 0600; fix: let labfleet in: sudo chgrp labfleet ${TOKEN} && sudo chmod g+r ${TOKEN}`,
    );
    expect(said({ ...unreadable, access: { ...ACCESS, group: "labfleet", mode: "0600" } })).toEndWith(
      `let labfleet in: sudo chmod g+r ${TOKEN}`,
    );
    const etc = { ...ACCESS, path: "/etc/labfleet", isDirectory: true, mode: "0700" };
    expect(said({ ...unreadable, access: etc })).toContain(
      "the directory /etc/labfleet belongs to root:root, mode 0700; fix: let labfleet in: sudo chgrp labfleet /etc/labfleet && sudo chmod g+x /etc/labfleet",
    );
  });

  test("in a directory that is closed on purpose moves out of it", () => {
    const home = { ...ACCESS, path: "/root", isDirectory: true, mode: "0700" };
    expect(said({ path: "/root/my token", problem: "unreadable", code: "EACCES", access: home })).toEndWith(
      "fix: copy it to where labfleet can read it, and name /etc/labfleet/my token in receiver.bearer_token_file: sudo install -m 0640 -g labfleet '/root/my token' '/etc/labfleet/my token'",
    );
  });

  test("on a disk that fails or hangs: the disk, the mount", () => {
    expect(said({ problem: "unreadable", code: "EIO" })).toContain("cannot be read: EIO; fix: look at the disk");
    expect(said({ problem: "slow" })).toEndWith(`look at the mount it lies on: findmnt --target ${TOKEN}`);
  });
});

test("a token in the configuration itself goes into a file", () => {
  expect(said({ key: "bearer_token", path: null, problem: "empty" })).toBe(
    "receiver.bearer_token is empty; fix: make one, and put it into a file that receiver.bearer_token_file names: on the collector: sudo receiver token add lab1",
  );
});

test("a certificate file that holds something else is told by what it holds", () => {
  const path = "/etc/labfleet/tls/x";
  for (const [key, problem, words] of [
    ["ca_bundle", "no-pem", "holds no PEM text; fix: name a file there that holds the certificate of the authority"],
    ["ca_bundle", "key", "holds a private key and no certificate; fix: "],
    ["client_cert", "request", "holds a request for a certificate, which nobody has signed yet; fix: "],
    [
      "client_key",
      "certificate",
      "holds a certificate and no private key; fix: name a file there that holds the private",
    ],
    [
      "ca_bundle",
      "der",
      `is DER, and PEM is needed; fix: write it as PEM: sudo cp -p ${path} ${path}.new && sudo openssl x509 -inform DER`,
    ],
    [
      "client_cert",
      "absent",
      "is not there; fix: put this host's certificate, as PEM, there, or name in receiver.client",
    ],
  ] as const) {
    expect(said({ key, path, problem })).toStartWith(`receiver.${key} ${path} ${words}`);
  }
});

const isRoot = process.geteuid?.() === 0 && Bun.which("setpriv") !== null;

test.skipIf(!isRoot)(
  "an unprivileged user is told who may read a file, and the commands let it in (needs root)",
  () => {
    const dir = join(tempDir(), "open");
    mkdirSync(dir);
    for (const path of [join(dir, ".."), dir]) chmodSync(path, 0o755);
    const token = join(dir, "token");
    writeFileSync(token, "lf_x\n", { mode: 0o600 });
    const read = `
    import { CredentialError, readCredentials } from "${join(import.meta.dir, "../../lib/client/credentials.ts")}";
    const none = { url: "", caBundle: null, clientCert: null, clientKey: null, bearerToken: null, verifyTls: true };
    readCredentials({ ...none, bearerTokenFile: ${JSON.stringify(token)} }).then(
      ({ token }) => console.log(JSON.stringify({ token })),
      (error) => console.log(JSON.stringify(error.fault)),
    );`;
    const asUser = (): unknown => {
      const user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
      const { stdout } = Bun.spawnSync([...user, process.execPath, "-e", read], { cwd: "/", env: { HOME: "/" } });
      return JSON.parse(stdout.toString() || "null");
    };
    const fault = asUser() as CredentialFault;
    expect(fault).toMatchObject({
      problem: "unreadable",
      code: "EACCES",
      access: { path: token, owner: "root", group: "root", mode: "0600", user: "nobody", ownGroup: "nogroup" },
    });
    for (const { argv } of explainCredentialFault(fault, WHO).fix.commands)
      expect(Bun.spawnSync(argv.slice(1)).exitCode).toBe(0);
    expect(asUser()).toEqual({ token: "lf_x" });
  },
);
