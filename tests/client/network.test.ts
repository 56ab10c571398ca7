// Faults of a network, made in a namespace of its own: no route, no neighbour, no IPv6, a firewall, no name service. Bun calls
// most of them ECONNREFUSED; what is said has to be true all the same.

import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../support/temp-dir.ts";

const isRoot = process.geteuid?.() === 0 && Bun.which("unshare") !== null && Bun.which("ip") !== null;

/** A host with one network, 10.9.0.0/24, on which nobody else is, and without IPv6. */
const SETUP = `
mount --bind "$1/hosts" /etc/hosts
mount --bind "$1/resolv.conf" /etc/resolv.conf
ip link set lo up
ip link add v0 type veth peer name v1
ip addr add 10.9.0.1/24 dev v0
ip link set v0 up && ip link set v1 up
ip route add prohibit 10.5.0.0/24
shift
exec "$@"
`;

const PROGRAM = join(import.meta.dir, "../fixtures/programs/ask.ts");

const EXPECTED: readonly (readonly [url: string, reason: string, said: string])[] = [
  ["http://10.8.0.5:8443", "connect ENETUNREACH", "this host has no way to 10.8.0.5:8443: its network is down"],
  ["http://far:8443", "connect ENETUNREACH", "this host has no way to far:8443 (10.8.0.5): "],
  [
    "https://10.9.0.5",
    "connect EHOSTUNREACH",
    "10.9.0.5:443 does not answer on its network; fix: switch the collector",
  ],
  ["http://six", "connect ENETUNREACH", "six:80 (fd00:1::5) is an IPv6 address, and this host has no way to it; fix: "],
  ["http://10.5.0.1", "connect EACCES", "this host itself forbids connections to 10.5.0.1:80 (EACCES); fix: "],
  ["http://127.0.0.1:8443", "connect ECONNREFUSED", "nobody listens at 127.0.0.1:8443; fix: "],
  ["http://colector:8443", "dns EAI_AGAIN", "the name service does not answer for colector: EAI_AGAIN; fix: "],
];

test.skipIf(!isRoot)(
  "what a network lacks is said as it is, and stops everything at once (needs root, unshare and ip)",
  async () => {
    const dir = tempDir();
    writeFileSync(join(dir, "hosts"), "127.0.0.1 localhost\n10.8.0.5 far\nfd00:1::5 six\n");
    writeFileSync(join(dir, "resolv.conf"), "nameserver 127.0.0.1\n");
    const namespaces = ["unshare", "--net", "--mount", "sh", "-ec", SETUP, "sh", dir];
    const urls = EXPECTED.map(([url]) => url);
    const child = Bun.spawn([...namespaces, process.execPath, PROGRAM, ...urls], { stdout: "pipe", stderr: "pipe" });
    const [out, errors] = [await child.stdout.text(), await child.stderr.text()];
    expect(errors).toBe("");
    const lines: { url: string; reason: string; immediate: boolean; said: string }[] = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    for (const [i, [url, reason, said]] of EXPECTED.entries()) {
      expect(lines[i]).toMatchObject({ url, reason, immediate: true, said: expect.stringContaining(said) });
    }
  },
  180_000,
);
