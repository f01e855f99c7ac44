# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Instances that are copied or moved from another server."""

from __future__ import annotations

import functools
from typing import Any

from ..._api.client import quote
from ..._api.errors import InvalidInput
from ..._engine import values
from ..._engine.plans import ELSEWHERE, Action, Existing, Step
from .._copied import LIVE
from .._copies import digest
from .._original import Original
from ._origin import WRITABLE
from ._power import GRACE, STOPPED, Power, normalize_status

#: Keys of a new instance that a copy takes from its original, unless the task has them.
_TAKEN = ("architecture", "description", "ephemeral", "profiles", "type")
#: What others know an instance by: its identifier, its MAC addresses, and what cloud-init knows it by.
_IDENTITY = ("volatile.uuid", "volatile.uuid.generation", "volatile.*.hwaddr", "volatile.cloud-init.instance-id")
#: What the servers write of a place in a cluster, which is another one after a move.
_OF_PLACE = ("volatile.cluster.*", "volatile.evacuate.*", "volatile.last_state.power", "volatile.last_state.ready")


class InstanceOriginal(Original):
    """`/1.0/instances/NAME` of another server."""

    kind = "instance"
    named_by = "source"
    sent = ("instance_only", "allow_inconsistent", "refresh_exclude_older")

    @property
    def url(self) -> str:
        return f"/1.0/instances/{quote(self.name)}"

    def identity(self, original: dict[str, Any]) -> str:
        return str((original.get("config") or {}).get("volatile.uuid") or quote(self.name))

    def state_of(self, original: dict[str, Any]) -> str:
        if normalize_status(original["status"]) != STOPPED:
            return LIVE
        config = original.get("config") or {}
        written = [config.get(key) for key in ("volatile.base_image", "volatile.uuid.generation")]
        whole = not self.says("instance_only")
        snapshots = self.snapshots() if whole else []
        return digest(original.get("last_used_at"), written, snapshots)

    def refuse_move(self, original: dict[str, Any]) -> None:
        wrong = []
        if self.says("instance_only") and not self.keeps:
            wrong.append(
                "source.instance_only: a move would lose the snapshots. Leave one of instance_only and move out."
            )
        protected = values.is_true((original.get("expanded_config") or {}).get("security.protection.delete"))
        if protected and not self.keeps:
            wrong.append(
                f"source.move: instance {self.label} has security.protection.delete, and would be deleted: unset that "
                "first."
            )
        if normalize_status(original["status"]) != STOPPED and self.resource.params["restart"] != "if_required":
            wrong.append(
                f"source.move: instance {self.label} is {original['status']} and must be stopped to be moved: set "
                "restart: if_required, or stop it there."
            )
        if wrong:
            raise InvalidInput(*wrong)

    def take_over(self, body: dict[str, Any], original: dict[str, Any]) -> None:
        if body.get("type") not in (None, original["type"]):
            raise InvalidInput(f"type: instance {self.label} is a {original['type']}, and so is its copy.")
        for key in _TAKEN:
            if body.get(key) is None and original.get(key) is not None:
                body[key] = original[key]
        config = {
            key: value
            for key, value in (original.get("config") or {}).items()
            if key not in (*values.MARKS, values.MOVING, values.MOVED)
            and (key == "volatile.base_image" or not key.startswith("volatile."))
        }
        body["config"] = values.merge(config, self.resource.desired.get("config"))

    def understood(self, original: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """See `Original.understood`. The config of a snapshot comes as it is, and nobody can change it.

        :raises InvalidInput: if a snapshot has keys that the server which receives does not know, and refuses
        """
        seen, lost = super().understood(original)
        if self.there.implementation != self.resource.client.implementation and not self.says("instance_only"):
            listed = self.there.get(f"{self.url}/snapshots", recursion=1, **self.query).metadata or []
            foreign = [
                one["name"].rpartition("/")[2]
                for one in listed
                if super(InstanceOriginal, self).understood(one)[0] != one
            ]
            if foreign:
                raise InvalidInput(
                    f"source.source: snapshots of instance {self.label} have keys that only "
                    f"{self.there.implementation} knows, and no server changes those of a snapshot: "
                    f"{', '.join(sorted(foreign))}. Delete these snapshots, or leave all out with instance_only: true."
                )
        return seen, lost

    def kept(self, original: dict[str, Any]) -> dict[str, str]:
        """With its identity and its MAC addresses."""
        config = original.get("config") or {}
        kept = {
            key: config[key] for key in config if key.startswith("volatile.") and not values.matches(key, _OF_PLACE)
        }
        return kept if self.moves else {}

    def identity_keys(self, original: dict[str, Any]) -> dict[str, str]:
        config = original.get("config") or {}
        return {key: config[key] for key in config if values.matches(key, _IDENTITY)}

    def is_used(self, existing: dict[str, Any]) -> bool:
        return normalize_status(existing["status"]) != STOPPED

    def retire(self, receiver: str) -> None:
        """It does not start again with its host."""
        found = self.there.get(self.url, **self.query)
        config = {**(found.metadata.get("config") or {}), "boot.autostart": "false", values.MOVED: receiver}
        body = {**{key: found.metadata[key] for key in WRITABLE if key in found.metadata}, "config": config}
        self.there.write("PUT", self.url, body, etag=found.etag, **self.query)

    def more(self, original: dict[str, Any]) -> dict[str, Any]:
        return {"base-image": (original.get("config") or {}).get("volatile.base_image") or ""}

    def body_of(self, existing: dict[str, Any]) -> dict[str, Any]:
        return {key: existing[key] for key in ("name", "type", *WRITABLE) if key in existing}

    def written(self, found: Existing, config: dict[str, str]) -> dict[str, Any]:
        return {**self.body_of(found.object), "config": config}

    def stopping(self, original: dict[str, Any]) -> list[Step]:
        if not self.moves or normalize_status(original["status"]) == STOPPED:
            return []
        self.refuse_move(original)
        grace = int((original.get("expanded_config") or {}).get("boot.host_shutdown_timeout") or GRACE)
        power = Power(self.there, self.url, self.query, self.resource.params["force"], grace)
        return [Step(Action.STOP, f"stop instance {self.label}", functools.partial(power.do, "stop"), detail=ELSEWHERE)]
