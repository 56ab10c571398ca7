// Tar headers (POSIX.1-2001 pax interchange format, pax(1)). Ours and not a library's because these bytes are a contract:
// the tree digest of an episode must not change when a dependency does. Pure.

export interface TarMember {
  /** The name as bytes, one character a byte (latin1): file names on Linux need not be UTF-8. */
  name: string;
  kind: "file" | "directory";
  /** Bytes that follow; 0 for a directory. */
  size: number;
  executable: boolean;
  /** Whole seconds since 1970, negative before. */
  mtimeS: number;
}

export const TAR_BLOCK = 512;
const NAME_BYTES = 100;
/** Largest size and time that eleven octal digits hold; the time is in the year 2242. */
const OCTAL_MAX = 0o77777777777;

/** Whether a file's time gives the same bytes in both formats: the first has no room for others, and took the nearest. */
export function isFirstFormatTime(mtimeS: number): boolean {
  return mtimeS === firstFormatTime(mtimeS);
}

/** The time that format 1 gives a file. */
export function firstFormatTime(mtimeS: number): number {
  return Math.min(Math.max(0, mtimeS), OCTAL_MAX);
}

/** The header blocks of a member: one, or three and more where its name, size or time needs a pax record. */
export function tarHeader(member: TarMember): Buffer {
  const name = member.kind === "directory" ? `${member.name}/` : member.name;
  const records: string[] = [];
  if (name.length > NAME_BYTES) records.push(paxRecord("path", name));
  if (member.size > OCTAL_MAX) records.push(paxRecord("size", String(member.size)));
  if (!isFirstFormatTime(member.mtimeS)) records.push(paxRecord("mtime", String(member.mtimeS)));
  const own = headerBlock(
    { ...member, name: name.slice(0, NAME_BYTES), size: Math.min(member.size, OCTAL_MAX) },
    member.kind === "file" ? "0" : "5",
  );
  if (records.length === 0) return own;
  const body = Buffer.from(records.join(""), "latin1");
  const extension: TarMember = {
    name: "pax",
    kind: "file",
    size: body.length,
    executable: false,
    mtimeS: member.mtimeS,
  };
  return Buffer.concat([headerBlock(extension, "x"), body, Buffer.alloc(tarPadding(body.length)), own]);
}

/** Zero bytes after `size` bytes of content, up to the next block. */
export function tarPadding(size: number): number {
  return (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK;
}

/** Zero bytes that end an archive. */
export const TAR_END = 2 * TAR_BLOCK;

function headerBlock(member: TarMember, typeflag: string): Buffer {
  const block = Buffer.alloc(TAR_BLOCK);
  block.write(member.name, 0, "latin1");
  block.write(member.kind === "directory" || member.executable ? "0000755\0" : "0000644\0", 100, "latin1");
  block.write("0000000\0", 108, "latin1"); // uid
  block.write("0000000\0", 116, "latin1"); // gid
  block.write(`${octal(member.size)}\0`, 124, "latin1");
  block.write(`${octal(firstFormatTime(member.mtimeS))}\0`, 136, "latin1");
  block.write("        ", 148, "latin1"); // the checksum counts itself as blanks
  block.write(typeflag, 156, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

function octal(value: number): string {
  return value.toString(8).padStart(11, "0");
}

/** `<length> <key>=<value>\n`, where the length counts its own digits. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length++;
  return `${length}${rest}`;
}
