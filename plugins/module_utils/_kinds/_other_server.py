# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Another server, which `source.server` names with options of a connection, and what two servers need to reach each
other.
"""

from __future__ import annotations

import contextlib
from typing import Any, Iterator, Mapping

from .._api.client import Client
from .._api.errors import ConnectionFailed, InvalidInput, ServerError, did_you_mean
from .._api.reader import Reader
from .._engine import values

#: The keys of `source.server`: options of the connection under their names.
OPTIONS = (
    "url",
    "client_cert",
    "client_key",
    "server_cert",
    "server_fingerprint",
    "trust_token",
    "validate_certs",
)
MODES = ("pull", "push")
#: The mode in which the host that runs the module passes the data on.
RELAY = "relay"
#: What servers of different products send each other: the modes of each kind, by the products of the one that sends and
#: the one that receives. Each was tried; what is not here fails, or ends the daemon that receives.
CROSSING: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {
    ("lxd", "incus"): {"instance": ("pull", "push"), "image": ("pull",), "storage_volume": (RELAY,)},
    ("incus", "lxd"): {"image": ("pull",), "storage_volume": (RELAY,)},
}


def check_keys(option: str, given: Mapping[str, Any], known: tuple[str, ...]) -> None:
    """Refuse keys that would mean nothing."""
    wrong = [key for key, value in given.items() if value is not None and key not in known]
    if wrong:
        raise InvalidInput(*(f"{option}.{key} is not known. {did_you_mean(key, list(known))}" for key in wrong))


def check_source(source: Mapping[str, Any], known: tuple[str, ...], modes: tuple[str, ...] = MODES) -> None:
    """Refuse a source on another server that is wrong whatever the servers have. Asks no server."""
    check_keys("source", source, ("type", "server", "project", "mode", "move", *known))
    server = source["server"]
    check_keys("source.server", server, OPTIONS)
    if not server.get("url"):
        raise InvalidInput("source.server.url: without it, nobody knows where the other server is.")
    if (source.get("mode") or "pull") not in modes:
        relay = ", relay (the host that runs the module passes the data on)" if RELAY in modes else ""
        raise InvalidInput(
            f"source.mode: '{source['mode']}' is none of pull (this server connects to the other one), push (the other "
            f"server connects to this one){relay}."
        )


def other_server(client: Reader, source: Mapping[str, Any]) -> Client:
    """A conversation with the other server. Nothing is sent yet."""
    given = {option: source["server"].get(option) for option in OPTIONS}
    validate = given["validate_certs"] in (None, True) or values.is_true(str(given["validate_certs"]))
    unset = [option for option in ("client_cert", "client_key") if given[option] is None]
    return client.beside(
        {**{option: value for option, value in given.items() if option not in unset}, "validate_certs": validate}
    )


class Elsewhere:
    """What `source` names on another server.

    :ivar name: its name
    :ivar query: its project
    :ivar mode: which server connects to the other one
    :cvar modes: the modes that there are
    """

    modes: tuple[str, ...] = MODES
    kind = ""
    name = ""

    def __init__(self, resource: Any) -> None:
        self.resource = resource
        self.source: dict[str, Any] = dict(resource.params["source"])
        self.query: dict[str, Any] = {"project": self.source.get("project")}
        self.mode = str(self.source.get("mode") or "pull")
        self._there: Client | None = None

    @property
    def there(self) -> Client:
        """The server that it is on."""
        if self._there is None:
            self._there = other_server(self.resource.client, self.source)
        return self._there

    @property
    def label(self) -> str:
        """How words of steps name it."""
        return f"{self.name} of {self.source['server']['url']}"

    def says(self, key: str) -> bool:
        """Whether a key of the source is true."""
        return values.is_true(str(self.source.get(key)))

    def check_server(self) -> None:
        """Refuse the server of the task itself, and one of another product."""
        check_other(self.resource.client, self.there)
        check_product(self.resource.client, self.there, self.kind, self.mode)

    def check_reach(self) -> None:
        """Refuse a server that does not listen, where the other one has to connect to it."""
        if self.mode in MODES:
            addresses(self.there if self.mode == "pull" else self.resource.client)


def find(other: Client, path: str, **query: Any) -> dict[str, Any] | None:
    """An object of the other server; None if it does not exist.

    :raises InvalidInput: if that server does not trust this client
    :raises ConnectionFailed: if it cannot be reached, or is not the one that is pinned
    """
    with _of_source():
        reply = other.find(path, **query)
    return dict(reply.metadata) if reply else None


def check_trust(other: Client) -> None:
    """Refuse a server that does not trust this client; see `find`. It would show its public images only."""
    with _of_source():
        other.get("/1.0/projects")


@contextlib.contextmanager
def _of_source() -> Iterator[None]:
    """Name the option in errors of the other server."""
    try:
        yield
    except ConnectionFailed as exc:
        raise ConnectionFailed(f"source.server: {exc}", exc.sent, exc.permanent) from exc
    except ServerError as exc:
        if exc.code == 403:
            raise InvalidInput(f"source.server: {exc}") from exc
        raise


def check_other(client: Reader, other: Client) -> None:
    """Refuse the server of the task itself. A server shows what it is only to a client that it trusts.

    :raises InvalidInput: if both are one
    """
    mine, theirs = (_environment(server).get("certificate_fingerprint") for server in (client, other))
    if mine and mine == theirs:
        raise InvalidInput(
            f"source.server: {other.url} is the server of the task itself. Leave server out for a copy on one server."
        )


def check_product(client: Reader, other: Client, kind: str, mode: str) -> None:
    """Refuse what LXD and Incus do not send to each other.

    :raises InvalidInput: if they are of different products
    """
    if client.implementation == other.implementation:
        return
    modes = CROSSING.get((other.implementation, client.implementation), {}).get(kind, ())
    if not modes:
        raise InvalidInput(
            f"source.server: {other.label} and {client.label} are of different products, which send each other nothing "
            f"of the kind {kind}."
        )
    if mode not in modes:
        raise InvalidInput(
            f"source.mode: {other.label} and {client.label} are of different products, between which a {kind} is "
            f"copied with mode: {' or '.join(modes)}, and not with {mode}."
        )


def _environment(server: Reader) -> dict[str, Any]:
    return dict(server.server.get("environment") or {})


def addresses(server: Client) -> list[str]:
    """The URLs at which another server can reach this one, the best first.

    :raises InvalidInput: if it does not listen
    """
    if server.url.startswith("https:"):
        return [server.url]
    listening = _environment(server).get("addresses") or []
    if not listening:
        raise InvalidInput(
            f"source.mode: {server.label} does not listen on the network, so the other server cannot connect to it: "
            "set core.https_address with cloudhost.lxd.server, or choose the other mode."
        )
    return [f"https://{address}" for address in listening]


def certificate(server: Client) -> str:
    """The certificate of a server as PEM, which the other one pins."""
    return str(_environment(server).get("certificate") or "")
