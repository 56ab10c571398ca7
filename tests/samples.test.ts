// Samples and README blocks are what a newcomer copies: they must load without a warning.

import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseFleetHealthConfig } from "../lib/fleet-health/config.ts";
import { parseHeartbeatConfig } from "../lib/heartbeat/config.ts";
import { parseReceiverConfig } from "../lib/receiver/config.ts";
import { END_KINDS } from "../lib/runtime/ends/end-records.ts";
import { parseMarker } from "../lib/runtime/markers.ts";
import { parseShipperConfig } from "../lib/shipper/config.ts";
import manifest from "../package.json" with { type: "json" };
import { PROJECT } from "./support/compiled.ts";

const read = (path: string): string => readFileSync(join(PROJECT, path), "utf8");

test("the example configurations load without a warning", () => {
  expect(parseShipperConfig(read("units/lab-host.example.toml"), "lab-host.toml").warnings).toEqual([]);
  expect(parseHeartbeatConfig(read("units/lab-host.example.toml"), "lab-host.toml").warnings).toEqual([]);
  expect(parseReceiverConfig(read("units/collector.example.toml"), "collector.toml").warnings).toEqual([]);
  expect(parseFleetHealthConfig(read("units/collector.example.toml"), "collector.toml").warnings).toEqual([]);
});

test("the example configurations show every default as it is", () => {
  const bare = parseShipperConfig(
    'host_id = "lab1"\n[receiver]\nurl = "https://collector.wg:8443"\n',
    "lab-host.toml",
  ).config;
  const { config } = parseShipperConfig(read("units/lab-host.example.toml"), "lab-host.toml");
  const shown = {
    ...config,
    dataRootIsSet: false,
    receiver: { ...config.receiver, caBundle: null, bearerTokenFile: null },
  };
  expect<unknown>(shown).toEqual(bare);
  const host = parseHeartbeatConfig(read("units/lab-host.example.toml"), "lab-host.toml");
  const bareHost = parseHeartbeatConfig(
    'host_id = "lab1"\n[receiver]\nurl = "https://collector.wg:8443"\n',
    "lab-host.toml",
  );
  const known = { receiver: bareHost.config.receiver, plugins: {}, pluginsDirIsSet: false };
  expect<unknown>({ ...host.config, ...known }).toEqual(bareHost.config);
  expect(host.config.plugins.nagios_runner).toMatchObject({ timeout: 10, grace: 5 });
  const collector = parseReceiverConfig(read("units/collector.example.toml"), "collector.toml").config;
  const bareCollector = parseReceiverConfig("", "collector.toml").config;
  expect<unknown>({ ...collector, tls: null, acceptedCommitsFile: null }).toEqual(bareCollector);
  const health = parseFleetHealthConfig(read("units/collector.example.toml"), "collector.toml").config;
  expect(health).toEqual(parseFleetHealthConfig("", "collector.toml").config);
});

test("every TOML block in the README loads, and names its file", () => {
  const blocks = [...read("README.md").matchAll(/```toml\n# (\S+)\n([\s\S]*?)```/g)];
  expect(blocks.map((block) => block[1] ?? "").sort()).toEqual(["collector.toml", "lab-host.toml"]);
  for (const [, file = "", text = ""] of blocks) {
    const { warnings } = file === "lab-host.toml" ? parseShipperConfig(text, file) : parseReceiverConfig(text, file);
    expect(warnings).toEqual([]);
  }
});

test("the README's commands are scripts of the project, run by the pinned Bun", () => {
  const commands = [...read("README.md").matchAll(/npx -y bun@(\S+) run (\S+?)[\s`]/g)];
  expect(commands.length).toBeGreaterThan(2);
  for (const [, version, script = ""] of commands) {
    expect(version).toBe("1.4.5");
    expect(Object.keys(manifest.scripts)).toContain(script);
  }
  expect(read(".ci/run")).toContain("npx -y bun@1.4.5 run check\n");
});

test("every link between documents leads somewhere", () => {
  const documents = ["README.md", ...readdirSync(join(PROJECT, "docs")).map((name) => `docs/${name}`)];
  const broken = documents.flatMap((file) =>
    [...read(file).matchAll(/\]\(([^)#]+?)(?:#[^)]*)?\)/g)]
      .map((match) => match[1] ?? "")
      .filter((target) => !target.startsWith("http") && !existsSync(join(PROJECT, dirname(file), target)))
      .map((target) => `${file} -> ${target}`),
  );
  expect(broken).toEqual([]);
});

test("a comment that names a document, and a heading of it, names what there is", () => {
  const lines = ["lib", "bin", "scripts", "tests"].flatMap((dir) =>
    readdirSync(join(PROJECT, dir), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => [`${dir}/${name}`, read(`${dir}/${name}`).replace(/\n\s*(\/\/|\*) /g, " ")] as const),
  );
  const named = lines.flatMap(([file, text]) =>
    [...text.matchAll(/\b(docs\/[a-z-]+\.md)(?:, “([^”]+)”)?/g)].map(([, document = "", heading]) => ({
      file,
      document,
      heading,
    })),
  );
  const isThere = (document: string, heading: string | undefined): boolean =>
    existsSync(join(PROJECT, document)) &&
    (heading === undefined || new RegExp(`^#+ ${RegExp.escape(heading)}$`, "m").test(read(document)));
  expect(named.filter(({ document, heading }) => !isThere(document, heading))).toEqual([]);
  expect(named.filter(({ heading }) => heading !== undefined).length).toBeGreaterThan(5);
});

test("docs/operating.md names every kind of end, and its marker is one", () => {
  const text = read("docs/operating.md");
  const table = text.slice(text.indexOf("|---|", text.indexOf("| `kind` |")), text.indexOf("`shipper diagnostic` and"));
  expect([...table.matchAll(/^\| `([a-z-]+)` \| /gm)].map((row) => row[1] ?? "").sort()).toEqual([...END_KINDS].sort());
  const marker = /```json\n([\s\S]*?)```/.exec(text)?.[1] ?? "";
  expect(parseMarker(marker)).toMatchObject({ target_pid: 4242, target_start_ticks: 123456, by: "autoupdate" });
});
