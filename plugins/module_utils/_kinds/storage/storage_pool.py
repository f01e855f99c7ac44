# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Storage pools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..._api.errors import InvalidInput, did_you_mean
from ..._api.reader import Reader
from ..._engine import values
from ..._engine.fields import Map, Text
from ..._engine.users import user_of
from .._members import Members, PerMember

if TYPE_CHECKING:
    from ..._engine.claims import Claim, Hold


class StoragePool(PerMember):
    """`/1.0/storage-pools`. The daemon rewrites `source` and fills in `size`, so `same_config` compares them."""

    kind = "storage_pool"
    path = "/1.0/storage-pools"
    copied = False
    fields = (Text("description"), Text("driver", create_only=True), Map("config"), Members())
    scoped = False
    unless_used = ("delete",)
    holds = True
    server_keys = (
        "volatile.*", "source", "source.wipe", "size", "zfs.pool_name", "lvm.vg_name", "lvm.thinpool_name",
        "ceph.cluster_name", "ceph.user.name", "ceph.osd.pg_num", "ceph.osd.pool_name", "ceph.osd.pool_size",
        "cephfs.*", "cephobject.cluster_name", "cephobject.user.name", "truenas.dataset", "alletra.mode", "pure.mode",
        "powerflex.mode", "powerflex.user.name", "powerstore.mode", "powerstore.user.name",
        "linstor.resource_group.*", "linstor.volume.prefix", "drbd.*",
    )  # fmt: skip
    hidden_keys = ("volatile.*",)
    fixed_config = (
        "source",
        "zfs.pool_name",
        "lvm.vg_name",
        "lvm.thinpool_name",
        "ceph.cluster_name",
        "ceph.osd.pool_name",
        "ceph.user.name",
        "cephfs.path",
    )
    family, variant = "storage", "driver"
    name_rule = (r"[^/\s]+", "no slash and no space")

    def same_config(self, key: str, want: str | None, current: dict[str, str]) -> bool:
        if key == "source":  # which the daemon completes; what was asked for is in volatile.initial_source
            asked = current.get("volatile.initial_source")
            return want in (current.get("source"), asked) or (want is None and not asked)
        if key == "source.wipe":  # used once at creation, then cleared
            return bool(current)
        return super().same_config(key, want, current)

    def users(self, obj: dict[str, Any]) -> list[str]:
        """Without images: they are copies of what the daemon has, and are deleted with the pool."""
        return [user for user in super().users(obj) if user_of(user).parts[0] != "images"]

    def create_body(self) -> dict[str, Any]:
        body = super().create_body()
        if not body.get("driver"):
            self.miss(
                f"driver: storage_pool '{self.name}' does not exist yet on {self.client.label}, so 'driver' is "
                "needed to create it."
            )
            return body
        drivers = [
            driver["Name"] for driver in self.client.server["environment"].get("storage_supported_drivers") or ()
        ]
        if drivers and body["driver"] not in drivers:
            raise InvalidInput(
                f"driver: '{body['driver']}' is not available on {self.client.label}. "
                f"{did_you_mean(body['driver'], drivers)} "
                "A driver is available when its tools and kernel modules are installed and the daemon was restarted "
                "since."
            )
        return body

    def merged(self, current: dict[str, Any]) -> dict[str, Any]:
        new = super().merged(current)
        if not self.params["recreate"]:
            self._refuse_to_shrink("config", current.get("config") or {}, new.get("config") or {})
            for member, config in (new.get("members") or {}).items():
                self._refuse_to_shrink(f"members.{member}", (current.get("members") or {}).get(member) or {}, config)
        return new

    def _refuse_to_shrink(self, option: str, current: dict[str, str], new: dict[str, str]) -> None:
        have, want = (values.parse_size(config.get("size") or "") for config in (current, new))
        if have and want and want < have:
            raise InvalidInput(
                f"{option}.size: storage_pool '{self.name}' has {current['size']} and {new['size']} is wanted; a "
                "pool cannot be shrunk."
            )

    @staticmethod
    def losses(obj: dict[str, Any]) -> list[str]:
        source = (obj.get("config") or {}).get("source")
        return [f"what the server keeps in it is lost ({obj.get('driver')}{f' on {source}' if source else ''})"]

    @classmethod
    def claims(cls, obj: dict[str, Any], client: Reader, query: dict[str, Any]) -> dict[Claim, Hold]:
        from ..._engine.claims import of_pool  # only stacks need it

        return of_pool(obj)

    @classmethod
    def exported_config(cls, config: dict[str, str], obj: dict[str, Any]) -> dict[str, str]:
        """`source` only if a user wrote it, and not if the daemon chose it. For plain directories the daemon does not
        record what was asked.
        """
        asked, source = config.get("volatile.initial_source"), config.get("source", "")
        if not asked and obj.get("driver") == "dir" and not source.endswith(f"/storage-pools/{obj['name']}"):
            asked = source
        return {
            **{key: value for key, value in config.items() if key != "source"},
            **({"source": asked} if asked else {}),
        }
