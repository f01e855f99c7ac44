# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Moves to another pool or member: `POST /1.0/instances/NAME` with `migration`. Moves to another project are in
`_arrival.py`.
"""

from __future__ import annotations

from typing import Any

from ..._api.errors import Interrupted, ServerError
from ..._api.messages import member_offline
from ..._engine.plans import Action, Existing, Plan, Step
from .. import _moves as moves
from . import _origin as origin
from ._placement import can_move_live, is_placed, move_target


def send_move(instance: Any, to: str | None = None, live: bool = False, **where: Any) -> None:
    """Move an instance to the member `to`, or to the `pool` or `project` in `where`: `POST /1.0/instances/NAME`."""
    body = {"name": instance.name, "migration": True, "live": live, **where}
    instance.client.write("POST", instance.url(), body, target=to, **instance.query())


def to_pool(instance: Any, found: Existing, plan: Plan) -> list[Step]:
    disks = found.object.get("expanded_devices") or {}
    root, pool, wanted = origin.root_of(disks), origin.pool_of(found.object), instance.params["pool"]
    if not wanted or wanted == pool:
        return []
    instance.check_known("pool", [wanted], "/1.0/storage-pools")
    instance.client.require("instance_pool_move", "moving an instance to another pool")
    plan.before["pool"], plan.after["pool"] = pool, wanted
    devices = (plan.result or {}).get("devices") or {}
    plan.result = {
        **(plan.result or {}),
        "devices": {**devices, root: {**disks.get(root, {}), **devices.get(root, {}), "pool": wanted}},
    }
    words = f"move instance {instance.name} from pool {pool} to pool {wanted}"
    return [Step(Action.MOVE, words, lambda: send_move(instance, pool=wanted), reread=True, detail="pool")]


def to_member(instance: Any, found: Existing, plan: Plan) -> list[Step]:
    target, location = instance.params["target"], found.object.get("location") or "none"
    project = instance.params["new_project"] or instance.project
    if not target or instance.attempt(is_placed, instance.client, target, location, project, instead=True):
        return []
    live = can_move_live(found.object)
    plan.before["location"], plan.after["location"] = location, target
    # which member of a group it will be is not known before
    plan.result = {**(plan.result or {}), "location": None if target.startswith("@") else target}
    words = f"move instance {instance.name} from member {location} to {target}"
    return [Step(Action.MOVE, words, lambda: _carry(instance, found, target, live), reread=True, detail="member")]


def _carry(instance: Any, found: Existing, target: str, live: bool) -> None:
    try:
        send_move(instance, move_target(instance.client, target, instance.project), live)
    except ServerError as exc:
        if moves.mend(instance.client, [{**found.object, "project": instance.project or "default"}]) or member_offline(
            exc
        ):
            raise Interrupted(exc.text) from exc
        raise
