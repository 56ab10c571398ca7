// Which keys a schema knows, read from the schema itself, so that "did you mean …?" cannot drift from it.

interface SchemaNode {
  domain?: unknown;
  required?: { key: string; value: unknown }[];
  optional?: { key: string; value: unknown }[];
}

/** Dotted paths of every key in `table` that `schemaJson` (arktype's `.json`) does not know, with their siblings. */
export function unknownKeys(table: unknown, schemaJson: unknown): { path: string[]; siblings: string[] }[] {
  const found: { path: string[]; siblings: string[] }[] = [];
  walk(table, schemaJson, [], found);
  return found;
}

function walk(value: unknown, schema: unknown, path: string[], found: { path: string[]; siblings: string[] }[]): void {
  if (!isTable(value) || !isObjectSchema(schema)) return;
  const known = new Map([...(schema.required ?? []), ...(schema.optional ?? [])].map((p) => [p.key, p.value]));
  for (const [key, inner] of Object.entries(value)) {
    if (known.has(key)) walk(inner, known.get(key), [...path, key], found);
    else found.push({ path: [...path, key], siblings: [...known.keys()] });
  }
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isObjectSchema(schema: unknown): schema is SchemaNode {
  return isTable(schema) && ("required" in schema || "optional" in schema);
}
