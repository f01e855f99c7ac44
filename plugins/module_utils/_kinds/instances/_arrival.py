# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""An instance that moves to another project: what has to exist there, and what is sent with the move.

Servers with the extension `instance_move_config`, as Incus, take profiles, config and devices in the request of the
move. LXD 5.0 does not: it creates the instance there with its present profiles, and fails if one of them does not
exist. Both create the snapshots with the present profiles of the instance.
"""

from __future__ import annotations

from typing import Any

from ..._api.errors import some_of
from ..._engine.plans import Action, Plan, Step
from ._moving import send_move


def move(instance: Any, old: dict[str, Any], plan: Plan, updating: list[Step]) -> tuple[list[Step], list[Step]]:
    """The step of the move, and the steps of the update that are left after it."""
    project, origin = instance.params["new_project"], instance.project or "default"
    instance.client.require("instance_project_move", "moving an instance to another project")
    taken = instance.client.has("instance_move_config")
    new = plan.result or {}
    if instance.check_known("new_project", [project], "/1.0/projects"):
        _check(instance, old, new, taken)
    else:  # pools are in no project
        instance.check_device_references(
            {"devices": {name: device for name, device in (new.get("devices") or {}).items() if device.get("pool")}},
            old,
        )
    body = _along(old, new) if taken else {}
    left = _left(old, new, body)
    words = f"move instance {instance.name} from project {origin} to project {project}"
    step = Step(Action.MOVE, words, lambda: send_move(instance, project=project, **body), reread=True, detail="project")
    plan.before["project"], plan.after["project"] = origin, project
    plan.result = {**new, "project": project}
    target = instance.params["new_name"] or instance.name
    return [step], [one._replace(words=f"update instance {target} ({', '.join(left)})") for one in updating if left]


def _along(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """What is sent with the move of what changes. Keys and devices to unset stay until it is done."""
    body: dict[str, Any] = {"profiles": new["profiles"]} if new.get("profiles") != old.get("profiles") else {}
    for option in ("config", "devices"):
        have, want = old.get(option) or {}, new.get(option) or {}
        changed = {key: value for key, value in want.items() if have.get(key) != value}
        body.update({option: changed} if changed else {})
    return body


def _left(old: dict[str, Any], new: dict[str, Any], body: dict[str, Any]) -> list[str]:
    there = {
        **old,
        **{key: {**(old.get(key) or {}), **value} if isinstance(value, dict) else value for key, value in body.items()},
    }
    return sorted(key for key in new if new[key] != there.get(key))


def _check(instance: Any, old: dict[str, Any], new: dict[str, Any], taken: bool) -> None:
    """Check that the other project has what the instance and its snapshots name."""
    project = instance.params["new_project"]
    where, query = f"in project '{project}' ", {"project": project}
    known = instance.client.names("/1.0/profiles", **query)
    has, wants = old.get("profiles") or [], new.get("profiles") or []
    written = instance.wanted.get("profiles") is not None
    if written:
        instance.check_known("profiles", list(dict.fromkeys(wants)), "/1.0/profiles", where, **query)
    lacking = [name for name in has if name not in known and not (written and name in wants)]
    if lacking:
        _refuse(instance, lacking, written, taken)
    devices = {**(old.get("devices") or {}), **(new.get("devices") or {})}
    instance.check_device_references({"devices": devices}, {}, where, **query)


def _refuse(instance: Any, lacking: list[str], written: bool, taken: bool) -> None:
    """Refuse lacking profiles, unless the new ones go along. Snapshots always keep the profiles of before."""
    project, because, ways = (
        instance.params["new_project"],
        "",
        [f"Make it there, with cloudhost.lxd.profile and project: {instance.params['new_project']}"],
    )
    if taken and written:
        snapshots = instance.client.names(f"{instance.url()}/snapshots", **instance.query())
        if not snapshots:
            return
        because = f" Other profiles go along with the instance, and not with its {some_of('snapshots', snapshots)[0]}."
    elif taken:
        ways.append("choose with profiles: some of those that are there")
    else:
        because = " This server moves an instance with the profiles that it has, and gives it others afterwards only."
    ways += [] if taken and not written else ["give it profiles that both projects have before it moves"]
    profiles = some_of("profile" if len(lacking) == 1 else "profiles", [f"'{name}'" for name in lacking])[0]
    instance.refuse(
        f"new_project: instance '{instance.name}' on {instance.client.label} has the {profiles}, which project "
        f"'{project}' has not.{because} "
        f"{', or '.join(ways)}."
    )
