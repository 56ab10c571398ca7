// When a request is too slow: by what the peer acknowledged, never by what it says. A body that lies in the kernel's send
// buffer has not arrived: only once the peer has acknowledged its last byte does the peer's time to answer begin.

import type { ClientRequest } from "node:http";
import type { Socket } from "node:net";
import { unacknowledgedBytes } from "../os/socket-calls.ts";
import type { Connection, Phase } from "./upload-phase.ts";

export interface Limits {
  /** Milliseconds without a byte acknowledged by the peer before it is given up; so long may a name, a connection and a handshake take, too. */
  stallMs: number;
  /** Milliseconds that the peer may take until its answer begins, after it acknowledged the last byte; and then until it is whole. */
  answerMs: number;
  /** Milliseconds that all of it may take; left out: as long as bytes are acknowledged. */
  totalMs?: number;
  /** Called when bytes moved, with how many of this request the peer has acknowledged by now, head included. */
  moved: (acknowledged: number) => void;
}

export interface Watch {
  /** Bytes of this request that the peer has acknowledged. */
  acknowledged(): number;
  /** The last byte was handed to the kernel. */
  bodyWritten(): void;
  answerBegan(status: number): void;
  stop(): void;
}

/** Looks once in a while whether the peer acknowledged anything; a kernel's full send buffer is not progress. */
export function watchProgress(
  request: ClientRequest,
  connection: Connection,
  limits: Limits,
  stalled: (detail: string) => void,
): Watch {
  const startedAt = performance.now();
  const counter = countAcknowledged(request, connection);
  let acknowledged = -1;
  let phase: Phase = connection.phase;
  let movedAt = startedAt;
  let isWritten = false;
  let answer: { status: number; beganAt: number } | null = null;
  const look = (): void => {
    const at = performance.now();
    const now = counter.bytes();
    if (isWritten && counter.isAllAcknowledged()) connection.sent();
    if (now !== acknowledged || connection.phase !== phase) {
      acknowledged = now;
      phase = connection.phase;
      movedAt = at;
      limits.moved(Math.max(0, now));
    }
    const after = `after ${Math.max(0, now)} bytes`;
    const limitMs = answer !== null || phase === "answering" ? limits.answerMs : limits.stallMs;
    const still = at - (answer?.beganAt ?? movedAt);
    if (still >= limitMs) {
      if (answer !== null) stalled(`its answer, status ${answer.status}, was not complete after ${seconds(still)}`);
      else stalled(STILL[phase](seconds(still), after));
    } else if (at - startedAt >= (limits.totalMs ?? Number.POSITIVE_INFINITY))
      stalled(`it was not done in ${seconds(at - startedAt)}, ${after}`);
  };
  const timer = setInterval(look, Math.min(1000, limits.stallMs / 4, limits.answerMs / 4));
  return {
    // A socket that is closed has nothing waiting, whatever became of it: then what was seen last counts.
    acknowledged: () => Math.max(0, request.socket?.destroyed === false ? counter.bytes() : acknowledged),
    bodyWritten: () => {
      isWritten = true;
    },
    answerBegan: (status) => {
      answer ??= { status, beganAt: performance.now() };
    },
    stop: () => clearInterval(timer),
  };
}

const STILL: Readonly<Record<Phase, (time: string, after: string) => string>> = {
  preparing: (time) => `nothing happened for ${time}`,
  resolving: (time) => `the name was not resolved in ${time}`,
  connecting: (time) => `no connection came about in ${time}`,
  handshake: (time) => `the TLS handshake was not done in ${time}`,
  sending: (time, after) => `no byte moved for ${time} ${after}`,
  answering: (time, after) => `no answer came for ${time} ${after}`,
};

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;

/** A connection that has served before has counted before: only what this request adds is its own. */
function countAcknowledged(request: ClientRequest, connection: Connection) {
  let before = 0;
  request.on("socket", (socket) => {
    if (connection.isReused) before = socket.bytesWritten;
  });
  return {
    bytes: (): number => {
      const { socket } = request;
      if (socket === null || socket === undefined) return -1;
      return socket.bytesWritten - before - socket.writableLength - (waitingIn(socket) ?? 0);
    },
    /** Without the kernel's word what it has taken counts as arrived. */
    isAllAcknowledged: (): boolean =>
      request.writableFinished && request.socket?.writableLength === 0 && (waitingIn(request.socket) ?? 0) === 0,
  };
}

/** Bytes of a socket that the kernel holds until the peer acknowledges them; null: it cannot be told. */
function waitingIn(socket: Socket): number | null {
  // Not in Node's types, but it is what the file descriptor is called there and in Bun; without it we count less well.
  const handle: unknown = "_handle" in socket ? socket._handle : null;
  const fd =
    typeof handle === "object" && handle !== null && "fd" in handle && typeof handle.fd === "number" ? handle.fd : -1;
  return fd >= 0 ? unacknowledgedBytes(fd) : null;
}
