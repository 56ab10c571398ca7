// Wall-clock texts. Pure: the time is an argument.

/** `2026-05-01T06:37:53.830000+00:00`: the form that the Python fleet wrote and `datetime.fromisoformat` reads. */
export function isoWall(nowMs: number): string {
  return `${new Date(nowMs).toISOString().slice(0, -1)}000+00:00`;
}

/** UTC day of `nowMs`, as `2026-05-01`. */
export function utcDay(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, 10);
}

/** `2026-05-01 06:37` of an ISO 8601 time. */
export function shortTime(iso: string): string {
  return iso.slice(0, 16).replace("T", " ");
}
