// Where a key stands in a TOML text. smol-toml gives positions of syntax errors only, and an operator needs a line
// for a wrong value too. Reads texts that smol-toml takes: what it makes of any other is of no use.

import { parse } from "smol-toml";
import type { KeyPath } from "./key-path.ts";

/** Lines of a text, counted from 1. */
export interface Lines {
  /** Where `path` is written: a key, a table's header, an element of an array. Null when it is not there. */
  of(path: KeyPath): number | null;
  /** Where `path` is written, or else what it would stand in. Null when that is the whole text. */
  nearest(path: KeyPath): number | null;
}

/** Finds the keys of a text. */
export function linesOf(text: string): Lines {
  const root = new Scanner(text).document();
  const nearest = (path: KeyPath): { depth: number; line: number | null } => {
    let place = root;
    let depth = 0;
    for (const part of path) {
      const inner = place.inner.get(String(part));
      if (inner === undefined) break;
      place = inner;
      depth++;
    }
    return { depth, line: depth === 0 ? null : text.slice(0, place.offset).split("\n").length };
  };
  return {
    of(path) {
      const { depth, line } = nearest(path);
      return depth === path.length ? line : null;
    },
    nearest: (path) => nearest(path).line,
  };
}

/** A table, an array or a value, and where it begins. */
class Place {
  readonly inner = new Map<string, Place>();
  /** Of an array that is written as `[[…]]`: the element that the headers below it speak of. */
  newest: Place | null = null;

  constructor(public offset: number) {}

  /** What `keys` lead to; what is not there yet begins at `offset`. */
  at(keys: readonly string[], offset: number): Place {
    let place: Place = this;
    for (const key of keys) {
      const table = place.newest ?? place;
      const inner = table.inner.get(key) ?? new Place(offset);
      table.inner.set(key, inner);
      place = inner;
    }
    return place;
  }

  addElement(offset: number): Place {
    const element = new Place(offset);
    this.inner.set(String(this.inner.size), element);
    return element;
  }
}

/** Walks over a text by TOML's own tokens, so that no string, comment or value can pass for a key. */
class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    if (text.startsWith("\ufeff")) this.#at = 1;
  }

  document(): Place {
    const root = new Place(0);
    let table = root;
    for (;;) {
      this.#skipBlank();
      const start = this.#at;
      if (start >= this.#text.length) return root;
      if (this.#sees("[")) table = this.#header(root);
      else this.#pair(table);
      if (this.#at === start) this.#skipLine();
    }
  }

  #header(root: Place): Place {
    const start = this.#at;
    const isElement = this.#sees("[[");
    this.#at += isElement ? 2 : 1;
    const table = root.at(this.#keys(), start);
    this.#skipLine();
    if (isElement) {
      table.newest = table.addElement(start);
      return table.newest;
    }
    // It may have been named before, by the header of a table within it.
    table.offset = start;
    return table;
  }

  #pair(table: Place): void {
    const start = this.#at;
    const keys = this.#keys();
    if (!this.#sees("=")) return;
    this.#at++;
    this.#skip(" \t");
    this.#value(table.at(keys, start));
  }

  #keys(): string[] {
    const keys: string[] = [];
    for (;;) {
      this.#skip(" \t");
      const start = this.#at;
      if (this.#sees('"') || this.#sees("'")) {
        this.#string();
        keys.push(unquote(this.#text.slice(start, this.#at)));
      } else {
        this.#skip(BARE);
        keys.push(this.#text.slice(start, this.#at));
      }
      this.#skip(" \t");
      if (!this.#sees(".")) return keys;
      this.#at++;
    }
  }

  #value(place: Place): void {
    if (this.#sees("[")) {
      this.#inside("]", () => this.#value(place.addElement(this.#at)));
    } else if (this.#sees("{")) {
      this.#inside("}", () => this.#pair(place));
    } else if (this.#sees('"') || this.#sees("'")) {
      this.#string();
    } else {
      while (this.#at < this.#text.length && !this.#seesAnyOf(",]}#\n")) this.#at++;
    }
  }

  /** An array or an inline table: what stands between its commas. */
  #inside(end: string, item: () => void): void {
    this.#at++;
    for (;;) {
      this.#skipBlank();
      const start = this.#at;
      if (start >= this.#text.length) return;
      if (this.#sees(end)) {
        this.#at++;
        return;
      }
      if (!this.#sees(",")) item();
      if (this.#at === start) this.#at++;
    }
  }

  #string(): void {
    const quote = this.#text.charAt(this.#at);
    const isLong = this.#sees(quote.repeat(3));
    const end = isLong ? quote.repeat(3) : quote;
    this.#at += end.length;
    while (this.#at < this.#text.length && !this.#sees(end)) {
      if (!isLong && this.#sees("\n")) return;
      this.#at += quote === '"' && this.#sees("\\") ? 2 : 1;
    }
    this.#at += end.length;
    // A long string may end in one or two quotes of its own.
    for (let own = 0; isLong && own < 2 && this.#sees(quote); own++) this.#at++;
  }

  #skipBlank(): void {
    this.#skip(" \t\r\n");
    while (this.#sees("#")) {
      this.#skipLine();
      this.#skip(" \t\r\n");
    }
  }

  #skipLine(): void {
    const end = this.#text.indexOf("\n", this.#at);
    this.#at = end === -1 ? this.#text.length : end + 1;
  }

  #skip(characters: string): void {
    while (this.#at < this.#text.length && this.#seesAnyOf(characters)) this.#at++;
  }

  #seesAnyOf(characters: string): boolean {
    return characters.includes(this.#text.charAt(this.#at));
  }

  #sees(token: string): boolean {
    return this.#text.startsWith(token, this.#at);
  }
}

const BARE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

/** The text of a quoted key. */
function unquote(key: string): string {
  if (!key.includes("\\")) return key.slice(1, -1);
  try {
    return String(parse(`key = ${key}`).key);
  } catch {
    return key;
  }
}
