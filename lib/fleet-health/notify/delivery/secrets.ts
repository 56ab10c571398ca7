// What proves who we are, taken out of what another side says: a server, or a proxy, may answer with what it was given, in any form in
// which it was. Pure.

/** So much of the beginning of a secret, or more, is hidden at the end of a text: it may have been cut there. */
const TORN = 4;
/** A part of an address that is as long as this may be a secret by itself, of a query as this. */
const PART = 8;
const VALUE = 4;

/** `text` without any of them. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  const forms = [...new Set(secrets.flatMap(formsOf))].filter((form) => form !== "");
  // The longest first: what is left of it would stand there otherwise.
  forms.sort((a, b) => b.length - a.length);
  const clean = forms.reduce((rest, form) => rest.replaceAll(form, "…"), text);
  const torn = Math.max(...forms.map((form) => tornAt(clean, form)), 0);
  return torn === 0 ? clean : `${clean.slice(0, -torn)}…`;
}

/** As it is, as it stands in JSON and in an address, and in base64, be that filled up or not. */
function formsOf(secret: string): string[] {
  const base64 = Buffer.from(secret).toString("base64");
  const written = [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret.toWellFormed())];
  return [...written, base64, base64.replace(/=+$/, "")];
}

/** How many characters of its beginning a text ends with. */
function tornAt(text: string, form: string): number {
  for (let length = Math.min(form.length - 1, text.length); length >= TORN; length--)
    if (text.endsWith(form.slice(0, length))) return length;
  return 0;
}

/** What is secret of a request: whoever knows where it goes may write there. */
export function secretsOf(url: URL, headers: Readonly<Record<string, string>>): string[] {
  const [user, password] = [decoded(url.username), decoded(url.password)];
  const token = (headers.authorization ?? "").replace(/^\w+ /, "");
  const parts = url.pathname.split("/").filter(({ length }) => length >= PART);
  const values = [...url.searchParams.values()].filter(({ length }) => length >= VALUE);
  return [
    ...[token, url.pathname + url.search, url.pathname, url.search].filter(({ length }) => length > 1),
    ...(password === "" ? [url.username, user] : [url.password, password, `${user}:${password}`]),
    ...[...parts, ...parts.map(decoded), ...values],
  ];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
