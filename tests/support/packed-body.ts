// A packer that takes no time: its archive is a body that the test knows.

import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import type { PackJob, PackResult } from "../../lib/shipper/pack/job.ts";

export function packedBody(bytes: number) {
  const body = Buffer.alloc(bytes, "x");
  const sha256 = createHash("sha256").update(body).digest("hex");
  const packed = (_: string, { part }: PackJob): PackResult => {
    writeFileSync(part, body);
    const digests = { bytes, sha256, treeSha256: sha256, firstTreeSha256: null, treeBytes: bytes };
    return { kind: "packed", files: 1, fingerprint: "fingerprint", unlisted: 0, skipped: [], ...digests };
  };
  return { body, sha256, packed };
}
