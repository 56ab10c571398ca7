// The store on files, as everybody else sees it (episode-store.ts): what is looked up and published is in commits.ts, what is under way
// in uploads.ts, what is read in reading/, whether anything can be stored in readiness.ts.

import { statfsSync } from "node:fs";
import { archivePath } from "../../contract/index-row.ts";
import { errorCode } from "../../core/failure.ts";
import type { EpisodeStore, Proof } from "../episode-store.ts";
import { roomOf } from "../room.ts";
import type { Commits } from "./commits.ts";
import { Misplaced } from "./files/misplaced.ts";
import { createReadiness, type ReadinessParts } from "./readiness.ts";
import { type ArchiveReader, openArchive } from "./reading/archive-reader.ts";
import { isCopysFault, otherBytes, unreadable } from "./reading/damage.ts";
import { beginUpload, type UploadParts } from "./uploads.ts";

export interface FileStoreParts extends Omit<UploadParts, "commit">, Omit<ReadinessParts, "disk"> {
  commits: Commits;
  reader: ArchiveReader;
}

/** The store of an opened data root. */
export function createFileStore(parts: FileStoreParts): EpisodeStore {
  const { commits, reader, dataRoot } = parts;
  const uploads = { ...parts, commit: commits.commit.bind(commits) };
  return {
    find: (address) => commits.find(address),
    begin: (address) => beginUpload(uploads, address),
    open: (address) => openArchive(commits.pathOf(address)),
    async prove(address, row, how) {
      const file = commits.pathOf(address);
      const read = async (): Promise<Proof> => {
        if (how === "opened") {
          await reader.tryOpen(file);
          return { kind: "sound" };
        }
        const answer = await reader.digest(file, `reading ${archivePath(address)}`);
        if (answer.kind !== "read") return answer;
        if (answer.sha256 === row.sha256) return { kind: "sound" };
        return { kind: "damaged", why: otherBytes(file, answer.sha256, row) };
      };
      return read().catch((error: unknown): Proof => {
        if (error instanceof Misplaced || !isCopysFault(errorCode(error))) throw error;
        return { kind: "damaged", why: unreadable(file, error) };
      });
    },
    ready: createReadiness(parts),
    free: () => roomOf(statfsSync(dataRoot)),
  };
}
