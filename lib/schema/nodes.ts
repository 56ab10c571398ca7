// Reads a schema back from arktype's `.json`: which keys a table has, what an array holds. Messages are made from the
// schema itself, so that no "did you mean …?" can drift from it.

import type { KeyPath } from "./key-path.ts";

/** A schema, or a part of one, as arktype's `.json` has it. */
export type SchemaNode = unknown;

export interface TableNode {
  /** The keys that have a name. */
  keys: ReadonlyMap<string, SchemaNode>;
  /** What every other key holds; null where there shall be none; undefined where nothing is said of them. */
  others: SchemaNode;
}

/** A union's branches; any other node by itself. */
export function branchesOf(node: SchemaNode): readonly SchemaNode[] {
  return Array.isArray(node) ? node : [node];
}

/** What a node says of a table, or null when it speaks of something else. */
export function tableNode(node: SchemaNode): TableNode | null {
  if (node === "object") return { keys: new Map(), others: undefined };
  if (!isObject(node) || node.domain !== "object") return null;
  const keys = [...entriesOf(node.required), ...entriesOf(node.optional)];
  const index: unknown = Array.isArray(node.index) ? node.index[0] : undefined;
  return { keys: new Map(keys), others: isObject(index) ? index.value : null };
}

/** What an array holds, or undefined when the node speaks of something else. */
export function elementNode(node: SchemaNode): SchemaNode {
  return isObject(node) && node.proto === "Array" ? node.sequence : undefined;
}

/** The part of a schema that speaks of `path`; undefined when none does. */
export function nodeAt(node: SchemaNode, path: KeyPath): SchemaNode {
  const [part, ...rest] = path;
  if (part === undefined) return node;
  for (const branch of branchesOf(node)) {
    const table = tableNode(branch);
    const inner = typeof part === "number" ? elementNode(branch) : (table?.keys.get(part) ?? table?.others);
    if (inner !== undefined && inner !== null) return nodeAt(inner, rest);
  }
  return undefined;
}

/** Every table of a schema that knows `key`, the outermost first; an array's element has the number 0. */
export function tablesWith(key: string, node: SchemaNode, path: KeyPath = []): KeyPath[] {
  const found = branchesOf(node).flatMap((branch) => {
    const element = elementNode(branch);
    if (element !== undefined) return tablesWith(key, element, [...path, 0]);
    const keys = tableNode(branch)?.keys ?? new Map<string, SchemaNode>();
    const inner = [...keys].flatMap(([name, value]) => tablesWith(key, value, [...path, name]));
    return keys.has(key) ? [path, ...inner] : inner;
  });
  return found.sort((a, b) => a.length - b.length);
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function entriesOf(properties: unknown): [string, SchemaNode][] {
  if (!Array.isArray(properties)) return [];
  return properties.flatMap((property): [string, SchemaNode][] =>
    isObject(property) && typeof property.key === "string" ? [[property.key, property.value]] : [],
  );
}
