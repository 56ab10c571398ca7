// What a person says, on the command line, in the environment and in a file, and what is made of it on a bare machine.

import { expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseCommandLine } from "../../lib/cli/options.ts";
import { UserError } from "../../lib/core/failure.ts";
import { readAnswers } from "../../lib/installer/answers/answers.ts";
import { collectorOf, receiverIn } from "../../lib/installer/answers/collector.ts";
import { readSaid } from "../../lib/installer/answers/said.ts";
import { settingsIn, tableOf } from "../../lib/installer/answers/written.ts";
import { COMMAND_LINE } from "../../lib/installer/command-line.ts";
import { targetHere } from "../../lib/installer/target.ts";
import { tempDir } from "../support/temp-dir.ts";
import { withEnv } from "../support/with-env.ts";

const lineOf = (...args: string[]) => {
  const parsed = parseCommandLine(COMMAND_LINE, ["apply", ...args]);
  if (parsed.kind === "print") throw new Error(parsed.text);
  return parsed.line;
};
const answersOf = async (...args: string[]) => {
  const all = await readSaid(lineOf(...args));
  return readAnswers(all, await collectorOf(all));
};
const said = async (...args: string[]): Promise<string> =>
  answersOf(...args).then(
    ({ config }) => config,
    (error: unknown) => (error instanceof UserError ? `${error.message}; ${error.hint}` : Promise.reject(error)),
  );
const HOST = ["--role", "lab-host", "--host", "lab1", "--url", "https://hub:8443"];
const file = (text: string): string => {
  const path = join(tempDir(), "answers");
  writeFileSync(path, text);
  return path;
};

const PEM = (label: string): string => `-----BEGIN ${label}-----\nx\n-----END ${label}-----\n`;
const [CRT, PRIVATE] = [PEM("CERTIFICATE"), PEM("PRIVATE KEY")];

test("a lab host says who it is, and where its collector is; what it hands over is named where it will lie", async () => {
  const token = file("lf_x\n");
  expect(await said(...HOST)).toBe('host_id = "lab1"\n\n[receiver]\nurl = "https://hub:8443"\n');
  expect(await said(...HOST, "--token-file", token, "--ca-bundle", file(CRT))).toBe(
    'host_id = "lab1"\n\n[receiver]\nurl = "https://hub:8443"\nbearer_token_file = "/etc/labfleet/token"\nca_bundle = "/etc/labfleet/tls/ca.crt"\n',
  );
  const { files, introduced } = await answersOf(...HOST, "--token-file", token);
  expect(files).toEqual([
    { path: "/etc/labfleet/token", kind: "secret", text: "lf_x\n", mode: 0o640, owner: "root", group: "labfleet" },
  ]);
  // The collector is asked with it where it lies now.
  expect([introduced?.hostId, introduced?.receiver.bearerTokenFile]).toEqual(["lab1", token]);
});

test("without TLS somebody has to say that the network is to be trusted", async () => {
  const plain = ["--role", "lab-host", "--host", "lab1", "--url", "http://10.0.0.1"];
  expect(await said(...plain)).toBe(
    "--url http://10.0.0.1 is without TLS: whoever is on the way can read the token, and say that it has stored what nobody has; take https://; or, where nobody else can be on the way, as within WireGuard, say --trusted-network yes, too",
  );
  expect(await said(...plain, "--trusted-network", "no")).toStartWith("--url http://10.0.0.1 is without TLS");
  expect(await said(...plain, "--trusted-network", "yes")).toEndWith("trusted_network = true\n");
  expect(await said(...plain, "--trusted-network", "true")).toBe(
    '--trusted-network: found "true", expected yes or no; null',
  );
  expect(await said(...HOST, "--trusted-network", "no")).not.toContain("trusted_network");
  expect(await said("--role", "lab-host", "--host", "lab1", "--url", "http://127.0.0.1:80")).not.toContain("trusted");
});

test("a key is not put where everybody reads, and what is no token is none", async () => {
  const hub = (...args: string[]) => said("--role", "collector", ...args);
  const both = file(CRT + PRIVATE);
  expect(await hub("--tls-certificate", both, "--tls-key", file(PRIVATE))).toBe(
    `--tls-certificate: ${both} does not hold certificates, as PEM, and no private key; name the file that does`,
  );
  expect(await hub("--tls-certificate", file(PRIVATE), "--tls-key", file(CRT))).toStartWith("--tls-certificate: ");
  expect(await hub("--tls-certificate", file(CRT), "--tls-key", file(CRT))).toContain("does not hold a private key");
  expect(await said(...HOST, "--ca-bundle", file(PRIVATE))).toStartWith("--ca-bundle: ");
  for (const odd of ["", "two words\n", "two\nlines\n"])
    expect(await said(...HOST, "--token-file", file(odd))).toContain("does not hold a token, in one line");
});

test("what says nothing of a role is not passed over", async () => {
  expect(await said("--role", "collector", "--name", "hub", "--host", "lab1")).toBe(
    "--host says nothing of a collector; leave it out, or say another --role",
  );
  expect(await said(...HOST, "--name", "hub")).toStartWith("--name says nothing of a lab-host; ");
  expect(await said(...HOST, "--token-file", file("lf_x"), "--code", "0".repeat(20))).toStartWith(
    "--code and --token-file bring two tokens; ",
  );
  for (const listen of ["8443", "hub:0", "hub:65536", "[::]:x", "a b:1"])
    expect(await said("--role", "collector", "--name", "hub", "--listen", listen)).toBe(
      `--listen: found ${JSON.stringify(listen)}, expected an address and a port, such as 0.0.0.0:8443; null`,
    );
});

test("data may lie elsewhere, where the units see them", async () => {
  const place = join(tempDir(), "data").replace(/^\/tmp/, "/tmp/..");
  const { config, dataRoot } = await answersOf(...HOST, "--data-root", "/srv/labfleet");
  expect([config.split("\n").slice(-4), dataRoot]).toEqual([
    ["", "[paths]", 'data_root = "/srv/labfleet"', ""],
    "/srv/labfleet",
  ]);
  expect((await answersOf(...HOST)).dataRoot).toBe("/var/lib/labfleet/data");
  for (const odd of ["data", "/srv/a b", "/srv/", place, "/srv/%h"])
    expect(await said(...HOST, "--data-root", odd)).toContain("expected an absolute path of letters");
  for (const hidden of ["/home/alice/data", "/tmp/x", "/root"])
    expect(await said(...HOST, "--data-root", hidden)).toContain("the units do not see that one");
  expect(await said(...HOST, "--data-root", "/srv/none/data")).toBe(
    "--data-root: there is no /srv/none; mount the disk there, or make it",
  );
});

test("of a configuration that somebody has written the checks take what is of its type", () => {
  const of = (text: string) => receiverIn(tableOf("lab-host", text));
  expect(of('host_id = "lab1"\n[receiver]\nurl = 5\n')).toBeNull();
  expect(of('host_id = "lab 1"\n[receiver]\nurl = "https://hub"\n')).toBeNull();
  expect(of('host_id = "lab1"\n')).toBeNull();
  const { hostId, receiver } = of(
    'host_id = "lab1"\n[receiver]\nurl = "https://hub/"\nbearer_token_file = 1\nbearer_token = "x"\nkind = "python"\n',
  ) ?? { hostId: "", receiver: null };
  expect([hostId, receiver?.url, receiver?.bearerToken, receiver?.bearerTokenFile, receiver?.kind]).toEqual([
    ...["lab1", "https://hub", "x", null, "python"],
  ]);
});

test("a collector says its certificate, and where it listens", async () => {
  const collector = ["--role", "collector", "--tls-certificate", file(CRT), "--tls-key", file(PRIVATE)];
  expect(await said(...collector)).toStartWith('listen = "0.0.0.0:8443"\n\n[tls]\n');
  expect(await said(...collector, "--listen", "[::]:443")).toStartWith('listen = "[::]:443"\n');
  expect(await said("--role", "collector")).toStartWith(
    "say by which names hosts reach this collector, or with which certificate it answers; --name collector.wg ",
  );
  const { config, introduced } = await answersOf(...collector);
  expect(introduced).toBeNull();
  expect(settingsIn("collector", tableOf("collector", config))).toEqual({ listen: "0.0.0.0:8443", drainS: {} });
  const own = tableOf("lab-host", "[shipper]\ndrain_timeout_s = 90\n[heartbeat]\ndrain_timeout_s = -1\n");
  expect(settingsIn("lab-host", own)).toEqual({ listen: null, drainS: { shipper: 90 } });
});

test("a collector's own authority issues its certificate for all its names, and its key is root's alone", async () => {
  const { files } = await answersOf("--role", "collector", "--name", "hub.wg, 10.77.0.11");
  expect(files.map(({ path, mode, group }) => `${path} ${mode.toString(8)} ${group}`)).toEqual([
    "/etc/labfleet/tls/collector.crt 644 root",
    "/etc/labfleet/tls/collector.key 640 labfleet",
    "/etc/labfleet/tls/ca.crt 644 root",
    "/etc/labfleet/tls/ca.key 600 root",
  ]);
  const [certificate, , authority] = files.map(({ text }) => text);
  const own = new X509Certificate(certificate ?? "");
  expect(own.subjectAltName).toBe("DNS:hub.wg, IP Address:10.77.0.11");
  expect(own.checkIssued(new X509Certificate(authority ?? ""))).toBe(true);
  expect(await said("--role", "collector", "--name", "hub wg")).toContain("hub wg");
  expect(await said("--role", "collector", "--name", "hub", "--tls-key", file(PRIVATE))).toStartWith(
    "--name is for a certificate of its own authority; ",
  );
});

test("what is missing, or is none of what may be said, is one sentence", async () => {
  expect(await said()).toBe("say what this machine is to be; --role lab-host, or --role collector");
  expect(await said("--role", "host")).toStartWith('--role: found "host", expected lab-host or collector');
  expect(await said("--role", "lab-host")).toStartWith("say which host this is, and where its collector is; ");
  expect(await said("--role", "lab-host", "--host", "lab 1", "--url", "https://x")).toStartWith(
    '--host: found "lab 1", expected 1 to 128',
  );
  expect(await said("--role", "lab-host", "--host", "lab1", "--url", "hub:8443")).toStartWith(
    '--url: found "hub:8443", expected an http:// or https:// URL, such as',
  );
  expect(await said(...HOST, "--recorder", "no such user")).toStartWith(
    '--recorder: there is no user "no such user" in /etc/passwd; ',
  );
  expect((await answersOf(...HOST, "--recorder", "root")).recorder).toBe("root");
  expect(await said(...HOST, "--token-file", "/none")).toStartWith("--token-file: there is no /none");
  expect(await said(...HOST, "--token-file", "/etc")).toStartWith("--token-file: cannot read /etc: ");
});

test("the command line comes before the environment, and that before the file", async () => {
  const path = file("# a host of ours\n\nrole = lab-host\nhost=lab1\nurl = https://file\n");
  expect(await said("--answers", path)).toContain('url = "https://file"');
  {
    using _ = withEnv({ LABFLEET_URL: "https://environment", LABFLEET_HOST: "" });
    expect(await said("--answers", path)).toContain('host_id = "lab1"\n\n[receiver]\nurl = "https://environment"');
    expect(await said("--answers", path, "--url", "https://line")).toContain('url = "https://line"');
  }
  expect(await said("--answers", file("hots = lab1\n"))).toMatch(
    /answers, line 1: there is no "hots"; did you mean host\?$/,
  );
  expect(await said("--answers", file("role = lab-host\nlab1\n"))).toContain(
    "answers, line 2: expected a line such as host=lab1; ",
  );
  expect(await said("--answers", "/none")).toStartWith("--answers: there is no /none");
});

test("the collector that is named is asked for the release, and whom to trust with it", async () => {
  const ca = file("PEM");
  expect(await collectorOf(await readSaid(lineOf()))).toBeNull();
  expect(await collectorOf(await readSaid(lineOf("--url", "https://hub")))).toEqual({ url: "https://hub", ca: null });
  expect(await collectorOf(await readSaid(lineOf("--url", "https://hub", "--ca-bundle", ca)))).toEqual({
    url: "https://hub",
    ca: "PEM",
  });
});

test("the build is the one whose instructions the processor has", () => {
  const of = (flags: string, arch = "x64") => targetHere(arch, `processor : 0\nflags\t\t: fpu ${flags} sse\n`);
  expect([of("avx2 sse4_2"), of("sse4_2"), of("", "arm64")]).toEqual([
    "linux-x64",
    "linux-x64-baseline",
    "linux-arm64",
  ]);
  expect(() => of("ssse3")).toThrow("there is no build for this machine (x64, ");
});

test("what a host shows, whose commit records and how long it keeps goes into its configuration", async () => {
  const [cert, key] = [file(CRT), file(PRIVATE)];
  const more = ["--client-cert", cert, "--client-key", key, "--commit-file", "/srv/rig/VERSION", "--keep-days", "30"];
  expect(await said(...HOST, ...more)).toBe(
    'host_id = "lab1"\n\n[receiver]\nurl = "https://hub:8443"\nclient_cert = "/etc/labfleet/tls/host.crt"\nclient_key = "/etc/labfleet/tls/host.key"\n\n[shipper]\ncommit_file = "/srv/rig/VERSION"\n\n[retention]\nkeep_local_for_days = 30\n',
  );
  const { files, introduced } = await answersOf(...HOST, ...more);
  expect(files.map(({ path, kind, mode }) => [path, kind, mode])).toEqual([
    ["/etc/labfleet/tls/host.crt", "config", 0o644],
    ["/etc/labfleet/tls/host.key", "secret", 0o640],
  ]);
  expect([introduced?.receiver.clientCert, introduced?.receiver.clientKey]).toEqual([cert, key]);
  expect(await said(...HOST, "--client-cert", cert)).toBe(
    "a certificate and its key go together; --client-cert PATH --client-key PATH",
  );
  expect(await said(...HOST, "--client-cert", key, "--client-key", key)).toContain("--client-cert: ");
  expect(await said(...HOST, "--commit-file", "VERSION")).toBe(
    '--commit-file: found "VERSION", expected a whole path; null',
  );
  expect(await said(...HOST, "--keep-days", "a week")).toBe(
    '--keep-days: found "a week", expected a number of days, such as 7; 0 keeps for ever; null',
  );
});

test("a collector's gate is the file of the commits that it takes", async () => {
  const collector = ["--role", "collector", "--tls-certificate", file(CRT), "--tls-key", file(PRIVATE)];
  expect(await said(...collector, "--accepted-commits", "/etc/labfleet/accepted-commits")).toEndWith(
    '\n\n[gate]\naccepted_commits_file = "/etc/labfleet/accepted-commits"\n',
  );
  expect(await said(...HOST, "--accepted-commits", "/x")).toContain("--accepted-commits says nothing of a lab-host");
});
