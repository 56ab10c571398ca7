// Who may import whom (docs/architecture.md). Each rule has its reason, and fails if it matches no file any more.

import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { TOOL_NAMES } from "../lib/core/tools.ts";
import { graph, headOf, ROOT, transpiler, wholeGraph } from "./support/sources.ts";

const LAYER = /^lib\/(core|contract|schema|os|authority|client|fleet|release|runtime|cli)\//;

interface Rule {
  /** Files that the rule speaks of. */
  from: RegExp;
  /** Imports that it allows; everything else is forbidden. */
  allow: RegExp;
  because: string;
}

const RULES: Rule[] = [
  {
    from: /^lib\/core\//,
    allow: /^lib\/core\//,
    because: "core decides with literals: no clock, no random, no node:, no Bun, no packages",
  },
  {
    from: /^lib\/contract\//,
    allow: /^(lib\/(contract|core)\/|node:path\/posix$)/,
    because: "what two programs read has one type, one parser and one writer, and decides with literals",
  },
  {
    from: /^lib\/schema\//,
    allow: /^(lib\/(schema|contract|core)\/|arktype|smol-toml)/,
    because: "schema turns text into types and touches nothing of the machine",
  },
  {
    from: /^lib\/os\//,
    allow: /^(lib\/(os|contract|core)\/|node:|bun:ffi)/,
    because: "os is effects, one noun a file; it knows no config and no tool",
  },
  {
    from: /^lib\/authority\//,
    allow: /^(lib\/(authority|contract|core)\/|node:(crypto|net)$|@peculiar\/x509$|reflect-metadata$)/,
    because: "certificates are texts: where they lie and who may read them is for whoever asks for one",
  },
  {
    from: /^lib\/client\//,
    allow: /^(lib\/(client|os|contract|core)\/|node:)/,
    because:
      "how a receiver is asked and what a failure means serves every program of a lab host, and knows none of them",
  },
  {
    from: /^lib\/client\/failures\/(answers|credential-failures|explain|failures|tls-failures)\.ts$/,
    allow:
      /^lib\/(core\/|client\/failures\/(answers|credential-failures|explain|failures|tls-failures)\.ts$|client\/(credentials|probe|upload)\.ts$|os\/files\/access\.ts$)/,
    because: "what mends a failure is decided with literals; of what has effects it takes types alone",
  },
  {
    from: /^lib\/runtime\//,
    allow: /^(lib\/(runtime|os|contract|core)\/|node:|consola)/,
    because: "the daemon's life must start fast and know no tool; arktype would cost it 30 MB and 80 ms",
  },
  {
    from: /^lib\/cli\/(?!main\.ts)/,
    allow: /^(lib\/(cli|core)\/|node:util)/,
    because: "the command line is a table and a sentence; it needs nothing of the machine",
  },
  {
    from: /^lib\/fleet\//,
    allow: /^lib\/(core|contract|fleet)\//,
    because:
      "what is known of a host is decided with literals, for the wire, the command line and whoever watches the fleet",
  },
  {
    from: /^lib\/release\//,
    allow: /^(lib\/(release|os|contract|core)\/|node:)/,
    because: "how a release is proved, staged and switched serves whoever installs or updates, and knows none of them",
  },
  {
    from: /^bin\//,
    allow: /^lib\/(cli\/main\.ts|[a-z-]+\/(run|command-line)\.ts)$/,
    because: "an executable is argv -> run; anything more belongs in lib",
  },
];

for (const { from, allow, because } of RULES) {
  test(`${from.source} imports only ${allow.source}: ${because}`, () => {
    const files = [...graph.keys()].filter((file) => from.test(file));
    expect(files.length, "the rule matches no file any more").toBeGreaterThan(0);
    const broken = files.flatMap((file) =>
      (graph.get(file) ?? []).filter((to) => !allow.test(to)).map((to) => `${file} -> ${to}`),
    );
    expect(broken).toEqual([]);
  });
}

test("a tool never imports another tool: each is its own executable and fails alone", () => {
  const broken: string[] = [];
  for (const [file, imports] of graph) {
    const tool = TOOL_NAMES.find((name) => file.startsWith(`lib/${name}/`));
    for (const to of imports) {
      const other = TOOL_NAMES.find((name) => to.startsWith(`lib/${name}/`));
      if (tool !== undefined && other !== undefined && other !== tool) broken.push(`${file} -> ${to}`);
    }
  }
  expect(TOOL_NAMES.every((tool) => [...graph.keys()].some((file) => file.startsWith(`lib/${tool}/`)))).toBe(true);
  expect(broken).toEqual([]);
});

test("the shared layers import no tool: they have more than one user", () => {
  const broken = [...graph].flatMap(([file, imports]) =>
    LAYER.test(file)
      ? imports.filter((to) => TOOL_NAMES.some((tool) => to.startsWith(`lib/${tool}/`))).map((to) => `${file} -> ${to}`)
      : [],
  );
  expect(broken).toEqual([]);
});

test("answers go through os/answer.ts: what process.stdout has not written yet is lost at process.exit()", () => {
  const users = [...graph.keys()].filter((file) =>
    readFileSync(join(ROOT, file), "utf8").includes("process.stdout.write"),
  );
  expect(users).toEqual([]);
});

test("no message names a document of this repository: what a person needs on a host is in the message", () => {
  const named = [...graph.keys()].filter((file) =>
    readFileSync(join(ROOT, file), "utf8")
      .split("\n")
      .some(
        (line) => /\bdocs\/|\bREADME|\.md\b/.test(line) && !/^\s*(?:\/\/|\/\*|\*)|\/\/.*(?:docs\/|\.md)/.test(line),
      ),
  );
  // Its rows are word for word those of the Python fleet, which has such a document.
  expect(named).toEqual(["lib/fleet-health/reference/alerts.ts"]);
});

/** All of lib/schema but what only parses. */
const CHECKS = /^lib\/schema\/(?!toml\.ts$)/;

test("arktype is imported in lib/schema/ark.ts alone, and reached from config.ts and wire.ts: it costs memory and time", () => {
  const direct = [...graph]
    .filter(([, imports]) => imports.some((to) => to.startsWith("arktype")))
    .map(([file]) => file);
  expect(direct).toEqual(["lib/schema/ark.ts"]);
  const users = [...graph]
    .filter(([file, imports]) => !file.startsWith("lib/schema/") && imports.some((to) => CHECKS.test(to)))
    .map(([file]) => file);
  expect(users.filter((file) => !/\/(config|wire)\.ts$/.test(file))).toEqual([]);
  expect(users.length).toBeGreaterThan(0);
});

test.each(["heartbeats", "judge"])(
  "a running receiver imports the schema of %s only when it needs it: most of what a receiver does is without arktype",
  (folder) => {
    const wire = `lib/receiver/${folder}/wire.ts`;
    const importers = [...graph].filter(([, imports]) => imports.includes(wire)).map(([file]) => file);
    expect(importers).toEqual([`lib/receiver/${folder}/routes.ts`]);
    const kinds = importers.flatMap((file) =>
      transpiler.scanImports(readFileSync(join(ROOT, file), "utf8")).filter(({ path }) => path === "./wire.ts"),
    );
    expect(kinds.map(({ kind }) => kind)).toEqual(["dynamic-import"]);
  },
);

test("certificates are made in lib/authority alone, and a running receiver has not loaded it: most never make one", () => {
  const direct = [...graph].filter(([, imports]) => imports.includes("@peculiar/x509")).map(([file]) => file);
  expect(direct).toEqual(["lib/authority/x509.ts"]);
  // An `import` of it would run before what it needs, in an executable, and from source now and then.
  const how = transpiler.scanImports(readFileSync(join(ROOT, "lib/authority/x509.ts"), "utf8"));
  expect(how.map(({ kind, path }) => `${kind} ${path}`)).toEqual([
    "require-call reflect-metadata",
    "require-call @peculiar/x509",
  ]);
  // What a start loads: dynamic imports are not followed.
  const loaded = new Set(["lib/receiver/run.ts"]);
  for (const file of loaded)
    for (const { path, kind } of transpiler.scanImports(readFileSync(join(ROOT, file), "utf8")))
      if (kind === "import-statement" && path.startsWith(".") && path.endsWith(".ts"))
        loaded.add(join(dirname(file), path));
  expect(loaded.has("lib/receiver/listen/own-authority.ts")).toBe(true);
  expect([...loaded].filter((file) => file.startsWith("lib/authority/"))).toEqual([]);
});

test("problems are made in the receiver's answering.ts alone: there each gets the echo of its own request", () => {
  const users = [...graph]
    .filter(([, imports]) => imports.includes("lib/receiver/answering/answers.ts"))
    .map(([file]) => file);
  const makers = users.filter((file) => readFileSync(join(ROOT, file), "utf8").includes("problemResponse"));
  expect(makers).toEqual(["lib/receiver/answering/answering.ts"]);
});

test("process.exit stands in lib/cli/main.ts and lib/runtime/daemon.ts alone: one place knows that the end has come", () => {
  const files = [...graph.keys()].filter((file) => readFileSync(join(ROOT, file), "utf8").includes("process.exit("));
  expect(files.sort()).toEqual(["lib/cli/main.ts", "lib/runtime/daemon.ts"]);
});

test("bun:ffi stands in libc.ts and signal-sender.ts alone: a library name that is missing would be looked for in the working directory", () => {
  const files = [...graph].filter(([, imports]) => imports.includes("bun:ffi")).map(([file]) => file);
  expect(files.sort()).toEqual(["lib/os/libc.ts", "lib/os/process/signal-sender.ts"]);
});

test("no two files import each other, directly or in a ring, types neither", () => {
  const rings: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, trail: string[]): void => {
    if (trail.includes(file)) rings.push([...trail.slice(trail.indexOf(file)), file].join(" -> "));
    if (done.has(file) || trail.includes(file)) return;
    for (const to of wholeGraph.get(file) ?? []) if (wholeGraph.has(to)) visit(to, [...trail, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  expect(rings).toEqual([]);
});

test("core, contract, fleet and every decide.ts say that they are pure, or types: folders.test.ts holds them to it", () => {
  const places = [/^lib\/core\//, /^lib\/contract\//, /^lib\/fleet\//, /\/decide\.ts$/];
  for (const place of places) expect([...graph.keys()].some((file) => place.test(file))).toBe(true);
  const silent = [...graph.keys()].filter(
    (file) => places.some((place) => place.test(file)) && !/\b(Pure|Types)\b/.test(headOf(file)),
  );
  expect(silent).toEqual([]);
});

test("every decide.ts has a test of the same name", () => {
  const decisions = [...graph.keys()].filter((file) => file.endsWith("/decide.ts"));
  expect(decisions.length).toBeGreaterThan(0);
  for (const file of decisions) {
    const twin = join(ROOT, file.replace(/^lib/, "tests").replace(/\.ts$/, ".test.ts"));
    expect(readdirSync(dirname(twin))).toContain("decide.test.ts");
  }
});

test("executables stay thin: at most 25 lines each", () => {
  for (const file of [...graph.keys()].filter((name) => name.startsWith("bin/"))) {
    expect(readFileSync(join(ROOT, file), "utf8").split("\n").length, file).toBeLessThanOrEqual(26);
  }
});

/** Who writes, or reads, what a line says before its remedy. May only shrink. */
const REMEDY_WRITERS: Readonly<Record<string, string>> = {
  "lib/core/finding.ts": "renders a finding, for all",
  "lib/contract/said.ts": "reads what came over the wire as text, where there is no more than a text",
  "lib/cli/main.ts": "says why a command failed, its remedy in a line of its own",
};

test("a remedy is data: one place makes a line of it, and nobody looks for it in a text of ours", () => {
  const files = [...graph.keys()].filter((file) => {
    // Without comments and types.
    const code = transpiler.transformSync(readFileSync(join(ROOT, file), "utf8"));
    return /[;:(] fix: |\(fix: |["'`]fix: |\bFIX_MARK\b/.test(code);
  });
  expect(files.sort()).toEqual(Object.keys(REMEDY_WRITERS).sort());
});
