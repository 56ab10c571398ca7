// Whether a value that was read from a file has the form that is asked for: checks that are put together, for reports of our own
// that another release, a power cut or somebody else may have written. What an operator writes is checked by lib/schema,
// which can say what is wrong. Pure.

export type Check = (value: unknown) => boolean;
/** A check for each field of a type: who renames one has to rename the other. */
export type ChecksOf<T> = Readonly<Record<keyof T, Check>>;

export const isText: Check = (value) => typeof value === "string";
export const isNumber: Check = (value) => typeof value === "number" && Number.isFinite(value);
export const isFlag: Check = (value) => typeof value === "boolean";
export const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
/** For a field that older releases do not write. */
export const leftOutOr =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
export const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
/** An object whose values are all of one kind, whatever their names. */
export const tableOf =
  (check: Check): Check =>
  (value) =>
    typeof value === "object" && value !== null && !Array.isArray(value) && Object.values(value).every(check);
/** An object with these fields; others do not matter. */
export const hasFields =
  (checks: Readonly<Record<string, Check>>): Check =>
  (value) => {
    if (typeof value !== "object" || value === null) return false;
    const row: Readonly<Record<string, unknown>> = { ...value };
    return Object.entries(checks).every(([name, check]) => check(row[name]));
  };

/** Reads JSON of a known form; null for what is none, or has another form. @param is says whether it has it */
export function parseShaped<T>(text: string, is: (value: unknown) => value is T): T | null {
  try {
    const value: unknown = JSON.parse(text);
    return is(value) ? value : null;
  } catch {
    return null;
  }
}
