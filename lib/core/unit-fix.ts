// What brings a daemon back that does not run, or does not answer. Pure.

/** A line for the shell of its machine. What hangs is ended by a restart first. */
export function unitLine(tool: "shipper" | "heartbeat" | "receiver", verb: "start" | "restart"): string {
  return `sudo systemctl ${verb} labfleet-${tool}`;
}

/** What a status says of a daemon that is not there. */
export function notRunningText(tool: "shipper" | "heartbeat" | "receiver"): string {
  return `not running; fix: ${unitLine(tool, "start")}`;
}
