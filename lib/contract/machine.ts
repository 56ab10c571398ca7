// Which machine speaks, so that two under one name can be told apart (docs/protocol.md): in a heartbeat as `machine`, on an episode
// as the header MACHINE_HEADER (judgement.ts). Everything in it is hashed for labfleet alone. Pure.

/** What tells a machine. A card that was cloned has the `id` of its image; then only the hardware differs. */
export interface Machine {
  /** The machine id (machine-id(5)), hashed for labfleet; null: there is none that can be read. */
  id: string | null;
  /** Serial numbers and hardware addresses of what is built in, each hashed; sorted, at most HARDWARE_MAX. */
  hardware: string[];
}

/** More are not told: a board has one, or a few. */
export const HARDWARE_MAX = 8;

const ID = /^[0-9a-f]{32}$/;
const HARDWARE = /^[0-9a-f]{16}$/;

/** A machine as the value of a header: `<id>;<hardware>,<hardware>`, `-` for no id. */
export function formatMachine({ id, hardware }: Machine): string {
  return `${id ?? "-"};${hardware.join(",")}`;
}

/** Reads a header's value; null: it is none. */
export function parseMachine(value: string): Machine | null {
  const [id = "", list, ...more] = value.trim().split(";");
  if (list === undefined || more.length > 0) return null;
  return readMachine({ id: id === "-" ? null : id, hardware: list === "" ? [] : list.split(",") });
}

/** Reads a machine from parsed JSON; null: it is none, or tells nothing. */
export function readMachine(value: unknown): Machine | null {
  if (typeof value !== "object" || value === null) return null;
  const { id, hardware } = value as Partial<Record<keyof Machine, unknown>>;
  if (id !== null && !(typeof id === "string" && ID.test(id))) return null;
  if (!Array.isArray(hardware) || hardware.length > HARDWARE_MAX) return null;
  if (!hardware.every((part) => typeof part === "string" && HARDWARE.test(part))) return null;
  return id === null && hardware.length === 0 ? null : { id, hardware: [...new Set<string>(hardware)].sort() };
}

/**
 * Whether two may be one machine. One part of the hardware in common is enough: a card or a network device may be replaced,
 * or not be found yet just after a boot; but none is in two machines at a time. Without hardware the id decides.
 */
export function maySame(a: Machine, b: Machine): boolean {
  if (a.hardware.length > 0 && b.hardware.length > 0) return a.hardware.some((part) => b.hardware.includes(part));
  return a.id === null || b.id === null || a.id === b.id;
}
