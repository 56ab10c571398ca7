// Named places where a test build can be made to die, to prove that nothing is lost there. A release build has none:
// `bun run build` sets LABFLEET_FAILPOINTS to false and the bundler drops the body.

declare const LABFLEET_FAILPOINTS: boolean | undefined;

let passes = 0;

/**
 * Dies here by SIGKILL when the environment says `LABFLEET_FAILPOINT=<name>` or `<name>:<n>` (on the n-th pass), in a
 * build made with `--failpoints`; otherwise does nothing.
 */
export function failpoint(name: string): void {
  if (typeof LABFLEET_FAILPOINTS === "undefined" || !LABFLEET_FAILPOINTS) return;
  const [wanted, count = "1"] = (process.env.LABFLEET_FAILPOINT ?? "").split(":");
  if (wanted !== name || ++passes < Number(count)) return;
  process.kill(process.pid, "SIGKILL");
}
