// Slips on the command line: what they lead to is neither moved nor written over.

import { expect, test } from "bun:test";
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fixText } from "../../lib/core/finding.ts";
import { parseFleetHealthConfig } from "../../lib/fleet-health/config.ts";
import { outOfTheWay } from "../../lib/fleet-health/named.ts";
import { refuseSame } from "../../lib/fleet-health/same-place.ts";
import { type FleetHealthConfig, placesOf, withFlags } from "../../lib/fleet-health/settings.ts";
import { tempDir } from "../support/temp-dir.ts";

test.each([
  ["--attempts-dir", "/data/index.jsonl", "/data/index.jsonl"],
  ["--state-path", "/data/collector.toml/", "/data/collector.toml"],
  ["--state-path", "/data/collector.toml/below", "/data/collector.toml"],
  ["--state-path", "/data/state", "/data/state/lock"],
  ["--alerts-path", "/data", "/data"],
])("%s %s: what stands at %s is not moved", (option, named, at) => {
  const said = (...typed: string[]) => fixText(outOfTheWay(at, ["fleet-health", ...typed]));
  expect(said(option, named)).toBe(`name another with ${option}`);
  expect(said("-v", `${option}=${named}`)).toBe(`name another with ${option}`);
  expect(said("--index-path", "/other/index.jsonl")).toBe(`sudo mv -T ${at} ${at}.aside`);
  expect(said(option)).toBe(`sudo mv -T ${at} ${at}.aside`);
});

test("what only begins as what was named is not that", () => {
  const typed = ["fleet-health", "--state-path", "/data/state"];
  expect(fixText(outOfTheWay("/data/state2", typed))).toBe("sudo mv -T /data/state2 /data/state2.aside");
});

function collector(): { root: string; config: FleetHealthConfig; said: (options: Record<string, string>) => string } {
  const root = tempDir();
  const config = { ...parseFleetHealthConfig("", "collector.toml").config, ...placesOf(root) };
  writeFileSync(join(root, "index.jsonl"), "");
  writeFileSync(join(root, "collector.toml"), "");
  mkdirSync(join(root, "attempts"));
  const said = (options: Record<string, string>): string => {
    try {
      refuseSame(withFlags(config, options), join(root, "collector.toml"));
      return "";
    } catch (error) {
      return error instanceof Error ? error.message.replaceAll(root, "") : "";
    }
  };
  return { root, config, said };
}

test("no two things are one file, by whatever name", () => {
  const { root, said } = collector();
  const both = "is to be the index (--index-path) and the alerts (--alerts-path): each needs a path of its own";
  symlinkSync("index.jsonl", join(root, "soft"));
  linkSync(join(root, "index.jsonl"), join(root, "hard"));
  for (const name of ["index.jsonl", "soft", "hard"])
    expect(said({ "alerts-path": join(root, name) })).toBe(`/${name} ${both}`);
  expect(said({ "index-path": join(root, "collector.toml") })).toContain("the configuration and the index");
  expect(said({ "state-path": join(root, "attempts") })).toContain("the attempts (--attempts-dir) and the state");
  expect(said({ "alerts-path": join(root, "ticks") })).toContain("a file of the receiver and the alerts");
  mkdirSync(join(root, "sub"));
  symlinkSync(root, join(root, "sub/up"));
  expect(said({ "state-path": join(root, "sub/up/alerts.jsonl") })).toContain(
    "the alerts (--alerts-path) and the state",
  );
});

test("nothing of the health check lies in what is another's, and nothing else in its state", () => {
  const { root, said } = collector();
  const lies = (option: string, path: string): string => said({ [option]: join(root, path) });
  expect(lies("alerts-path", "attempts/2026-05-01.jsonl")).toBe(
    "/attempts/2026-05-01.jsonl, which is to be the alerts (--alerts-path), lies in /attempts, which is the attempts (--attempts-dir): each needs a path of its own",
  );
  symlinkSync("attempts", join(root, "link"));
  for (const path of [
    "heartbeats/lab1.json",
    "episodes/lab1/ep/x",
    "incoming/x",
    "aside/x",
    "enrolment/x",
    "link/new/x",
  ])
    expect(lies("alerts-path", path), path).toContain(" lies in ");
  for (const path of ["episodes/x", "attempts/x", "heartbeats", "episodes"])
    expect(lies("state-path", path), path).toMatch(/ lies in | is to be /);
  for (const path of ["fleet-health/incidents.jsonl", "fleet-health/retired.json"])
    expect(lies("alerts-path", path), path).toContain("which is the state (--state-path)");
  expect(lies("state-path", ".")).toContain("lies in , which is the state (--state-path)");
  for (const path of ["journal.jsonl", "token-use.json", "index.torn"])
    expect(lies("alerts-path", path), path).toContain("a file of the receiver and the alerts");
  expect(lies("alerts-path", "attempts2/x")).toBe("");
});

test("one node stands for all that a unit closes: those are the receiver's own affair", () => {
  const { root, said } = collector();
  writeFileSync(join(root, "closed"), "");
  for (const name of ["token-use.json", "journal.jsonl"]) linkSync(join(root, "closed"), join(root, name));
  mkdirSync(join(root, "shut"));
  for (const name of ["episodes", "incoming"]) symlinkSync("shut", join(root, name));
  expect(said({})).toBe("");
  expect(said({ "alerts-path": join(root, "closed") })).toContain("a file of the receiver and the alerts");
});

test("paths of their own are fine, there or not", () => {
  const { root, said } = collector();
  expect(said({})).toBe("");
  expect(said({ "alerts-path": "/proc/self/nowhere/x", "state-path": join(root, "not/there") })).toBe("");
  expect(said({ "index-path": "/other/index.jsonl" })).toBe(
    "the index /other/index.jsonl is not there, and neither is /other",
  );
  expect(said({ "index-path": "/other/index.jsonl", "state-path": join(root, "state") })).toBe("");
  expect(said({ "index-path": "/dev/null" })).toBe("the index /dev/null is no regular file");
});
