import { expect, test } from "bun:test";
import { formatKnownHosts, type KnownHosts, parseKnownHosts } from "../../lib/contract/known-hosts.ts";

const KNOWN: KnownHosts = {
  at: "2026-05-01T12:00:00.000000+00:00",
  store: { id: "a".repeat(32), succeeds: [] },
  hosts: [{ host: "lab1", token_since: null, moved_at: "2026-05-01T11:59:00.000000+00:00" }],
};
const TEXT =
  `{"at":"2026-05-01T12:00:00.000000+00:00","store":{"id":"${"a".repeat(32)}","succeeds":[]},` +
  '"hosts":[{"host":"lab1","token_since":null,"moved_at":"2026-05-01T11:59:00.000000+00:00"}]}\n';

test("the hosts are read back as they were written, and what is none of ours is none", () => {
  expect(formatKnownHosts(KNOWN)).toBe(TEXT);
  expect(parseKnownHosts(TEXT)).toEqual(KNOWN);
  const without = { ...KNOWN, store: null, hosts: [] };
  expect(parseKnownHosts(formatKnownHosts(without))).toEqual(without);
  const bad = ["", "{}", TEXT.replace('"lab1"', "1"), TEXT.replace('"id"', '"no"'), TEXT.replace("null", "3")];
  expect(bad.map(parseKnownHosts)).toEqual([null, null, null, null, null]);
});
