// Where episodes are kept, as everybody but a backend knows it: no path, no descriptor, no disk. store/ keeps them in files, backend.ts
// says so, and nobody else knows more of it; another backend passes the same tests (tests/receiver/store/contract.test.ts). Types only.
//
// Whatever a backend's storage refuses is thrown as an error with a code, as the system names it: it is never the episode's fault.

import type { IndexRow } from "../contract/index-row.ts";
import type { EpisodeAddress } from "../contract/names.ts";
import type { UserError } from "../core/failure.ts";
import type { Finding, Fix } from "../core/finding.ts";
import type { Room } from "./room.ts";

/** What is stored under a name. `row-only`: its archive is missing; `damaged`: its archive cannot be what its row says, and why. */
export type Stored =
  | { kind: "none" }
  | { kind: "stored"; row: IndexRow }
  | { kind: "row-only"; row: IndexRow }
  | { kind: "damaged"; row: IndexRow; why: Finding };

/** `published`: archive and row are there for good; the row is the older one where its archive was missing. */
export type Committed = { kind: "published"; row: IndexRow } | { kind: "taken"; by: Exclude<Stored, { kind: "none" }> };

/** Bytes on their way into the store. They have no name that counts until they are committed. */
export interface Upload {
  /** Appends bytes; the next ones only when this has resolved. */
  write(chunk: Uint8Array): Promise<void>;
  /**
   * Publishes what was written under its row's name, unless that is taken. When this resolves, a power cut takes nothing of it; when
   * it rejects, nothing was published that anybody may answer for.
   */
  commit(row: IndexRow): Promise<Committed>;
  /** Ends it, committed or not: nothing of it is left but what was published. Never rejects. */
  discard(): Promise<void>;
}

/** An archive that is being read. */
export interface Archive {
  /** Bytes from `from` on, at most `max` of them; none at its end. */
  read(from: number, max: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** `later`: it is being read, and who asks again finds what that came to; `stopping`: the reading was broken off. */
export type Proof = { kind: "sound" } | { kind: "damaged"; why: Finding } | { kind: "later" } | { kind: "stopping" };

/** Why no episode can be stored. */
export interface NotReady {
  /** The same as long as it is the same trouble. */
  kind: "bytes" | "inodes" | "slow" | "refused" | "gone";
  why: string;
  /** What mends it; null: nobody knows. */
  fix: Fix | null;
}

export interface EpisodeStore {
  /** What is stored under a name, looked at now. */
  find(address: EpisodeAddress): Promise<Stored>;
  /** Begins an upload of its own; several of one name may be under way. */
  begin(address: EpisodeAddress): Promise<Upload>;
  /** Opens a stored archive. */
  open(address: EpisodeAddress): Promise<Archive>;
  /** Whether a stored archive is what its row says, as of lately. @param how `opened`: only whether it can be read at all */
  prove(address: EpisodeAddress, row: IndexRow, how: "opened" | "read"): Promise<Proof>;
  /** Whether an episode can be stored now, tried by a write; null: yes. Never rejects. */
  ready(): Promise<NotReady | null>;
  /** What still fits. */
  free(): Room;
}

/** What a start has mended. */
export interface Recovered {
  /** Archives that got their row. */
  adopted: number;
  /** What was left of uploads, and was removed. */
  swept: number;
}

/** What all archives are beside all rows. */
export interface Compared {
  /** Archives that got their row. */
  adopted: number;
  /** Rows whose archive is missing. */
  missing: number;
}

/** A store as the daemon has it that opened it. */
export interface OpenedStore {
  store: EpisodeStore;
  recovered: Recovered;
  /** How many episodes it has. */
  size(): number;
  /** Whether anything can be stored, by a look alone; null: nothing against it. */
  glance(): NotReady | null;
  /**
   * Returns what is to be called now and then while the store is there: it sees whether another program changed what is in use.
   * @param fail ends the daemon
   */
  watchChanges(fail: (error: UserError) => void): () => void;
  /** Breaks off what is being read. */
  stopReading(): void;
  /** Compares all archives with all rows, once, beside the requests; `close` breaks it off. @throws the disk's error */
  compare(): Promise<Compared>;
  close(): Promise<void>;
}

/** A store that nobody has open, as a command sees it; `ready` null: it may not look. */
export type Seen = { ready: true; room: Room } | { ready: false; why: NotReady } | { ready: null };
