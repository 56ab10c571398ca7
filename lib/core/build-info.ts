// Version, commit and target of this executable, put in by `bun run build`; a run from source says so. Pure.

declare const LABFLEET_VERSION: string | undefined;
declare const LABFLEET_COMMIT: string | undefined;
declare const LABFLEET_TARGET: string | undefined;

export const BUILD = {
  version: typeof LABFLEET_VERSION === "string" ? LABFLEET_VERSION : "0.0.0-source",
  commit: typeof LABFLEET_COMMIT === "string" ? LABFLEET_COMMIT : "unknown",
  target: typeof LABFLEET_TARGET === "string" ? LABFLEET_TARGET : "source",
} as const;

/** What `--version` prints. */
export function versionLine(tool: string): string {
  return `${tool} ${BUILD.version} (commit ${BUILD.commit}, ${BUILD.target})`;
}
