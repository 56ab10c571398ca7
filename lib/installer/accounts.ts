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

/** Who is in each group beside those whose own it is, by /etc/group. */
export function parseMembers(text: string): Map<string, ReadonlySet<string>> {
  const rows = text.split("\n").map((line) => line.split(":"));
  return new Map(rows.map(([name = "", , , users = ""]) => [name, new Set(users.split(",").filter(Boolean))]));
}
