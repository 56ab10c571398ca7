// What a command line is made of: the tables that tools write down. Parsing (options.ts) and --help (help.ts) read them.

export interface OptionSpec {
  /** Placeholder of the value in --help; none for a switch. */
  value?: string;
  /** One letter: `v` for `-v`. */
  short?: string;
  help: string;
}

export interface CommandSpec {
  /** What follows the command's name in --help, such as `<id>…`. */
  operands?: string;
  /** How many operands may stand there; none if left out. */
  maxOperands?: number;
  help: string;
  options?: Record<string, OptionSpec>;
}

export interface ToolSpec {
  name: string;
  summary: string;
  /** Lines under the summary: what happens without a command. */
  about: readonly string[];
  /** The command "" is the tool without a command. One of two words, such as `token add`, belongs to the group `token`. */
  commands: Record<string, CommandSpec>;
  options: Record<string, OptionSpec>;
}

/** Every tool and every command has these. */
export const COMMON_OPTIONS: Record<string, OptionSpec> = {
  help: { short: "h", help: "print this and exit" },
  version: { help: "print version, commit and target, and exit" },
};

/** The commands of a group, `add` of `token add`; none when there is no such group. */
export function verbsOf(spec: ToolSpec, group: string): string[] {
  return Object.keys(spec.commands)
    .filter((name) => name.startsWith(`${group} `))
    .map((name) => name.slice(group.length + 1));
}
