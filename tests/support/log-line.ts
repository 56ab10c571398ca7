// Reads log lines as a program would: the judge of whether a text from outside can pass for a field.

export interface ReadLine {
  fields: [key: string, value: string][];
  /** Everything that is no field, in order. */
  words: string[];
}

/**
 * The strict reading: words are parted by single spaces, a JSON string within a word runs to its closing quote, and a
 * word `key=value` is a field.
 * @throws Error for a string that is not closed or not JSON
 */
export function readLine(line: string): ReadLine {
  const read: ReadLine = { fields: [], words: [] };
  for (const word of line.match(/(?:"(?:[^"\\]|\\.)*"|[^\s"])+|"/g) ?? []) {
    if (word === '"') throw new Error(`a string is not closed: ${line}`);
    const [, key, value] = /^([\w.-]+)=(.*)$/s.exec(word) ?? [];
    if (key === undefined || value === undefined) read.words.push(word);
    else read.fields.push([key, value.startsWith('"') ? String(JSON.parse(value)) : value]);
  }
  return read;
}

/** The careless reading, as with grep: whatever looks like `key=value` anywhere. */
export function searchLine(line: string): [key: string, value: string][] {
  const found = line.matchAll(/([\w.-]+)=("(?:[^"\\]|\\.)*"|\S+)/g);
  return [...found].map(([, key = "", value = ""]) => [key, value.startsWith('"') ? String(JSON.parse(value)) : value]);
}
