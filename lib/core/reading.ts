// A value that was read, or why there is none. Pure.

/** Why there is no value: an errno name, or what was wrong with the text. */
export interface Unreadable {
  unreadable: string;
}

export type Reading<T> = T | Unreadable;

export function isUnreadable(value: unknown): value is Unreadable {
  return typeof value === "object" && value !== null && "unreadable" in value;
}
