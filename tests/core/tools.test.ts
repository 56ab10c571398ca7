// The table of tools and what lies in the project: a tool is a row, a folder and a file in bin/, and nothing else names it.

import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { TOOL_NAMES, toolOf, unitFiles, unitName } from "../../lib/core/tools.ts";
import { ROOT, sources } from "../support/sources.ts";
import { SPECS } from "../support/tools.ts";

test("each tool has an executable, and each executable is a tool", () => {
  expect(readdirSync(join(ROOT, "bin")).sort()).toEqual(TOOL_NAMES.map((tool) => `${tool}.ts`).sort());
});

test("each tool has a command line that bears its name", () => {
  expect(SPECS.map(([, { name }]) => name)).toEqual([...TOOL_NAMES]);
});

test("each tool carries every thread below its folder, and none that is not there", () => {
  for (const tool of TOOL_NAMES) {
    const threads = [...sources.keys()].filter((file) => file.startsWith(`lib/${tool}/`) && file.endsWith("worker.ts"));
    expect(
      toolOf(tool)
        .threads.map((thread) => `${thread}.ts`)
        .sort(),
    ).toEqual(threads.sort());
  }
});

test("each unit is a tool's, and each tool has the units of its kind", () => {
  const units = readdirSync(join(ROOT, "units")).filter((file) => /\.(service|timer)$/.test(file));
  expect(units.sort()).toEqual(TOOL_NAMES.flatMap(unitFiles).sort());
});

test("each daemon's unit reads the configuration that its messages name, and there is an example of it", () => {
  for (const tool of TOOL_NAMES) {
    const row = toolOf(tool);
    if (row.kind !== "daemon") continue;
    const unit = readFileSync(join(ROOT, "units", `${unitName(tool)}.service`), "utf8");
    expect(/^ExecStart=.* --config (\S+)$/m.exec(unit)?.[1]).toBe(row.config.file);
    const example = row.config.file.replace(/^\/etc\/labfleet\/(.*)\.toml$/, "units/$1.example.toml");
    expect(existsSync(join(ROOT, example)), example).toBe(true);
  }
});
