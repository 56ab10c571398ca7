// What may stand in a server's certificate as its name.

import { expect, test } from "bun:test";
import { subjectNames } from "../../lib/authority/names.ts";
import { UserError } from "../../lib/core/failure.ts";

const LONGEST = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(61)}`;

test.each([
  ["collector.wg", "dns", "collector.wg"],
  ["Collector.WG", "dns", "collector.wg"],
  ["hub", "dns", "hub"],
  ["xn--bcher-kva.example", "dns", "xn--bcher-kva.example"],
  ["3com.example", "dns", "3com.example"],
  [LONGEST, "dns", LONGEST],
  ["10.77.0.11", "ip", "10.77.0.11"],
  ["fd00::1", "ip", "fd00::1"],
  ["FD00:0:0:0:0:0:0:1", "ip", "fd00::1"],
  ["::", "ip", "::"],
  ["::ffff:10.0.0.1", "ip", "::ffff:a00:1"],
])("%s is a name: %s", (name, type, value) => {
  expect(subjectNames([name])).toEqual([{ type, value }] as never);
});

test.each([
  ["10.77.0.256", '"10.77.0.256" is neither a DNS name nor an IP address'],
  ["10.77.0", '"10.77.0" is neither a DNS name nor an IP address'],
  ["collector_1.wg", '"collector_1.wg" is neither a DNS name nor an IP address'],
  ["collector.wg.", '"collector.wg." is neither a DNS name nor an IP address'],
  ["-a.wg", '"-a.wg" is neither a DNS name nor an IP address'],
  ["a-.wg", '"a-.wg" is neither a DNS name nor an IP address'],
  ["a..wg", '"a..wg" is neither a DNS name nor an IP address'],
  ["", '"" is neither a DNS name nor an IP address'],
  ["https://hub", '"https://hub" is neither a DNS name nor an IP address'],
  ["hub:8443", '"hub:8443" is neither a DNS name nor an IP address'],
  ["bücher.example", '"bücher.example" is neither a DNS name nor an IP address'],
  ["a\nb", '"a\\nb" is neither a DNS name nor an IP address'],
  ["[fd00::1]", '"[fd00::1]" is neither a DNS name nor an IP address'],
  ["fe80::1%eth0", '"fe80::1%eth0" is neither a DNS name nor an IP address'],
  [`${"a".repeat(64)}.wg`, `"${"a".repeat(64)}.wg" is neither a DNS name nor an IP address`],
  ["*.wg", '"*.wg" is a wildcard: a collector\'s certificate is for its own names alone'],
  [`${LONGEST}e`, `a name of 254 characters is too long: a DNS name has at most 253; found "${LONGEST}e"`],
])("%j is none, and that is one sentence", (name, said) => {
  let error: unknown;
  try {
    subjectNames(["collector.wg", name]);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(UserError);
  expect(error).toMatchObject({ exitCode: 2, hint: "name it as hosts do, such as collector.wg or 10.77.0.11" });
  expect((error as UserError).message).toBe(said);
});

test("at least one, and each once", () => {
  expect(() => subjectNames([])).toThrow("a server's certificate needs a name");
  expect(subjectNames(["hub", "10.0.0.1", "HUB", "fd00::1", "fd00:0::1"]).map(({ value }) => value)).toEqual([
    "hub",
    "10.0.0.1",
    "fd00::1",
  ]);
});
