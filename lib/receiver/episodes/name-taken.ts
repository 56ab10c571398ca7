// A name under which something is stored already: is it the same episode, another one, or is nothing of it left but its row?
// Pure: what is on the disk comes as data.

import type { IndexRow } from "../../contract/index-row.ts";
import { type Declared, type Refusal, refuse } from "../decide.ts";
import type { Stored } from "../episode-store.ts";

/** An episode that is already there. */
export interface Duplicate {
  kind: "duplicate";
  row: IndexRow;
}

/** What to do when the name is taken, from the headers alone; `read`: only the body can tell. */
export function decideStored(stored: Stored, declared: Declared): Duplicate | Refusal | { kind: "read" } {
  if (stored.kind === "none") return { kind: "read" };
  if (stored.kind === "damaged") return damaged("the stored copy has another size than its index row");
  if (declared.sha256 === null && !isSameTree(stored.row, declared)) return { kind: "read" };
  const same = declared.sha256 === stored.row.sha256;
  if (stored.kind === "row-only") return same ? { kind: "read" } : conflict(stored);
  return same || isSameTree(stored.row, declared) ? { kind: "duplicate", row: stored.row } : conflict(stored);
}

/** What to do when the name is taken, after the body was read and its digest computed. */
export function decideSecond(
  stored: Exclude<Stored, { kind: "none" }>,
  declared: Declared,
  sha256: string,
): Duplicate | Refusal {
  // It came, or went, while the body did. A conflict with the digest that was sent would be taken for "delivered".
  if (stored.kind === "damaged") return damaged("the stored copy has another size than its index row");
  const same = stored.row.sha256 === sha256 || isSameTree(stored.row, declared);
  if (!same) return conflict(stored);
  return stored.kind === "stored" ? { kind: "duplicate", row: stored.row } : damaged("the stored copy is gone");
}

function damaged(what: string): Refusal {
  return refuse("damaged", `${what}; on the collector: sudo receiver verify`, { retryAfterS: 300 });
}

function isSameTree(row: IndexRow, declared: Declared): boolean {
  return declared.treeSha256 !== null && row.tree_sha256 === declared.treeSha256;
}

function conflict(stored: Exclude<Stored, { kind: "none" }>): Refusal {
  const { sha256, tree_sha256 } = stored.row;
  // The tree digest of a file that is gone must not be given: a shipper would take an equal one for "delivered".
  return stored.kind === "stored"
    ? refuse("conflict", `another episode of this name is stored, sha256 ${sha256}`, {
        stored: { sha256, tree_sha256 },
      })
    : refuse(
        "conflict",
        "this name is taken by an index row whose file is missing; on the collector: sudo receiver verify",
        {
          stored: { sha256 },
        },
      );
}
