// Addresses of the web that notices go to, and that is asked when a run is over. Whoever knows one may write there: none is shown. Pure.

/** What an address must be that this one is not, to stand after "must be"; null: it is fine. */
export function addressFault(text: string): string | null {
  return FAULTS.find(([isFault]) => isFault(text))?.[1] ?? null;
}

/** In this order: the first that fits is what is said. */
const FAULTS: readonly (readonly [isFault: (text: string) => boolean, rule: string])[] = [
  [(text) => !/^https?:\/\//i.test(text), "an address that begins with http:// or https://"],
  [(text) => !URL.canParse(text), "a valid address: its host or its port is wrong"],
  // A client takes it for none, and asks the port of the scheme.
  [(text) => new URL(text).port === "0", "an address with a port from 1 to 65535, or with none"],
  [(text) => !hasCodes(new URL(text)), "an address with %25 in place of each % of its name and password"],
];

/** Whether each % of its name and password begins a code. */
function hasCodes({ username, password }: URL): boolean {
  try {
    return decodeURIComponent(username + password) !== null;
  } catch {
    return false;
  }
}

/** The same of the one that is asked at the end of each run: something is added to it. */
export function pingFault(text: string): string | null {
  return addressFault(text) ?? (text.includes("#") ? "an address without # and what is behind it" : null);
}

/** Where it is said that a run is over: a service is told by its path that the run has failed, or by `status` where it has that. */
export function pingAddress(address: string, isWell: boolean): URL {
  const url = new URL(address);
  if (isWell) return url;
  const { searchParams } = url;
  if (searchParams.get("status") !== "up") url.pathname = `${url.pathname.replace(/\/+$/, "")}/fail`;
  else {
    searchParams.set("status", "down");
    if (searchParams.has("msg")) searchParams.set("msg", "failed");
  }
  return url;
}
