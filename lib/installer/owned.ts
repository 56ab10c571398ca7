// Whether something on this machine belongs to an account: whoever takes that away first gives it to the next one with its number.

import { run } from "../os/process/exec.ts";
import { readAccounts } from "./facts.ts";

/** All of this machine is looked through: data may lie anywhere. @returns null: nothing is theirs */
export async function whyOwned(users: readonly string[], groups: readonly string[]): Promise<string | null> {
  const accounts = await readAccounts();
  const own = [
    ...users.filter((name) => accounts.users.has(name)).flatMap((name) => ["-o", "-user", name]),
    ...groups.filter((name) => accounts.groups.has(name)).flatMap((name) => ["-o", "-group", name]),
  ].slice(1);
  if (own.length === 0) return null;
  const away = ["/proc", "/sys", "/dev", "/run"].flatMap((path) => ["-o", "-path", path]).slice(1);
  const asked = ["find", "/", "(", ...away, ")", "-prune", "-o", "(", ...own, ")", "-print", "-quit"];
  const found = await run(asked, { timeoutMs: 5 * 60_000 });
  if (found.kind === "failed") return `whether something is theirs is not known: ${found.why}`;
  const path = found.stdout.trim();
  if (path !== "") return `${path} is theirs`;
  return found.code === 0 ? null : `whether something is theirs is not known: ${found.stderr.trim().split("\n")[0]}`;
}
