// /etc/passwd and /etc/group (passwd(5), group(5)): names and their numbers. Pure.

/** The number of each name, the first where a name stands there twice; other lines are left out. */
export function parseAccounts(text: string): Map<string, number> {
  const accounts = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [name = "", , number = ""] = line.split(":");
    if (name !== "" && /^\d+$/.test(number) && !accounts.has(name)) accounts.set(name, Number(number));
  }
  return accounts;
}
