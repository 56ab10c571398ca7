// Where files lie (docs/architecture.md): folders of a tool point one way, none is a heap, and what says that it is pure is so.

import { describe, expect, test } from "bun:test";
import { dirname } from "node:path";
import { TOOL_NAMES } from "../lib/core/tools.ts";
import { graph, headOf, sources, wholeGraph } from "./support/sources.ts";

/**
 * The ground, the folders and the roof of each tool, from below: each imports only what stands before it, types too. A name
 * with `.ts` is a file at the root of the tool; files there that are not named are the roof, which may import everything.
 */
const ORDER: Record<string, string[]> = {
  shipper: [
    ...["settings.ts", "trust", "decide.ts", "words", "episode", "pack", "queue", "disk", "settle", "retention"],
    ...["intake", "work", "status", "commands"],
  ],
  receiver: [
    ...["settings.ts", "identity", "room.ts", "episode-store.ts", "decide.ts", "disk", "load.ts", "http", "answering"],
    ...[
      "store/files",
      "store/index",
      "store/reading",
      "store",
      "store/verify",
      "backend.ts",
      "access",
      "refusals",
      "episodes",
    ],
    ...["judge", "listen", "readiness", "heartbeats", "enrolment", "releases", "certificate", "commands"],
  ],
  heartbeat: [
    ...["settings.ts", "decide.ts", "plugin.ts", "collect", "plugins", "checks", "nagios", "plugins-dir", "send"],
  ],
  "fleet-health": [
    ...[
      "named.ts",
      "not-read.ts",
      "not-written.ts",
      "python",
      "index",
      "coverage",
      "refusals",
      "hosts",
      "reference",
      "incidents",
      "judge",
    ],
    ...[
      "notify",
      "notify/delivery",
      "settings.ts",
      "same-place.ts",
      "orders",
      "state",
      "round.ts",
      "inputs.ts",
      "commands",
    ],
  ],
  installer: [
    "command-line.ts",
    "wanted.ts",
    "plan.ts",
    "accounts.ts",
    "facts.ts",
    "owned.ts",
    "enrol.ts",
    "preflight",
    "answers",
    "lock.ts",
    "agreed.ts",
    "questions.ts",
    "target.ts",
    "show.ts",
    "apply",
    "commands",
  ],
  release: [
    "source.ts",
    "open.ts",
    "pieces.ts",
    "fsync-tree.ts",
    "is-file.ts",
    "stage.ts",
    "shelf.ts",
    "http-source.ts",
  ],
  runtime: ["log", "unreadable.ts", "tool.ts", "config", "markers.ts", "diagnostic", "ends"],
  authority: ["names.ts", "keys.ts", "x509.ts", "certificates.ts"],
  client: [
    "upload-phase.ts",
    "upload-watch.ts",
    "upload-body.ts",
    "upload.ts",
    "credentials.ts",
    "probe.ts",
    "failures",
  ],
};

test("one file names the store on files, and all others ask what it gives them: another backend is an addition", () => {
  const isOfStore = (file: string): boolean => file.startsWith("lib/receiver/store/");
  const users = [...wholeGraph].filter(([file, imports]) => !isOfStore(file) && imports.some(isOfStore));
  expect(users.map(([file]) => file)).toEqual(["lib/receiver/backend.ts"]);
});

/** Shared folders, from below. */
const SHARED = [
  "core/text",
  "core",
  "core/linux",
  "contract",
  "authority",
  "os",
  "os/process",
  "os/files",
  "fleet",
  "schema",
  "client",
  "release",
];

describe.each(Object.entries(ORDER))("%s", (tool, order) => {
  const base = `lib/${tool}/`;
  const own = [...wholeGraph.keys()].filter((file) => file.startsWith(base));
  const place = (file: string): number => {
    const inner = file.slice(base.length);
    const at = order.indexOf(inner.includes("/") ? dirname(inner) : inner);
    return at < 0 && !inner.includes("/") ? order.length : at;
  };

  test("every folder has its place", () => {
    expect(own.filter((file) => place(file) < 0)).toEqual([]);
    const seen = new Set(own.map((file) => order[place(file)]));
    expect(order.filter((name) => !seen.has(name))).toEqual([]);
  });

  test("imports point down: whoever changes a folder need not read those above it", () => {
    const up = own.flatMap((file) =>
      (wholeGraph.get(file) ?? [])
        .filter((to) => to.startsWith(base) && place(to) > place(file))
        .map((to) => `${file} -> ${to}`),
    );
    expect(up).toEqual([]);
  });
});

test("shared folders point down, too", () => {
  const place = (file: string): number => SHARED.indexOf(dirname(file).replace(/^lib\//, ""));
  const up = [...wholeGraph].flatMap(([file, imports]) =>
    imports.filter((to) => place(file) >= 0 && place(to) > place(file)).map((to) => `${file} -> ${to}`),
  );
  expect(up).toEqual([]);
});

/** About twelve files are read at a glance. */
const FOLDER_MAX = 15;

test(`no folder has more than ${FOLDER_MAX} files`, () => {
  const sizes = new Map<string, number>();
  for (const file of sources.keys()) sizes.set(dirname(file), (sizes.get(dirname(file)) ?? 0) + 1);
  expect([...sizes].filter(([folder, size]) => size > FOLDER_MAX && folder !== "lib/contract")).toEqual([]);
});

test("what one tool alone uses lies in that tool: a shared folder is read by whoever writes the next one", () => {
  const users = new Map<string, Set<string>>();
  for (const [file, imports] of wholeGraph) {
    for (const to of imports) users.set(to, (users.get(to) ?? new Set()).add(file.split("/")[1] ?? ""));
  }
  const alone = [...users].filter(
    ([file, names]) =>
      // contract/ is what is published, and fleet/ what is said of hosts to whoever asks, whether two ask yet or not.
      /^lib\/(core|os|client|schema|cli|runtime)\//.test(file) &&
      names.size === 1 &&
      TOOL_NAMES.some((tool) => names.has(tool)),
  );
  expect(alone.map(([file]) => file)).toEqual([]);
});

/** What reaches out of a file that says it is pure. */
const EFFECTS =
  /\b(Bun\.(?!Transpiler)|process\.(?!ts\b)|Date\.now\(|new Date\(\)|Math\.random\(|performance\.now\(|setTimeout\(|setInterval\(|fetch\()/;

/** Modules that compute only. */
const COMPUTES = /^(node:path(\/posix)?|arktype(\/config)?|smol-toml)$/;

function saysPure(file: string): boolean {
  return /\bPure\b/.test(headOf(file));
}

/** Everything that a file loads, itself included. */
function closure(file: string): string[] {
  const all = new Set([file]);
  for (const one of all) for (const to of graph.get(one) ?? []) all.add(to);
  return [...all];
}

describe("what says that it is pure", () => {
  const pure = [...sources.keys()].filter(saysPure);

  test("loads no module with effects, and neither does what it loads", () => {
    expect(pure.length).toBeGreaterThan(50);
    const broken = pure.flatMap((file) =>
      closure(file)
        .filter((to) => !sources.has(to) && !COMPUTES.test(to))
        .map((to) => `${file} -> ${to}`),
    );
    expect(broken).toEqual([]);
  });

  test("asks no clock, no chance and no machine, and neither does what it loads", () => {
    const code = (file: string): string => (sources.get(file) ?? "").replace(/^\s*(?:\/\/|\/\*|\*).*$/gm, "");
    const broken = pure.flatMap((file) =>
      closure(file)
        .filter((to) => sources.has(to) && EFFECTS.test(code(to)))
        .map((to) => `${file} -> ${to}: ${EFFECTS.exec(code(to))?.[0]}`),
    );
    expect(broken).toEqual([]);
  });
});
