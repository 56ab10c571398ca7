"""An SMTP server on loopback for tests, by aiosmtpd: says its port, then each mail that it took or was given, a line of JSON each.

Its one argument is JSON: tls (starttls, implicit, none), cert, key, user, password, refuse (recipients),
data (how it answers a mail: taken, hang, close, or a line such as "451 4.3.0 try later").
"""

import asyncio
import base64
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

OPTIONS = json.loads(sys.argv[1])


def say(value):
    print(json.dumps(value), flush=True)


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if address in OPTIONS.get("refuse", []):
            return "550 5.1.1 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        say(
            {
                "from": envelope.mail_from,
                "to": envelope.rcpt_tos,
                "tls": session.ssl is not None or OPTIONS["tls"] == "implicit",
                "login": session.login_data,
                "text": envelope.content.decode("utf-8", "surrogateescape"),
            }
        )
        how = OPTIONS.get("data", "taken")
        if how == "hang":
            await asyncio.sleep(3600)
        if how == "close":
            server.transport.close()
        return "250 2.0.0 taken" if how in ("taken", "close") else how


def authenticate(server, session, envelope, mechanism, data):
    login, password = data.login.decode(), data.password.decode()
    if (login, password) == (OPTIONS["user"], OPTIONS["password"]):
        return AuthResult(success=True, auth_data=login)
    # As a careless server would: it says what it was given.
    encoded = " ".join(base64.b64encode(form).decode() for form in (data.password, b"\0" + data.login + b"\0" + data.password))
    return AuthResult(success=False, handled=False, message=f"535 5.7.8 not {password} ({encoded})")


def protocol(context):
    options = {"hostname": "mail.test", "decode_data": False}
    if OPTIONS["tls"] == "starttls":
        options |= {"tls_context": context, "require_starttls": True}
    if OPTIONS.get("user"):
        options |= {"authenticator": authenticate, "auth_required": True, "auth_require_tls": OPTIONS["tls"] == "starttls"}
    return SMTP(Handler(), **options)


async def main():
    context = None
    if OPTIONS["tls"] != "none":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(OPTIONS["cert"], OPTIONS["key"])
    of_sockets = context if OPTIONS["tls"] == "implicit" else None
    server = await asyncio.get_running_loop().create_server(lambda: protocol(context), "127.0.0.1", 0, ssl=of_sockets)
    say({"port": server.sockets[0].getsockname()[1]})
    await server.serve_forever()


asyncio.run(main())
