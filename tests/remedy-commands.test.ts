// A command that is told exists where it is to be run: ours with its verb and options, and on its own machine; another with the Debian
// package that has it.

import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ToolSpec } from "../lib/cli/table.ts";
import { TOOL_NAMES, type ToolName, toolOf } from "../lib/core/tools.ts";
import { sources } from "./support/sources.ts";

const isTool = (name: string): name is ToolName => TOOL_NAMES.some((tool) => tool === name);

/** What remedies call beside our own tools, by the package that has it; those of `essential` are on every Debian. */
const PROGRAMS: Readonly<Record<string, string>> = {
  chattr: "e2fsprogs",
  chgrp: "essential",
  chmod: "essential",
  chown: "essential",
  cp: "essential",
  curl: "curl",
  diff: "essential",
  dmesg: "essential",
  // Where quotas are set it is there.
  edquota: "quota",
  find: "essential",
  findmnt: "essential",
  getent: "essential",
  groupadd: "passwd",
  install: "essential",
  ip: "iproute2",
  journalctl: "systemd",
  kill: "essential",
  ls: "essential",
  mount: "mount",
  mv: "essential",
  nft: "nftables",
  openssl: "openssl",
  ping: "iputils-ping",
  rm: "essential",
  rmdir: "essential",
  sed: "essential",
  sh: "essential",
  ss: "iproute2",
  systemctl: "systemd",
  "systemd-machine-id-setup": "systemd",
  timedatectl: "systemd",
  umount: "essential",
  usermod: "passwd",
  vmstat: "procps",
};

interface Called {
  file: string;
  /** Where it is run; `here`: on the machine of whoever says it. */
  on: string;
  /** The words that stand there as they are, up to the first that is filled in. */
  words: string[];
  /** Options that stand anywhere in it. */
  options: string[];
}

/** Every command that is written out in the code, with what says where it is run. */
const called: Called[] = [...sources].flatMap(([file, text]) => [
  ...[...text.matchAll(/\b(here|onHost)\(\s*((?:"[^"]*"|[^()"]|\([^()]*\))*)\)/g)].map(([, on = "", list = ""]) =>
    callOf(file, on === "onHost" ? "host" : on, list),
  ),
  ...[...text.matchAll(/\{ argv: \[((?:"[^"]*"|[^\]"])*)\], on(?:: "(\w+)")? \}/g)].map(([, list = "", on = "host"]) =>
    callOf(file, on, list),
  ),
]);

function callOf(file: string, on: string, list: string): Called {
  const parts = [...list.matchAll(/"([^"]*)"|[^\s,"][^,"]*/g)].map(([whole, literal]) => literal ?? `\0${whole}`);
  const known = parts.findIndex((part) => part.startsWith("\0"));
  return {
    ...{ file, on, words: known < 0 ? parts : parts.slice(0, known) },
    options: parts.filter((part) => part.startsWith("--")).map((part) => part.slice(2).split("=")[0] ?? ""),
  };
}

const withProgram = called
  .map((call) => ({ ...call, words: call.words[0] === "sudo" ? call.words.slice(1) : call.words }))
  .filter(({ words }) => words.length > 0);

test("they are found", () => {
  expect(withProgram.length).toBeGreaterThan(70);
});

test("each program is ours, or of a package that is known, and is there", () => {
  const others = [...new Set(withProgram.map(({ words }) => words[0] ?? "").filter((name) => !isTool(name)))].sort();
  expect(others.filter((name) => PROGRAMS[name] === undefined)).toEqual([]);
  const places = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];
  const isThere = (name: string) => places.some((place) => existsSync(join(place, name)));
  expect(others.filter((name) => PROGRAMS[name] === "essential" && !isThere(name))).toEqual([]);
});

test("a tool of ours has that verb, and each option", async () => {
  const wrong: string[] = [];
  for (const { file, words, options } of withProgram) {
    const [tool = "", first = "", second = ""] = words;
    if (!isTool(tool)) continue;
    const { COMMAND_LINE } = (await import(`../lib/${tool}/command-line.ts`)) as { COMMAND_LINE: ToolSpec };
    const verb = COMMAND_LINE.commands[first] === undefined ? `${first} ${second}` : first;
    const spec = COMMAND_LINE.commands[verb];
    const known = { ...COMMAND_LINE.options, ...spec?.options };
    if (spec === undefined) wrong.push(`${file}: ${tool} ${verb}`);
    for (const option of options) if (known[option] === undefined) wrong.push(`${file}: ${tool} ${verb} --${option}`);
  }
  expect(wrong).toEqual([]);
});

/** Whose words are read on the collector. */
const ON_COLLECTOR = /^lib\/(receiver|fleet|fleet-health)\//;
const ON_HOST = /^lib\/(shipper|heartbeat|client)\//;

test("a tool is called on its own machine", () => {
  const wrong = withProgram.filter(({ file, on, words: [tool = ""] }) => {
    if (!isTool(tool)) return false;
    const reader = ON_COLLECTOR.test(file) ? "collector" : ON_HOST.test(file) ? "host" : null;
    const place = on === "here" ? reader : on;
    return place !== null && toolOf(tool).on !== place;
  });
  expect(wrong.map(({ file, words }) => `${file}: ${words.join(" ")}`)).toEqual([]);
});
