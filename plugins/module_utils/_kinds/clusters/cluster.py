# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""A server that becomes the first member of a cluster, or joins one."""

from __future__ import annotations

from ..._api.errors import ConnectionFailed, InvalidInput, ServerError
from ..._api.tls import Token, decode_token, server_pem
from ..._engine.fields import Field
from ..._engine.plans import Action, Existing, Plan, Step
from ..._engine.resource import Resource
from . import _address as addresses
from . import _joining as joining

_AS_IN = "Give the address and port that the other members reach this server at, as in 10.0.0.2:8443 or [fd00::2]:8443."


class Cluster(Resource):
    """`/1.0/cluster`: this server as the first member of a cluster, or as a further one. Only removing the member
    undoes it.
    """

    kind = "cluster"
    stackable = False
    path = "/1.0/cluster"
    extension = "clustering"
    states = ()
    named = False
    scoped = False
    fields: tuple[Field, ...] = ()
    options = {
        "server_name": {"type": "str", "required": True},
        "server_address": {"type": "str"},
        "cluster_token": {"type": "str", "no_log": True},
        "member_config": {
            "type": "list",
            "elements": "dict",
            "options": {
                "entity": {"type": "str", "required": True, "choices": ["storage-pool", "network"]},
                "name": {"type": "str", "required": True},
                "key": {"type": "str", "required": True, "no_log": False},
                "value": {"type": "str", "required": True},
            },
        },
        "force": {"type": "bool", "default": False},
    }

    name_rule = (
        r"(?!@)[^/\s*][^/\s]*",
        "no slash, no space and no asterisk, and no @ at its beginning, which stands for groups",
    )
    joined = False

    def validate(self) -> None:
        if len(self.client.urls) > 1:
            raise InvalidInput(
                f"url: this task makes one server a member of a cluster, and url has {len(self.client.urls)} addresses "
                f"({', '.join(self.client.urls)}): write the one of this server."
            )
        self.member: str = self.params["server_name"]
        self.check_name("server_name", self.member)
        self._check_address(self.params["server_address"])
        raw = self.params["cluster_token"]
        self.token: Token | None = decode_token("cluster_token", raw) if raw else None
        if self.token and self.token.name not in ("", self.member):
            raise InvalidInput(
                f"cluster_token is for a member named '{self.token.name}', and server_name is '{self.member}': use "
                "the token of this member."
            )
        if self.params["member_config"] and not self.token:
            raise InvalidInput("member_config is for a server that joins: give its cluster_token, or leave it out.")

    def _check_address(self, address: str | None) -> None:
        wrong = addresses.fault(address) if address else ""
        if wrong:
            raise InvalidInput(f"server_address: '{address}' {wrong}. {_AS_IN}")

    def url(self, name: str | None = None) -> str:
        return self.path

    def plan(self, found: Existing | None) -> Plan:
        if found is None:
            raise InvalidInput(f"{self.client.label} knows no clusters.")
        cluster = found.object
        if cluster.get("enabled"):
            if cluster["server_name"] != self.member:
                raise InvalidInput(
                    f"server_name: {self.client.label} is the member '{cluster['server_name']}' of a cluster "
                    f"already, not '{self.member}'. "
                    "Rename it with cloudhost.lxd.cluster_member and new_name."
                )
            self._compare_address()
            return Plan({}, {}, [], cluster)
        self.check_extensions()
        after = {"enabled": True, "server_name": self.member}
        steps = self._join(self.token) if self.token else self._bootstrap()
        return Plan({"enabled": False}, after, steps, {**cluster, **after})

    def _compare_address(self) -> None:
        """Warn if the address differs: the API does not change the address of a member."""
        wanted = self.params["server_address"]
        config = (self.client.server.get("config") or {}) if wanted else {}
        has = config.get("cluster.https_address") or config.get("core.https_address")
        if has and not addresses.same(wanted, has):
            self.warn(
                f"server_address: {self.client.label} is the member '{self.member}' at {has}, and that is not "
                f"changed to {wanted}. To move a cluster, stop the "
                "daemons of all members, write the addresses with `lxd cluster edit` or `incus admin cluster edit` "
                "on each, and start them. To move one "
                "member, remove it with cloudhost.lxd.cluster_member and have it join again."
            )

    def _usable(self, listening: str | None) -> str:
        """The address that the server listens on, if others can connect to it."""
        wrong = addresses.fault(listening) if listening else "is none"
        if wrong:
            raise InvalidInput(
                f"server_address: {self.client.label} listens on '{listening or 'no address'}', which other members "
                f"cannot use: it {wrong}. {_AS_IN}"
            )
        return str(listening)

    # -- the first member ---------------------------------------------------------------------------------------------

    def _bootstrap(self) -> list[Step]:
        steps = []
        config = self.client.server.get("config") or {}  # nothing is shown to a client that is limited to projects
        key = "core.https_address" if not config.get("core.https_address") else "cluster.https_address"
        address = self.params["server_address"]
        listening = config.get("cluster.https_address") or config.get("core.https_address") or ""
        if address and not addresses.same(address, listening):
            steps.append(
                Step(Action.UPDATE, f"set {key} to {address}", lambda: self._listen(key, address, config.get(key, "")))
            )
        else:
            self._usable(listening)
        body = {"server_name": self.member, "enabled": True}
        return [
            *steps,
            Step(
                Action.CREATE, f"enable clustering on {self.member}", lambda: self.writer.write("PUT", self.path, body)
            ),
        ]

    def _listen(self, key: str, address: str, before: str) -> None:
        """Listen on an address. LXD 5.0 stores even one that it cannot listen on, so that is put back: the next run
        would take it for done.
        """
        try:
            self.writer.write("PATCH", "/1.0", {"config": {key: address}})
        except ServerError:
            self.writer.write("PATCH", "/1.0", {"config": {key: before}})
            raise

    # -- one more -----------------------------------------------------------------------------------------------------

    def _join(self, token: Token) -> list[Step]:
        address = self.params["server_address"] or self._usable(self.client.server["config"].get("core.https_address"))
        if joining.half_joined(self.client, self.member, address):
            raise InvalidInput(f"A join of {self.client.label} broke off. {joining.HALF_JOINED}")
        left = [] if self.params["force"] else joining.left_over(self.client)
        steps = (
            [
                Step(
                    Action.DELETE,
                    f"remove what a join that failed left here: {', '.join(left)}",
                    lambda: joining.clear(self.writer, left),
                )
            ]
            if left
            else []
        )
        return [*steps, Step(Action.JOIN, f"join the cluster as {self.member}", lambda: self._put_join(token, address))]

    def _put_join(self, token: Token, address: str) -> None:
        leader, certificate = self._reach(token)
        body = {
            "server_name": self.member,
            "enabled": True,
            "server_address": address,
            "cluster_address": leader,
            "cluster_certificate": certificate,
            "cluster_token" if self.writer.tokens_by_name else "cluster_password": token.raw,
            "member_config": self.params["member_config"] or [],
        }
        self.joined = True  # or it may have, where the answer is lost
        joining.join(self.writer, body, empty=not self.params["force"])

    def after_apply(self, found: Existing | None) -> None:
        if self.joined:
            self.warnings += joining.take_in(self.writer)
            self.warnings += joining.ignored(self.client, self.member, self.params["member_config"] or [])

    def _reach(self, token: Token) -> tuple[str, str]:
        """The first address in the token that answers with the fingerprint in the token, and its certificate."""
        failures = []
        for address in token.addresses:
            try:
                return address, server_pem(
                    address, token.fingerprint, min(self.client.deadline.check("reaching the cluster"), 10)
                )
            except (ConnectionFailed, OSError) as exc:
                failures.append(f"{address}: {exc}")
        raise ConnectionFailed(
            f"No member of the cluster can be reached at the addresses in cluster_token: {'; '.join(failures)}. They "
            "are the server_address of each member (cluster_server_address of its host, in the role cluster): this "
            "server must reach them, so look for a firewall, and for two hosts with one address.",
            permanent=True,
        )
