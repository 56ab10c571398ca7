// The tools: what build, units, messages and tests need to know of each by its name. Another tool is a folder in lib/, a file in
// bin/ and a row here. Pure.

interface Executable {
  /** Where it runs, and its log is read; `both`: on either. */
  on: "host" | "collector" | "both";
  /** Threads that it must carry, by their path in the project, as os/process/thread.ts looks for them. */
  threads: readonly string[];
}

/** Run by systemd. */
interface Service extends Executable {
  config: ConfigPlace;
}

/** The configuration that a unit reads. */
interface ConfigPlace {
  file: string;
  /** What it holds at the least, in words. */
  least: string;
}

/** Runs until it is stopped, within its stop budget. */
interface Daemon extends Service {
  kind: "daemon";
  /** Default `drain_timeout_s`, seconds. */
  drainS: number;
  /** So many lines of its log show all that a start says. */
  startLines: number;
}

/** Does its work and ends, each time its timer says so. */
interface Oneshot extends Service {
  kind: "oneshot+timer";
}

/** Run by a person: no unit. */
interface Command extends Executable {
  kind: "command";
}

export type Tool = Daemon | Oneshot | Command;

const LAB_HOST: ConfigPlace = {
  file: "/etc/labfleet/lab-host.toml",
  least: 'host_id = "lab1", and below [receiver] url = "https://collector.wg:8443", to begin with',
};
const COLLECTOR: ConfigPlace = {
  file: "/etc/labfleet/collector.toml",
  least: "an empty file will do: every setting has a default",
};

export const TOOLS = {
  shipper: {
    on: "host",
    kind: "daemon",
    drainS: 30,
    config: LAB_HOST,
    startLines: 10,
    threads: ["lib/shipper/config-worker", "lib/shipper/pack/pack-worker"],
  },
  receiver: {
    on: "collector",
    kind: "daemon",
    drainS: 60,
    config: COLLECTOR,
    startLines: 20,
    threads: ["lib/receiver/config-worker"],
  },
  heartbeat: {
    on: "host",
    kind: "daemon",
    drainS: 10,
    config: LAB_HOST,
    startLines: 10,
    threads: ["lib/heartbeat/config-worker", "lib/heartbeat/plugins-dir/worker"],
  },
  "fleet-health": {
    on: "collector",
    kind: "oneshot+timer",
    config: COLLECTOR,
    threads: ["lib/fleet-health/config-worker"],
  },
  installer: { on: "both", kind: "command", threads: [] },
} as const satisfies Record<string, Tool>;

export type ToolName = keyof typeof TOOLS;
type NameOf<K extends Tool["kind"]> = { [N in ToolName]: (typeof TOOLS)[N]["kind"] extends K ? N : never }[ToolName];
export type DaemonName = NameOf<"daemon">;
export type ServiceName = NameOf<"daemon" | "oneshot+timer">;

export const TOOL_NAMES = Object.keys(TOOLS) as readonly ToolName[];

/** Where the person is who reads what it says. */
export function readerOf(name: ToolName): "host" | "collector" {
  const { on } = toolOf(name);
  return on === "both" ? "host" : on;
}

/** A tool's row, whatever its kind. */
export function toolOf(name: ToolName): Tool {
  return TOOLS[name];
}

const UNITS: Readonly<Record<Tool["kind"], readonly string[]>> = {
  daemon: [".service"],
  "oneshot+timer": [".service", ".timer"],
  command: [],
};

/** What systemd calls a tool, without a suffix. */
export function unitName(tool: string): string {
  return `labfleet-${tool}`;
}

/** A tool's units, by their names in units/. */
export function unitFiles(name: ToolName): string[] {
  return UNITS[toolOf(name).kind].map((suffix) => `${unitName(name)}${suffix}`);
}
