// What the configuration means for the listener.

import { connectionRefusal } from "../answering/answers.ts";
import type { Identity } from "../identity/decide.ts";
import type { Refusals } from "../refusals/refusals.ts";
import type { ReceiverConfig } from "../settings.ts";
import type { ListenOptions } from "./listen.ts";
import { openFilesLimit } from "./open-files.ts";
import type { TlsMaterial } from "./tls-server.ts";

/** Descriptors for all that is no connection: index, journal, log, day files, token files, directories that are flushed. */
const OWN_FILES = 64;

type Places = Pick<ReceiverConfig, "connectionsTotal" | "uploadsTotal" | "downloadsTotal">;

/**
 * Connections that the process has descriptors for, with a file for each upload and download beside them: to run out of descriptors
 * means a loop that can neither accept a connection nor be rid of it. Pure.
 */
export function connectionsWithin(
  { connectionsTotal, uploadsTotal, downloadsTotal }: Places,
  openFiles: number,
): number {
  return Math.max(16, Math.min(connectionsTotal, openFiles - OWN_FILES - uploadsTotal - downloadsTotal));
}

export interface ListenParts {
  refusals: Pick<Refusals, "note">;
  identity: () => Identity;
}

export function listenOptions(
  config: ReceiverConfig,
  tls: TlsMaterial | null,
  { refusals, identity }: ListenParts,
): ListenOptions {
  return {
    ...config.listen,
    tls,
    rate: { minBytesPerS: config.minRateBytesPerS, windowS: config.minRateWindowS },
    headerTimeoutS: config.headerTimeoutS,
    keepAliveTimeoutS: config.keepAliveTimeoutS,
    connectionsTotal: connectionsWithin(config, openFilesLimit()),
    onBadConnection: ({ detail, ...bad }) => void refusals.note({ ...bad, host: null }, detail),
    refusalAnswer: (refusal) => connectionRefusal(refusal, identity()),
  };
}
