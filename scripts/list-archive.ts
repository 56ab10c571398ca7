// Lists a .tar.zst as `tar tv` would, for machines that have neither tar nor zstd. Streaming; reads only what the
// shipper writes (ustar and pax `path`/`size`).

const BLOCK = 512;

export interface Listed {
  name: string;
  bytes: number;
  mtime: Date;
}

/** The members of an archive, in order. */
export async function listArchive(path: string): Promise<Listed[]> {
  const members: Listed[] = [];
  let pending = Buffer.alloc(0);
  let skip = 0;
  let pax = "";
  for await (const chunk of Bun.file(path).stream().pipeThrough(new DecompressionStream("zstd"))) {
    const skipped = Math.min(skip, chunk.length);
    skip -= skipped;
    pending = Buffer.concat([pending, chunk.subarray(skipped)]);
    while (pending.length >= BLOCK && pending[0] !== 0) {
      const size = Number.parseInt(pending.toString("latin1", 124, 135), 8);
      const padded = Math.ceil(size / BLOCK) * BLOCK;
      if (pending[156] === "x".charCodeAt(0)) {
        if (pending.length < BLOCK + padded) break;
        pax = pending.toString("utf8", BLOCK, BLOCK + size);
        pending = pending.subarray(BLOCK + padded);
        continue;
      }
      const member = readHeader(pending, pax, size);
      members.push(member);
      pax = "";
      const body = Math.ceil(member.bytes / BLOCK) * BLOCK;
      skip = Math.max(0, BLOCK + body - pending.length);
      pending = pending.subarray(BLOCK + body);
    }
  }
  return members;
}

function readHeader(block: Buffer, pax: string, size: number): Listed {
  const record = (key: string): string | undefined => new RegExp(`^\\d+ ${key}=(.*)$`, "m").exec(pax)?.[1];
  return {
    name: record("path") ?? block.toString("utf8", 0, block.indexOf(0)),
    bytes: Number(record("size") ?? size),
    mtime: new Date(Number.parseInt(block.toString("latin1", 136, 147), 8) * 1000),
  };
}
