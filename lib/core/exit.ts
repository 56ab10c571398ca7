// The exit codes of every tool (docs/operating.md). The units quote 2 in RestartPreventExitStatus=. Pure.

export const EXIT = {
  /** Did its work. */
  ok: 0,
  /** The answer is "no": `verify` found damage. */
  no: 1,
  /** Usage, configuration or input that cannot be read. */
  usage: 2,
  /** The work was done, but something could not be delivered or applied. */
  undelivered: 3,
  /** A bug; the stack is in the log. */
  bug: 70,
} as const;
