// Names of Linux signals by number (signal(7)), the same on x86-64 and arm64. Pure.

const NAMES =
  "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS".split(
    " ",
  );

/** `SIGTERM` for 15, `signal#99` for a number without a name, `UNKNOWN` for none. */
export function signalName(number: number | null): string {
  if (number === null) return "UNKNOWN";
  const name = NAMES[number - 1];
  return name === undefined ? `signal#${number}` : `SIG${name}`;
}

/** 15 for `SIGTERM`, null for a name that is none. */
export function signalNumber(name: string): number | null {
  const index = NAMES.indexOf(name.replace(/^SIG/, ""));
  return index < 0 ? null : index + 1;
}
