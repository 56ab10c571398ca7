// Where episodes are kept: the one file that names a backend. Another one is a folder beside store/, and is chosen here; what it may be
// asked is below, and once it is open in episode-store.ts.

import type { Fix } from "../core/finding.ts";
import type { Call } from "../runtime/tool.ts";
import type { OpenedStore, Seen } from "./episode-store.ts";
import { lookAtStore } from "./store/look.ts";
import { makeDataDirs, type OpenParts, openStore } from "./store/open-store.ts";
import { roomFix } from "./store/readiness.ts";
import { verifyCommand } from "./store/verify/verify-command.ts";

/** A backend, before it is open and while it is not. */
export interface Backend {
  /** Makes what a start needs, and tries it. @throws UserError when it cannot be used */
  prepare(dataRoot: string): Promise<void>;
  /** Opens the store of a locked data root, and mends what a crash left. */
  open(parts: Omit<OpenParts, "disk" | "reader">): Promise<OpenedStore>;
  /** Whether episodes can be stored, where no receiver runs that says so. @throws the disk's error */
  look(dataRoot: string, reserveBytes: number): Promise<Seen>;
  /** What shows who takes the room. */
  roomFix(dataRoot: string): Fix;
  /** `receiver verify`, and its repair. @returns the exit code */
  verify(call: Call): Promise<number>;
}

const ON_FILES: Backend = {
  prepare: (dataRoot) => makeDataDirs(dataRoot),
  open: openStore,
  look: lookAtStore,
  roomFix: (dataRoot) => roomFix({ of: "bytes" }, dataRoot),
  verify: verifyCommand,
};

/** The one that is used. */
export const BACKEND: Backend = ON_FILES;
