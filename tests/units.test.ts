// The units as they are installed: rendered, compared with golden files, and read by systemd itself.

import { expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { renderService } from "../lib/core/linux/unit-file.ts";
import { stopBudget } from "../lib/core/stop-budget.ts";
import { type ServiceName, TOOL_NAMES, TOOLS, toolOf, unitFiles } from "../lib/core/tools.ts";
import { PROJECT } from "./support/compiled.ts";
import { expectGolden } from "./support/golden.ts";
import { DAEMONS } from "./support/tools.ts";

const unit = (name: string): string => readFileSync(join(PROJECT, "units", name), "utf8");
const template = (tool: ServiceName): string => unit(`labfleet-${tool}.service`);
const isService = (tool: string): tool is ServiceName =>
  TOOL_NAMES.some((name) => name === tool && toolOf(name).kind !== "command");
const SERVICES = TOOL_NAMES.filter(isService);
const TIMERS = TOOL_NAMES.flatMap(unitFiles).filter((name) => name.endsWith(".timer"));
const analyze = Bun.which("systemd-analyze");

for (const tool of DAEMONS) {
  test(`labfleet-${tool}.service grants the stop budget and 30 s`, () => {
    const text = renderService(template(tool), tool, "/opt/labfleet/current");
    const granted = Number(/^TimeoutStopSec=(\d+)$/m.exec(text)?.[1]);
    expect(granted).toBe(stopBudget(TOOLS[tool].drainS).totalS + 30);
  });
}

for (const name of TIMERS) {
  test(`${name} is as reviewed, and starts a service of ours`, () => {
    expectGolden(`units/${name}`, unit(name));
    expect(SERVICES.map((tool) => `labfleet-${tool}.timer`)).toContain(name);
  });

  test.skipIf(analyze === null)(`systemd-analyze verify prints nothing about ${name}`, () => {
    const tool = SERVICES.find((service) => name === `labfleet-${service}.timer`) ?? SERVICES[0];
    if (tool === undefined) throw new Error("no service");
    const { text, directory } = rendered(tool);
    writeFileSync(join(directory, `labfleet-${tool}.service`), text);
    writeFileSync(join(directory, name), unit(name));
    expect(verified(directory, name)).toBe("");
    rmSync(directory, { recursive: true });
  });
}

for (const tool of SERVICES) {
  test(`labfleet-${tool}.service renders as reviewed`, () => {
    expectGolden(`units/labfleet-${tool}.service`, renderService(template(tool), tool, "/opt/labfleet/current"));
  });

  test(`labfleet-${tool}.service says what each setting is for`, () => {
    // A comment or a section head opens every group of settings.
    for (const group of template(tool).split("\n\n")) expect(group).toMatch(/^(#|\[)/);
  });

  test.skipIf(analyze === null)(`systemd-analyze verify prints nothing about labfleet-${tool}.service`, () => {
    const { text, directory } = rendered(tool);
    const file = `labfleet-${tool}.service`;
    writeFileSync(join(directory, file), text);
    expect(verified(directory, file)).toBe("");
    rmSync(directory, { recursive: true });
  });

  // The agent may ask the kernel for its clock, and whatever may is rated as one that could set it.
  const exposure = tool === "heartbeat" ? 2.3 : 2.0;
  test.skipIf(analyze === null)(`systemd-analyze rates labfleet-${tool}.service at ${exposure} or better`, () => {
    const { text, directory } = rendered(tool);
    const file = join(directory, `labfleet-${tool}.service`);
    writeFileSync(file, text);
    const done = Bun.spawnSync(["systemd-analyze", "security", "--offline=true", "--no-pager", file]);
    const level = Number(/exposure level for \S+: ([\d.]+)/.exec(done.stdout.toString())?.[1]);
    expect(level).toBeLessThanOrEqual(exposure);
    rmSync(directory, { recursive: true });
  });
}

/** What systemd says of a unit among others of its directory. */
function verified(cwd: string, file: string): string {
  const argv = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", join(cwd, file)];
  const done = Bun.spawnSync(argv, { stderr: "pipe", cwd });
  return done.stderr.toString() + done.stdout.toString();
}

/** A unit with a prefix where something executable lies, as systemd asks for. */
function rendered(tool: ServiceName): { text: string; directory: string } {
  const directory = mkdtempSync(join(tmpdir(), "labfleet-units-"));
  mkdirSync(join(directory, "bin"));
  cpSync("/bin/true", join(directory, "bin", tool), { dereference: true });
  expect(existsSync(join(directory, "bin", tool))).toBe(true);
  return { text: renderService(template(tool), tool, directory), directory };
}
