// The texts of --help: of a tool, of a group of commands, of one command. Each names an option once. Pure.

import { columns } from "../core/text/columns.ts";
import { COMMON_OPTIONS, type CommandSpec, type OptionSpec, type ToolSpec, verbsOf } from "./table.ts";

type Row = [left: string, right: string];

/**
 * The text for a topic.
 * @param topic "" for the tool, else the name of a command, or of a group of them
 */
export function helpText(spec: ToolSpec, topic = ""): string {
  const command = topic === "" ? undefined : spec.commands[topic];
  if (command !== undefined) return commandHelp(spec, topic, command);
  return verbsOf(spec, topic).length > 0 ? groupHelp(spec, topic) : toolHelp(spec);
}

function toolHelp(spec: ToolSpec): string {
  const shared = sharedOptions(spec);
  const bare = Object.entries(spec.commands[""]?.options ?? {}).filter(([name]) => !shared.has(name));
  return [
    `${spec.name}: ${spec.summary}`,
    "",
    ...spec.about,
    ...section("Commands", commandRows(spec, Object.keys(spec.commands))),
    ...section("Options", [...optionRows({ ...spec.options, ...COMMON_OPTIONS }), ...shared.values()]),
    ...section("Options without a command", optionRows(Object.fromEntries(bare))),
    "",
    `What else a command takes: ${spec.name} help <command>, or ${spec.name} <command> --help.`,
  ].join("\n");
}

function groupHelp(spec: ToolSpec, group: string): string {
  const names = verbsOf(spec, group).map((verb) => `${group} ${verb}`);
  return [
    `${spec.name} ${group}: ${verbsOf(spec, group).join(", ")}`,
    ...section("Commands", commandRows(spec, names)),
    "",
    `What a command takes: ${spec.name} help ${group} <command>.`,
  ].join("\n");
}

function commandHelp(spec: ToolSpec, name: string, command: CommandSpec): string {
  return [
    `${spec.name} ${name}: ${command.help}`,
    "",
    `Usage: ${usageOf(spec, name)} [options]`,
    ...section("Options", optionRows({ ...command.options, ...spec.options, ...COMMON_OPTIONS })),
  ].join("\n");
}

/** How a command is called, such as `receiver token add <host>`. */
export function usageOf(spec: ToolSpec, name: string): string {
  return [spec.name, name, spec.commands[name]?.operands ?? ""].filter((part) => part !== "").join(" ");
}

/** What several commands take in the same sense, and --json, which programs look for: one row, with their names. */
function sharedOptions(spec: ToolSpec): Map<string, Row> {
  const users = new Map<string, { option: OptionSpec; commands: string[] }>();
  for (const [command, { options = {} }] of Object.entries(spec.commands)) {
    for (const [name, option] of Object.entries(options)) {
      const known = users.get(name);
      if (known === undefined) users.set(name, { option, commands: [command] });
      else if (known.option.help === option.help) known.commands.push(command);
    }
  }
  const shared = [...users].filter(([name, { commands }]) => commands.length > 1 || name === "json");
  return new Map(
    shared.map(([name, { option, commands }]) => [
      name,
      [optionText(name, option), `${option.help}: ${commands.map((command) => command || spec.name).join(", ")}`],
    ]),
  );
}

function commandRows(spec: ToolSpec, names: readonly string[]): Row[] {
  return names.map((name) => [usageOf(spec, name), spec.commands[name]?.help ?? ""]);
}

function optionRows(options: Readonly<Record<string, OptionSpec>>): Row[] {
  return Object.entries(options).map(([name, option]) => [optionText(name, option), option.help]);
}

function optionText(name: string, option: OptionSpec): string {
  const short = option.short === undefined ? "" : `-${option.short}, `;
  return `${short}--${name}${option.value === undefined ? "" : ` ${option.value}`}`;
}

function section(title: string, rows: readonly Row[]): string[] {
  if (rows.length === 0) return [];
  return ["", `${title}:`, ...columns(rows).map((line) => `  ${line}`)];
}
