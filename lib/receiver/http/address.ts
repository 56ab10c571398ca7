// The address of a peer without its port. Pure.

/** The address of `10.0.0.5:40112`, `[fd00::1]:40112` or `[::ffff:10.0.0.5]:40112`. */
export function addressOf(remote: string): string {
  const host = remote.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  return host.replace(/^::ffff:(?=\d+\.)/i, "");
}
