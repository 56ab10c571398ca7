// What a request says of its episode, as it arrived: repeated in every answer about it, so that the sender can see whether
// it was understood before it believes a judgement. Nothing is guessed: what cannot be read is null. Pure.

import { parseReprDigest } from "../../contract/digest.ts";
import type { Echo } from "../../contract/judgement.ts";
import { parseEpisodePath, parseJudgePath } from "../../contract/names.ts";
import { isCommit } from "../decide.ts";

/** What was declared of the episode itself. */
export type Told = Pick<Echo, "bytes" | "sha256" | "code_commit">;

const NOTHING: Told = { bytes: null, sha256: null, code_commit: null };

export interface EchoSource {
  /** The raw path, as it came over the wire. */
  path: string;
  header: (name: string) => string | null;
  commitHeaders: readonly string[];
  /** What the body of a judge call says, once it was read. */
  judged: Told | undefined;
}

/** The echo of a request, or null when it is not about an episode. */
export function echoOf({ path, header, commitHeaders, judged }: EchoSource): Echo | null {
  if (/^\/v1\/judge(\/|$)/.test(path)) {
    const address = parseJudgePath(path);
    return { host_id: address?.host ?? null, episode_id: address?.id ?? null, ...(judged ?? NOTHING) };
  }
  if (!/^\/v1\/episodes(\/|$)/.test(path)) return null;
  const parsed = parseEpisodePath(path);
  const address = parsed.kind === "episode" ? parsed.address : null;
  return { host_id: address?.host ?? null, episode_id: address?.id ?? null, ...toldByHeaders(header, commitHeaders) };
}

function toldByHeaders(header: (name: string) => string | null, commitHeaders: readonly string[]): Told {
  const length = header("Content-Length") ?? "";
  const digest = header("Repr-Digest");
  const sha256 = digest === null ? null : parseReprDigest(digest);
  return {
    bytes: /^\d{1,15}$/.test(length) ? Number(length) : null,
    sha256: sha256 === "malformed" ? null : sha256,
    code_commit: commitOf(stampOf(header, commitHeaders)),
  };
}

/** The value of the first commit header that is present, whatever it holds. */
export function stampOf(header: (name: string) => string | null, commitHeaders: readonly string[]): string | null {
  return commitHeaders.map(header).find((value) => value !== null) ?? null;
}

/** A commit that may be repeated: any other value may be anything. */
export function commitOf(value: unknown): string | null {
  return typeof value === "string" && isCommit(value) ? value : null;
}
