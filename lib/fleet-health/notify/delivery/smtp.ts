// Sends one mail. The library speaks SMTP and writes the message; the connection is ours, so that names are looked up as this machine does
// it and one limit holds for all of it. It is loaded here, when there is a mail to send, and costs nothing before.

import { connect } from "node:net";
import { hostname } from "node:os";
import { Readable } from "node:stream";
import type SMTPConnection from "nodemailer/lib/smtp-connection";
import { errorCode, errorText } from "../../../core/failure.ts";
import type { Mail } from "../channel.ts";
import type { Notice, Outcome } from "../mailbox.ts";
import { greetingOf, type Letter, letterOf } from "./letter.ts";
import { explainMail, type MailFailure, refusedSome } from "./mail-failures.ts";
import { withoutSecrets } from "./secrets.ts";
import { authoritiesOf, secretOf } from "./target.ts";

/** Servers look into a mail before they take it, and some greet late on purpose. */
const TIMEOUT_MS = 30_000;
/** A server that says nothing to a goodbye is left. */
const GOODBYE_MS = 1000;

/** Tries once. Never rejects for an error of the system. */
export async function mailTo(mail: Mail, notice: Notice, timeoutMs = TIMEOUT_MS): Promise<Outcome> {
  const password = await secretOf(mail.passwordFile, "");
  if (typeof password !== "string") return { sent: "refused", why: password };
  const ca = await authoritiesOf(mail.caBundle);
  if (ca !== null && typeof ca !== "string") return { sent: "refused", why: ca };
  const said = await talk(
    { mail, password, ca, message: await messageOf(letterOf(notice, mail, hostname())) },
    timeoutMs,
  );
  if (said.kind === "failed") {
    const sent = said.wasSent && said.failure.status === null ? "unsure" : "refused";
    return { sent, why: explainMail(withoutSecret(said.failure, mail, password), mail) };
  }
  return { sent: "taken", why: said.refused.length === 0 ? null : refusedSome(said.refused) };
}

/** What goes over the wire: no text can add a field, and no file or address in it is opened. */
async function messageOf(letter: Letter): Promise<Buffer> {
  const { default: MailComposer } = await import("nodemailer/lib/mail-composer");
  const parts = { ...letter, to: [...letter.to], headers: { "Auto-Submitted": "auto-generated" } };
  return new MailComposer({ ...parts, disableFileAccess: true, disableUrlAccess: true }).compile().build();
}

interface Task {
  mail: Mail;
  password: string;
  ca: string | null;
  message: Buffer;
}

type Said =
  | { kind: "taken"; refused: { address: string; answer: string }[] }
  /** `wasSent`: all of the message had gone out. */
  | { kind: "failed"; failure: MailFailure; wasSent: boolean };

async function talk({ mail, password, ca, message }: Task, timeoutMs: number): Promise<Said> {
  const { default: Connection } = await import("nodemailer/lib/smtp-connection");
  const { host, port, tls, user, from, to } = mail;
  const { promise, resolve } = Promise.withResolvers<Said>();
  let wasSent = false;
  const socket = connect({ host, port });
  const fail = (error: unknown, isMute = false): void => {
    clearTimeout(timer);
    socket.destroy();
    resolve({ kind: "failed", failure: { ...failureOf(error), isMute }, wasSent });
  };
  const late = (): void => {
    const isMute = !socket.connecting && socket.bytesRead === 0;
    fail(new Error(`no answer ${wasSent ? "to the mail " : ""}within ${timeoutMs / 1000} s`), isMute);
  };
  const timer = setTimeout(late, timeoutMs);
  // It stays: an error without a listener would end the process.
  socket.on("error", (error) => fail(error));
  socket.once("connect", () => {
    const way = { secure: tls === "implicit", requireTLS: tls === "starttls", ignoreTLS: tls === "none" };
    const name = greetingOf(hostname(), socket.localAddress ?? "127.0.0.1");
    // Said outright, NODE_TLS_REJECT_UNAUTHORIZED has no say: a login goes to nobody unknown.
    const believed = { rejectUnauthorized: true, ...(ca !== null && { ca }) };
    const call = new Connection({ connection: socket, host, port, name, ...way, tls: believed });
    const then = (next: () => void) => (error?: Error | null) => (error ? fail(error) : next());
    const bytes = Readable.from([message]).once("end", () => {
      wasSent = true;
    });
    const send = (): void =>
      call.send({ from, to: [...to] }, bytes, (error, info) => {
        if (error) return fail(error);
        clearTimeout(timer);
        resolve({ kind: "taken", refused: refusedOf(info) });
        leave(call, socket);
      });
    call.on("error", (error) => fail(error));
    call.connect(then(user === null ? send : () => call.login({ user, pass: password }, then(send))));
  });
  return promise;
}

/** It has been taken: nothing waits for what is said to the goodbye. */
function leave(call: SMTPConnection, socket: ReturnType<typeof connect>): void {
  call.quit();
  setTimeout(() => socket.destroy(), GOODBYE_MS).unref();
}

interface Info {
  rejectedErrors?: readonly unknown[] | undefined;
}

function refusedOf({ rejectedErrors = [] }: Info): { address: string; answer: string }[] {
  return rejectedErrors.map((error) => ({
    address: field(error, "recipient") ?? "one",
    answer: field(error, "response") ?? "",
  }));
}

function failureOf(error: unknown): Omit<MailFailure, "isMute"> {
  const status = typeof error === "object" && error !== null && "responseCode" in error ? error.responseCode : null;
  return {
    code: errorCode(error),
    command: field(error, "command"),
    status: typeof status === "number" ? status : null,
    answer: field(error, "response") ?? "",
    message: errorText(error),
  };
}

function field(error: unknown, name: string): string | null {
  const value: unknown = typeof error === "object" && error !== null ? Reflect.get(error, name) : null;
  return typeof value === "string" ? value : null;
}

/** A server may say what it was given. */
function withoutSecret(failure: MailFailure, { user }: Mail, password: string): MailFailure {
  const clean = (text: string): string => withoutSecrets(text, [password, `\0${user}\0${password}`]);
  return password === "" ? failure : { ...failure, answer: clean(failure.answer), message: clean(failure.message) };
}
