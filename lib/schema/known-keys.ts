// What a schema has no word for, and arktype lets pass: keys that it does not know, and arrays where it wants a table.

import type { KeyPath } from "./key-path.ts";
import { branchesOf, elementNode, isObject, type SchemaNode, tableNode } from "./nodes.ts";

export interface UnknownKey {
  path: KeyPath;
  value: unknown;
  /** The keys that its table may have. */
  siblings: readonly string[];
}

export interface Oddities {
  unknown: UnknownKey[];
  /** Arrays and dates where a table belongs. */
  misshapen: { path: KeyPath; value: unknown }[];
}

/** Compares a parsed text with a schema. */
export function findOddities(value: unknown, schema: SchemaNode): Oddities {
  const found: Oddities = { unknown: [], misshapen: [] };
  walk(value, schema, [], found);
  return found;
}

function walk(value: unknown, node: SchemaNode, path: KeyPath, found: Oddities): void {
  if (Array.isArray(value)) {
    const element = branchesOf(node).map(elementNode).find(isSaid);
    if (element !== undefined) {
      for (const [index, inner] of value.entries()) walk(inner, element, [...path, index], found);
      return;
    }
  }
  const table = branchesOf(node).map(tableNode).find(isSaid);
  if (table === undefined || !isObject(value)) return;
  if (!isTable(value)) {
    found.misshapen.push({ path, value });
    return;
  }
  for (const [key, inner] of Object.entries(value)) {
    const known = table.keys.get(key) ?? table.others;
    if (known === null) found.unknown.push({ path: [...path, key], value: inner, siblings: [...table.keys.keys()] });
    else walk(inner, known, [...path, key], found);
  }
}

function isSaid<T>(node: T | null | undefined): node is T {
  return node !== null && node !== undefined;
}

/** True for a TOML table, and not for an array or a date. */
export function isTable(value: unknown): value is Record<string, unknown> {
  return isObject(value) && !Array.isArray(value) && !(value instanceof Date);
}
