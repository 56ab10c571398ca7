// Who sent a signal: reads what the C handler noted (lib/os/process/signal-sender.c) and says it in log fields. Pure.
// A process chooses its own name: no name may pass for another process, for the kernel or for one of our words.

import { parseCgroup } from "./cgroup.ts";

/** Values of `si_code` (sigaction(2)). */
const SI_KERNEL = 0x80;
const SI_USER = 0;
const SI_TKILL = -6;

/** SIGHUP, SIGINT, SIGQUIT: what the kernel sends for a terminal: hang-up, ^C, ^\. */
const FROM_TERMINAL: readonly number[] = [1, 2, 3];

/** What audit reports for a process that nobody logged in for (proc_pid_loginuid(5)). */
const NO_LOGIN = 4294967295;

/** Words at the head of a record, as in the C source; 32 bits each. */
const HEAD = {
  size: 0,
  signal: 1,
  code: 2,
  pid: 3,
  uid: 4,
  state: 5,
  parent: 6,
  name: 7,
  stat: 8,
  cgroup: 9,
  loginUid: 10,
  parentName: 11,
} as const;
const HEAD_BYTES = 4 * Object.keys(HEAD).length;
const STATES = ["seen", "gone", "unreadable"] as const;

/** One signal as the kernel delivered it, and what /proc said of its sender at that moment. */
export interface SignalRecord {
  signal: number;
  /** `si_code` of sigaction(2). */
  code: number;
  /** The sender's process id; 0 when a process of an outer pid namespace or the kernel sent it. */
  pid: number;
  /** The sender's real user id. */
  uid: number;
  /** `gone`: it had ended and was reaped; `unreadable`: it is there, but /proc hides it. Says nothing when `pid` is 0. */
  state: (typeof STATES)[number];
  /** As the process calls itself: any bytes, up to 63. */
  name: string | null;
  /** Start time in clock ticks since boot; with the pid it names one process. */
  startTicks: number | null;
  parentPid: number | null;
  parentName: string | null;
  /** The `0::` path of its cgroup. */
  cgroup: string | null;
  /** Who logged in for it to run; null when nobody did. */
  loginUid: number | null;
}

/**
 * Splits what was read from the pipe into records.
 * @returns `rest`: the bytes of a record whose end is still to be read; what is no record at all is dropped
 */
export function parseRecords(bytes: Uint8Array): { records: SignalRecord[]; rest: Uint8Array } {
  const records: SignalRecord[] = [];
  let at = 0;
  while (at + HEAD_BYTES <= bytes.length) {
    const size = new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0, true);
    if (size < HEAD_BYTES) return { records, rest: new Uint8Array(0) };
    if (at + size > bytes.length) break;
    records.push(parseRecord(bytes.subarray(at, at + size)));
    at += size;
  }
  return { records, rest: bytes.subarray(at) };
}

function parseRecord(bytes: Uint8Array): SignalRecord {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const word = (index: number): number => view.getInt32(4 * index, true);
  let at = HEAD_BYTES;
  const text = (length: number): string => {
    const part = new TextDecoder().decode(bytes.subarray(at, at + length));
    at += length;
    return part;
  };
  const name = lineOf(text(word(HEAD.name)));
  const stat = text(word(HEAD.stat));
  const cgroup = text(word(HEAD.cgroup));
  const login = text(word(HEAD.loginUid));
  const parentPid = word(HEAD.parent);
  return {
    signal: word(HEAD.signal),
    code: word(HEAD.code),
    pid: word(HEAD.pid),
    uid: view.getUint32(4 * HEAD.uid, true),
    state: STATES[word(HEAD.state)] ?? "unreadable",
    name,
    startTicks: startTicksOf(stat),
    parentPid: parentPid > 0 ? parentPid : null,
    parentName: lineOf(text(word(HEAD.parentName))),
    cgroup: parseCgroup(cgroup)?.path ?? null,
    loginUid: loginUidOf(login),
  };
}

/** /proc ends a name with one line break; a line break before it is part of the name. */
function lineOf(text: string): string | null {
  return text === "" ? null : text.replace(/\n$/, "");
}

/** Field 22 of proc_pid_stat(5): the 20th after the name, which may hold blanks and parentheses. */
function startTicksOf(stat: string): number | null {
  const field = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  return field !== undefined && /^\d+$/.test(field) ? Number(field) : null;
}

function loginUidOf(text: string): number | null {
  return /^\d+$/.test(text) && Number(text) !== NO_LOGIN ? Number(text) : null;
}

/**
 * The sender as log fields, in this order: `sent_by`, `uid`, `loginuid`, `session` or `unit`, `parent`.
 * @param record null when the signal left none
 * @param failure why senders are not known at all, or null
 */
export function describeSender(
  record: SignalRecord | null,
  failure: string | null,
  ownPid: number,
): Record<string, string | number> {
  if (record === null) return { sent_by: `unknown: ${failure ?? "the signal left no record"}` };
  const { code, pid, uid } = record;
  if (code > SI_USER) return { sent_by: fromKernel(record) };
  // With any other code below zero the sender filled in the rest, and may have named another (rt_sigqueueinfo(2)).
  const proven = code === SI_USER || code === SI_TKILL;
  if (pid <= 0)
    return proven ? { sent_by: "a process outside this container", uid } : { sent_by: `unknown: code ${code}` };
  if (pid === ownPid && proven) return { sent_by: "itself" };
  const who = nameOf(record.name, pid, record.state);
  const fields = { sent_by: proven ? who : `${who}, by its own word`, uid };
  // The first process of a host has no session, no unit and no parent worth naming.
  return pid === 1 ? fields : { ...fields, ...origin(record) };
}

function fromKernel({ code, signal }: SignalRecord): string {
  if (code !== SI_KERNEL) return `kernel (code ${code})`;
  return FROM_TERMINAL.includes(signal) ? "kernel (terminal)" : "kernel";
}

function origin({ loginUid, cgroup, parentPid, parentName }: SignalRecord): Record<string, string | number> {
  const fields: Record<string, string | number> = {};
  if (loginUid !== null) fields.loginuid = loginUid;
  const unit = cgroup === null ? null : (parseCgroup(`0::${cgroup}`)?.unit ?? null);
  if (unit !== null) fields[/^session-[^/]*\.scope$/.test(unit) ? "session" : "unit"] = unit;
  if (parentPid !== null) fields.parent = nameOf(parentName, parentPid, "unreadable");
  return fields;
}

/**
 * `name(pid)`. Of the name, only ASCII letters, digits and `.:/@+-_` stay, everything else is `_`: so what stands in
 * parentheses is the pid, always, and one word is one value. Where `/proc` hides process 1, its name is its role.
 */
function nameOf(name: string | null, pid: number, without: SignalRecord["state"]): string {
  if (name === null) return `${pid === 1 ? "init" : without}(${pid})`;
  const plain = name.replace(/[^\w.:/@+-]/g, "_");
  const isOurs = plain === "" || plain === "gone" || plain === "unreadable";
  return `${isOurs ? `${plain}_` : plain}(${pid})`;
}
