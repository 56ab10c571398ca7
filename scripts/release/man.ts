// The manual pages of the tools, from the same tables as their --help (man-pages(7), groff_man(7)). All are in section 8: commands for
// whoever looks after a machine. Pure.

import { usageOf } from "../../lib/cli/help.ts";
import { COMMON_OPTIONS, type OptionSpec, type ToolSpec } from "../../lib/cli/table.ts";
import { TOOL_NAMES, type ToolName, toolOf } from "../../lib/core/tools.ts";
import { COMMAND_LINE as FLEET_HEALTH } from "../../lib/fleet-health/command-line.ts";
import { COMMAND_LINE as HEARTBEAT } from "../../lib/heartbeat/command-line.ts";
import { COMMAND_LINE as INSTALLER } from "../../lib/installer/command-line.ts";
import { COMMAND_LINE as RECEIVER } from "../../lib/receiver/command-line.ts";
import { COMMAND_LINE as SHIPPER } from "../../lib/shipper/command-line.ts";

const SPECS: Readonly<Record<ToolName, ToolSpec>> = {
  shipper: SHIPPER,
  heartbeat: HEARTBEAT,
  receiver: RECEIVER,
  "fleet-health": FLEET_HEALTH,
  installer: INSTALLER,
};

const CONFIG = {
  host: ["/etc/labfleet/lab-host.toml", "what this host needs to know"],
  collector: ["/etc/labfleet/collector.toml", "what this collector needs to know"],
} as const;

/** By their names, such as `shipper.8`. */
export function manPages(version: string): Map<string, string> {
  return new Map(
    TOOL_NAMES.map((tool) => {
      const { on } = toolOf(tool);
      const files = (["host", "collector"] as const).filter((place) => on === "both" || on === place);
      const others = TOOL_NAMES.filter((other) => other !== tool).map((other) => `${other} (8)`);
      const page = { spec: SPECS[tool], version, files: files.map((place) => CONFIG[place]), others } as const;
      return [`${tool}.8`, manPage(page)] as const;
    }),
  );
}

interface Page {
  spec: ToolSpec;
  version: string;
  files: readonly (readonly [path: string, what: string])[];
  others: readonly string[];
}

function manPage({ spec, version, files, others }: Page): string {
  const { name, summary, about, commands, options } = spec;
  const bare = commands[""]?.options ?? {};
  const named = Object.entries(commands).filter(([command]) => command !== "");
  return [
    `.TH ${name.toUpperCase()} 8 "" "labfleet ${version}" "labfleet"`,
    ".SH NAME",
    `${text(name)} \\- ${text(summary)}`,
    ".SH SYNOPSIS",
    ...Object.keys(commands).flatMap((command) => [`.B ${text(usageOf(spec, command))}`, "[options]", ".br"]),
    ".SH DESCRIPTION",
    ...about.map(text),
    ".SH OPTIONS",
    ...optionLines({ ...bare, ...options, ...COMMON_OPTIONS }),
    ...(named.length === 0 ? [] : [".SH COMMANDS"]),
    ...named.flatMap(([command, { help, options: own = {} }]) => [
      `.SS ${text(usageOf(spec, command))}`,
      text(help),
      ...optionLines(own),
    ]),
    ...(files.length === 0 ? [] : [".SH FILES"]),
    ...files.flatMap(([path, what]) => [".TP", `.I ${text(path)}`, text(what)]),
    ".SH EXIT STATUS",
    ...[".TP", ".B 0", "it did what it was asked to"],
    ...[".TP", ".B 2", "a mistake on the command line or in the configuration; it says which, and what mends it"],
    ...[".TP", ".B 3", "it could not: what was in the way is said, with what mends it"],
    ".SH SEE ALSO",
    others.map((other) => `.BR ${text(other)}`).join(",\n"),
    ".br",
    "/opt/labfleet/current/docs/operating.md",
    "",
  ].join("\n");
}

function optionLines(options: Readonly<Record<string, OptionSpec>>): string[] {
  return Object.entries(options).flatMap(([name, { short, value, help }]) => {
    const flags = `${short === undefined ? "" : `\\fB\\-${short}\\fR, `}\\fB${text(`--${name}`)}\\fR`;
    return [".TP", value === undefined ? flags : `${flags} \\fI${text(value)}\\fR`, text(help)];
  });
}

/** A backslash, a minus that may be copied, and a line that would be a request are escaped. */
function text(plain: string): string {
  const escaped = plain
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("“", "\\(lq")
    .replaceAll("”", "\\(rq");
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}
