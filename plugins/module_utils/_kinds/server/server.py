# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The configuration of the server itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..._api.errors import InvalidInput, ServerError
from ..._api.reader import Reader
from ..._engine import secrets, values
from ..._engine.fields import Map
from ..._engine.plans import Existing, Plan
from ..._engine.resource import Resource
from ..clusters import _address as addresses

if TYPE_CHECKING:
    from ..._engine.claims import Claim, Hold

#: Values that the daemons do not store because they are the default (doc/server.md). If one is wanted, an
#: absent key is equal to it.
DEFAULTS = {
    "backups.compression_algorithm": "gzip",
    "cluster.healing_threshold": "0",
    "cluster.images_minimal_replica": "3",
    "cluster.join_token_expiry": "3H",
    "cluster.max_standby": "2",
    "cluster.max_voters": "3",
    "cluster.offline_threshold": "20",
    "core.bgp_asn": "0",
    "core.metrics_authentication": "true",
    "core.shutdown_timeout": "5",
    "core.trust_ca_certificates": "false",
    "images.auto_update_cached": "true",
    "images.auto_update_interval": "6",
    "images.compression_algorithm": "gzip",
    "images.remote_cache_expiry": "10",
    "instances.migration.stateful": "false",
    "instances.nic.host_name": "random",
    "network.ovn.integration_bridge": "br-int",
}
#: Keys that each member of a cluster has for itself; the rest is shared.
OF_MEMBER = (
    *(
        f"core.{name}"
        for name in ("https_address", "bgp_address", "bgp_routerid", "debug_address", "dns_address", "metrics_address")
    ),
    *(
        "core.storage_buckets_address",
        "core.syslog_socket",
        "cluster.https_address",
        "maas.machine",
        "network.ovs.connection",
    ),
    *("storage.backups_volume", "storage.images_volume"),
)
#: What a member is known by to the others.
_FIXED = "cluster.https_address"


class Server(Resource):
    """`/1.0`. Written with PATCH: a PUT would drop every key that the task does not name."""

    kind = "server"
    path = "/1.0"
    fields = (Map("config", purgeable=False),)
    states = ()
    named = False
    scoped = False
    section = "config"
    foremost = True
    marks = False
    refers = {f"config.storage.{name}_volume": ("storage_volume", "storage_pool") for name in ("backups", "images")}
    options = {
        "update_secrets": {"type": "str", "choices": ["on_create", "always"], "default": "on_create", "no_log": False}
    }

    #: Whether this run has written the secrets, which the server does not show: then they count as equal.
    secrets_written = False

    def validate(self) -> None:
        """Nothing can be checked before asking: the server knows its keys."""

    def url(self, name: str | None = None) -> str:
        return self.path

    def query(self) -> dict[str, Any]:
        return {"target": self.params.get("target")}

    def foreseen(self, plan: Plan) -> dict[str, dict[str, Any]]:
        return {}  # nothing else is read from it

    def fetch(self, name: str) -> Existing | None:
        found = super().fetch(name)
        if found and found.object.get("auth") == "untrusted":
            self.client.get("/1.0/certificates")  # the refusal says what to do; with a trust_token it gains trust
            found = super().fetch(name)
        if found:  # LXD shows hidden keys as the boolean true
            found.object["config"] = {
                key: value if isinstance(value, str) else secrets.MASK
                for key, value in (found.object.get("config") or {}).items()
            }
        return found

    def same_config(self, key: str, want: str | None, current: dict[str, str]) -> bool:
        if current.get(key) == secrets.MASK:
            return want is not None and (self.secrets_written or self.params["update_secrets"] == "on_create")
        if key == _FIXED and want and current.get(key):
            return addresses.same(want, current[key])
        return super().same_config(key, want, current) or (
            key not in current and values.same(key, want, DEFAULTS.get(key))
        )

    def check_references(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        if not (old.get("environment") or {}).get("server_clustered"):
            return
        self._refuse_any_member(new["config"], old["config"])
        have, want = (obj["config"].get(_FIXED) for obj in (old, new))
        if have != want:
            raise InvalidInput(
                f"config.{_FIXED}: {self.client.label} is a member of a cluster, and the address that the others "
                f"know it by ({have}) is not "
                f"{f'changed to {want}' if want else 'taken away'} by the servers. Leave the key out, or have the "
                "member join again with another address."
            )
        self._warn_of_silence(have, *(obj["config"].get("core.https_address") or "" for obj in (old, new)))

    def _refuse_any_member(self, want: dict[str, Any], have: dict[str, Any]) -> None:
        """Refuse to change what each member has for itself on whichever member answers."""
        own = [key for key in OF_MEMBER if want.get(key) != have.get(key)]
        if own and len(self.client.urls) > 1 and not self.params.get("target"):
            raise InvalidInput(
                f"config.{own[0]}: each member of the cluster has its own, and url has the addresses of several "
                f"({', '.join(self.client.urls)}): name the member with target, or write one address."
            )

    def _warn_of_silence(self, member: str | None, have: str, want: str) -> None:
        """Warn if the address for clients covered the one for other members and no longer does: the daemon listens on
        the latter only after a restart.
        """
        if member and have and addresses.covers(have, member) and not (want and addresses.covers(want, member)):
            words = (
                f"config.core.https_address: the other members reach {self.client.label} at {member}, on which it "
                f"stops listening with {have} until its daemon is restarted: restart it next, or write an address that "
                f"covers it, such as :{member.rpartition(':')[2]}."
            )
            self.warn(words)

    def update(self, found: Existing, body: dict[str, Any]) -> None:
        before, after = found.object["config"], body["config"]
        patch = {key: value for key, value in after.items() if before.get(key) != value}
        patch.update({key: "" for key in before if key not in after})
        self.writer.write("PATCH", self.path, {"config": patch}, etag=found.etag, **self.query())
        self.secrets_written = True

    def forgets(self, refusal: ServerError) -> bool:
        """Incus 6.0 takes back an address that it cannot listen on, and drops from its database all keys that were not
        written with it.
        """
        return refusal.code != 400  # 400 is what it does not begin with

    def restore(self, now: Existing, body: dict[str, Any]) -> None:
        """Write all keys, since Incus still shows what it has dropped until the next write. Hidden ones cannot be
        written.
        """
        gone = {key: "" for key in now.object["config"] if key not in body["config"]}
        patch = {**gone, **{key: value for key, value in body["config"].items() if value != secrets.MASK}}
        self.writer.write("PATCH", self.path, {"config": patch}, **self.query())

    @classmethod
    def claims(cls, obj: dict[str, Any], client: Reader, query: dict[str, Any]) -> dict[Claim, Hold]:
        from ..._engine.claims import of_server  # only stacks need it

        return of_server(obj)

    @classmethod
    def export(cls, obj: dict[str, Any], client: Reader, query: dict[str, Any]) -> dict[str, Any] | None:
        """For a cluster, only what its members share: a document is for all of them."""
        config = {
            key: value
            for key, value in (obj.get("config") or {}).items()
            if not (client.clustered and key in OF_MEMBER)
        }
        return super().export({**obj, "config": config}, client, query)

    def plan_create(self) -> Any:
        raise InvalidInput(f"{self.client.url} has no /1.0: this is not an LXD or Incus server.")
