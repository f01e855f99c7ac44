# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

from __future__ import annotations

from .._client import Client
from .._errors import ConnectionFailed, InvalidInput, ServerError
from .._fields import Field
from .._resource import Found, Plan, Resource, Step
from .._tls import Token, decode_token, server_pem

#: What a server loses when it joins: where to list it, and what every server has.
_LOST = (
    ("instances", "/1.0/instances?all-projects=true", ()),
    ("images", "/1.0/images", ()),
    ("storage pools", "/1.0/storage-pools", ()),
    ("networks", "/1.0/networks", ()),
    ("profiles", "/1.0/profiles", ("default",)),
    ("projects", "/1.0/projects", ("default",)),
)
NOT_CLUSTERED = "{} is not clustered: enable clustering with cloudhost.lxd.cluster first."
WILDCARDS = ("", ":", "[::]", "0.0.0.0", "*")


class Cluster(Resource):
    """C(/1.0/cluster): this server as the first member of a cluster, or as one more. There is no way back but to remove the member."""

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

    def validate(self) -> None:
        self.member: str = self.params["server_name"]
        self.check_name("server_name", self.member)
        raw = self.params["cluster_token"]
        self.token: Token | None = decode_token("cluster_token", raw) if raw else None
        if self.token and self.token.name not in ("", self.member):
            raise InvalidInput(f"cluster_token is for a member named '{self.token.name}', and server_name is '{self.member}': use the token of this member.")
        if self.params["member_config"] and not self.token:
            raise InvalidInput("member_config is for a server that joins: give its cluster_token, or leave it out.")

    def url(self, name: str | None = None) -> str:
        return self.path

    def plan(self, found: Found | None) -> Plan:
        if found is None:
            raise InvalidInput(f"{self.client.label} knows no clusters.")
        cluster = found.object
        if cluster.get("enabled"):
            if cluster["server_name"] != self.member:
                raise InvalidInput(
                    f"server_name: {self.client.label} is the member '{cluster['server_name']}' of a cluster already, not '{self.member}'. "
                    "Rename it with cloudhost.lxd.cluster_member and new_name."
                )
            return Plan({}, {}, [], cluster)
        self.check_extensions()
        after = {"enabled": True, "server_name": self.member}
        steps = self._join(self.token) if self.token else self._bootstrap()
        return Plan({"enabled": False}, after, steps, {**cluster, **after})

    # -- the first member -------------------------------------------------------------------------------------------

    def _bootstrap(self) -> list[Step]:
        steps = []
        config = self.client.server.get("config") or {}  # nothing is shown to a client that is limited to projects
        key = "core.https_address" if not config.get("core.https_address") else "cluster.https_address"
        address = self.params["server_address"]
        listening = config.get("cluster.https_address") or config.get("core.https_address") or ""
        if address and address != listening:
            steps.append(Step(f"set {key} to {address}", lambda: self.client.write("PATCH", "/1.0", {"config": {key: address}})))
        elif is_wildcard(listening):
            raise InvalidInput(
                f"server_address: {self.client.label} listens on '{listening or 'no address'}', which other members cannot use. "
                "Give the address and port that they reach it at, as in 10.0.0.1:8443."
            )
        body = {"server_name": self.member, "enabled": True}
        return [*steps, Step(f"enable clustering on {self.member}", lambda: self.client.write("PUT", self.path, body))]

    # -- one more ---------------------------------------------------------------------------------------------------

    def _join(self, token: Token) -> list[Step]:
        address = self.params["server_address"] or self.client.server["config"].get("core.https_address") or ""
        if is_wildcard(address):
            raise InvalidInput(
                f"server_address: {self.client.label} listens on '{address or 'no address'}', which other members cannot use. "
                "Give the address and port that they reach it at, as in 10.0.0.2:8443."
            )
        if not self.params["force"]:
            self._refuse_to_lose()
        return [Step(f"join the cluster as {self.member}", lambda: self._put_join(token, address))]

    def _refuse_to_lose(self) -> None:
        """Joining empties the server's database: what is in it would be gone."""
        lost = []
        for words, path, expected in _LOST:
            path, _mark, rest = path.partition("?")
            listed = self.client.get(path, recursion=1, **({"all-projects": "true"} if rest else {})).metadata or []
            names = [obj.get("name") or obj.get("fingerprint", "")[:12] for obj in listed if obj.get("managed", True)]
            names = sorted(name for name in names if name not in expected)
            if names:
                lost.append(f"{words} {', '.join(names[:20])}{' and more' if len(names) > 20 else ''}")
        if lost:
            raise InvalidInput(
                f"{self.client.label} is not empty, and joining a cluster deletes its database, so this would be lost: {'; '.join(lost)}. "
                "Remove or move it first, or say force: true to lose it."
            )

    def _put_join(self, token: Token, address: str) -> None:
        leader, certificate = self._reach(token)
        body = {
            "server_name": self.member,
            "enabled": True,
            "server_address": address,
            "cluster_address": leader,
            "cluster_certificate": certificate,
            "cluster_token" if self.client.tokens_by_name else "cluster_password": token.raw,
            "member_config": self.params["member_config"] or [],
        }
        self.client.write("PUT", self.path, body)

    def _reach(self, token: Token) -> tuple[str, str]:
        """The first address in the token that answers with the certificate the token tells, and that certificate."""
        failures = []
        for address in token.addresses:
            try:
                return address, server_pem(address, token.fingerprint, min(self.client.deadline.check("reaching the cluster"), 10))
            except (ConnectionFailed, OSError) as exc:
                failures.append(f"{address}: {exc}")
        raise ConnectionFailed(f"No member of the cluster can be reached at the addresses in cluster_token: {'; '.join(failures)}", permanent=True)


class OfCluster(Resource):
    """A kind that only clusters have."""

    extension = "clustering"
    scoped = False

    @classmethod
    def readable(cls, client: Client) -> bool:
        return client.clustered and super().readable(client)

    def fetch(self, name: str) -> Found | None:
        try:
            return super().fetch(name)
        except ServerError as exc:
            if "not clustered" in exc.text:
                raise InvalidInput(NOT_CLUSTERED.format(self.client.label)) from exc
            raise


def is_wildcard(address: str) -> bool:
    """Whether an address to listen on is none that others can connect to."""
    return address.rpartition(":")[0] in WILDCARDS if ":" in address else address in WILDCARDS
