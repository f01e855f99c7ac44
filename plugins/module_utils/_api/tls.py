# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""TLS: which servers a connection trusts (pinned or verified), client certificates, and trust tokens."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import http.client
import json
import os
import re
import socket
import ssl
import tempfile
from typing import Any, Iterator, NamedTuple

from .errors import ConnectionFailed, InvalidInput

#: When the other side of a connection counts as gone, such as a host without power: it gets a question after 10 s of
#: silence, another one every 5 s, and 30 s to confirm what was sent to it (tcp(7)).
_KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 4, "TCP_USER_TIMEOUT": 30000}
PEM = re.compile("-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.S)


def read_pem(option: str, value: str) -> str:
    """The text of a PEM option given as content or as a path on the host that runs the module."""
    if "-----BEGIN" in value:
        return value
    try:
        with open(os.path.expanduser(value), encoding="ascii") as stream:
            text = stream.read()
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidInput(
            f"{option} '{value}' cannot be read: {exc}. Give a PEM file on the host that runs the module, or PEM text."
        ) from exc
    if "-----BEGIN" not in text:
        raise InvalidInput(f"{option} '{value}' is not a PEM file.")
    return text


def certificate_der(option: str, value: str) -> bytes:
    """The first certificate of a PEM option, as DER."""
    match = PEM.search(read_pem(option, value))
    if not match:
        raise InvalidInput(f"{option}: no certificate in it (no BEGIN CERTIFICATE block).")
    try:
        return base64.b64decode(match.group(1))
    except binascii.Error as exc:
        raise InvalidInput(f"{option}: its BEGIN CERTIFICATE block is not base64: {exc}.") from exc


def fingerprint(der: bytes) -> str:
    """SHA-256 of a certificate in DER form, in hexadecimal, as `lxc config trust list` and `lxc info` print it."""
    return hashlib.sha256(der).hexdigest()


class Token(NamedTuple):
    """A decoded trust or join token (doc/authentication.md, "Adding client certificates using tokens")."""

    raw: str
    fingerprint: str
    addresses: tuple[str, ...]
    name: str


def decode_token(option: str, raw: str) -> Token:
    """Read a token as `lxc config trust add` and `lxc cluster add` print it; the value itself is never shown."""
    try:
        data = json.loads(base64.b64decode(raw.strip(), validate=True))
        return Token(
            raw.strip(),
            data["fingerprint"] + "",
            tuple(data["addresses"]),
            data.get("client_name") or data.get("server_name") or "",
        )
    except (ValueError, KeyError, TypeError, binascii.Error) as exc:
        raise InvalidInput(
            f"{option} is not a token of LXD or Incus: take the last line of `lxc config trust add` as it stands."
        ) from exc


def server_pem(address: str, pin: str, timeout: float) -> str:
    """The certificate of a server that is not known yet, as PEM; refused unless it has the fingerprint `pin`."""
    host, _colon, port = address.rpartition(":")
    connection = Trust(pin=pin, pinned_by="cluster_token").connect(
        f"https://{address}", host.strip("[]"), int(port), timeout
    )
    try:
        der = connection.sock.getpeercert(binary_form=True)  # type: ignore[union-attr,unused-ignore]
    finally:
        connection.close()
    return ssl.DER_cert_to_PEM_cert(der or b"")


class Trust:
    """How TLS connections to one server are opened.

    With `pin`, a server is accepted if its certificate has this SHA-256 fingerprint; otherwise if the authorities of
    the system verify the certificate and its name. With `validate` false, which the user must write, any is accepted.
    `pinned_by` is the option that the pin comes from.
    """

    def __init__(
        self,
        client_cert: str | None = None,
        client_key: str | None = None,
        pin: str | None = None,
        validate: bool = True,
        pinned_by: str = "server_fingerprint",
    ) -> None:
        self.pinned_by = pinned_by
        self.pin = pin.replace(":", "").lower() if pin else None
        if self.pin and not re.fullmatch("[0-9a-f]{64}", self.pin):
            raise InvalidInput(
                f"server_fingerprint '{pin}' is not a SHA-256 fingerprint: it has 64 hexadecimal digits (see `lxc "
                "info`)."
            )
        if bool(client_cert) != bool(client_key):
            raise InvalidInput("client_cert and client_key belong together: give both.")
        self.client_pem = read_pem("client_cert", client_cert) if client_cert else None
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.pin or not validate:
            self._context.check_hostname = False
            self._context.verify_mode = (
                ssl.CERT_NONE
            )  # the pin is compared right after the handshake, before anything is sent
        else:
            self._context.load_default_certs()
        if self.client_pem and client_key:
            self._load(self.client_pem, read_pem("client_key", client_key))

    def _load(self, cert: str, key: str) -> None:
        # Python gives OpenSSL certificates by the names of files only. The key goes through a pipe, so that it never
        # lies in a file of ours.
        with tempfile.NamedTemporaryFile("w", suffix=".crt") as stream, _piped(key) as place:
            stream.write(cert)
            stream.flush()
            try:
                self._context.load_cert_chain(
                    stream.name, place, password=""
                )  # or OpenSSL would ask for one on the terminal
            except (ssl.SSLError, OSError) as exc:
                raise InvalidInput(
                    f"client_cert and client_key cannot be used: {exc}. Is it the key of this certificate, without a "
                    "passphrase?"
                ) from exc

    def connect(self, url: str, host: str, port: int, timeout: float) -> http.client.HTTPSConnection:
        connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=self._context)
        try:
            connection.connect()
        except ssl.SSLCertVerificationError as exc:
            raise ConnectionFailed(
                f"{url}: the server's certificate is not verified ({exc.verify_message}). LXD and Incus servers sign "
                "their own: pin it "
                "with server_cert or server_fingerprint, or with the variable lxd_server_fingerprint of the host (`lxc "
                "info` or `incus info` on the server prints certificate_fingerprint).",
                permanent=True,
            ) from exc
        seen = fingerprint(connection.sock.getpeercert(binary_form=True) or b"")  # type: ignore[union-attr,unused-ignore]
        if self.pin and seen != self.pin:
            connection.close()
            mend = "make another" if self.pinned_by.endswith("token") else "correct"
            raise ConnectionFailed(
                f"{url}: the server's certificate has the fingerprint {seen}, not the pinned {self.pin}. Either this "
                "is another server, or its "
                f"certificate was renewed: check on the server, then {mend} {self.pinned_by}.",
                permanent=True,
            )
        _notice_the_end(connection.sock)
        return connection


def _notice_the_end(sock: socket.socket) -> None:
    """Let the kernel notice that the other side is gone, also while nothing is sent."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if hasattr(socket, name):  # these are of Linux
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


@contextlib.contextmanager
def _piped(key: str) -> Iterator[str]:
    """A name under which a text can be read once."""
    reader, writer = os.pipe()
    try:
        os.set_blocking(writer, False)  # a pipe takes 16 KiB at least, and no key is as long
        data = key.encode("ascii")
        written = os.write(writer, data[:16384])
        os.close(writer)
        if written < len(data):
            raise InvalidInput(f"client_key: {len(data)} bytes are no private key.")
        yield f"/dev/fd/{reader}"
    finally:
        os.close(reader)


def trust_from(params: dict[str, Any]) -> Trust:
    """The trust that the connection options describe. A trust token pins the server it was made on."""
    pin, pinned_by = params.get("server_fingerprint"), "server_fingerprint"
    if params.get("server_cert"):
        of_cert = fingerprint(certificate_der("server_cert", params["server_cert"]))
        if pin and pin.replace(":", "").lower() != of_cert:
            raise InvalidInput(f"server_fingerprint '{pin}' is not that of server_cert ({of_cert}): give one of them.")
        pin, pinned_by = of_cert, "server_cert"
    elif not pin and params.get("trust_token"):
        pin, pinned_by = decode_token("trust_token", params["trust_token"]).fingerprint, "trust_token"
    validate = params.get("validate_certs", True)
    return Trust(params.get("client_cert"), params.get("client_key"), pin, validate, pinned_by)
