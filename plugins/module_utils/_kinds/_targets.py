# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Whether a member or a group of a cluster takes an instance, checked before a server is asked to place it there."""

from __future__ import annotations

from typing import Any

from .._api.client import quote
from .._api.errors import InvalidInput, Missing, ServerError, did_you_mean
from .._api.messages import is_denied
from .._api.reader import Reader
from .._engine import values
from .._engine.checks import no_cluster
from .._engine.plans import Action, Existing, Step
from ._heartbeats import heard

MEMBERS, GROUPS = "/1.0/cluster/members", "/1.0/cluster/groups"
#: The key of a project that names the cluster groups which it is for.
FOR_GROUPS = "restricted.cluster.groups"
#: What an evacuated member does not do to an instance.
_POWER = (Action.START, Action.RESTART, Action.FREEZE, Action.UNFREEZE)


def refuse_target(client: Reader, target: str | None, project: str | None) -> None:
    """Refuse a `target` that does not exist, that takes no instance now, or that is not for the project."""
    if not target:
        return
    if not client.clustered:
        raise Missing(f"target: {no_cluster(client, target)}")
    try:
        Placing(client, project).check(target)
    except ServerError as exc:
        if not is_denied(exc):  # a client that cannot list the members gets the error of the server
            raise


def refuse_steps(client: Reader, found: Existing, url: str, query: dict[str, Any], steps: list[Step]) -> None:
    """Refuse to move an instance with backups to another member, and to start one on an evacuated member."""
    location = found.object.get("location") or "none"
    if location == "none":
        return
    if any(step.key == (Action.MOVE, "member") for step in steps):
        backups = client.find(f"{url}/backups", recursion=1, **query)
        names = [backup["name"].rpartition("/")[2] for backup in (backups.metadata if backups else None) or []]
        if names:
            raise InvalidInput(
                f"target: the instance has backups ({', '.join(names)}), with which the servers move none to another "
                "member: delete them first, as with "
                "`lxc query` or `incus query`."
            )
    elif any(step.action in _POWER for step in steps):
        _refuse_evacuated(client, location)


def _refuse_evacuated(client: Reader, location: str) -> None:
    try:
        member = client.find(f"{MEMBERS}/{quote(location)}")
    except ServerError as exc:
        if not is_denied(exc):
            raise
        return
    if member and is_evacuated(member.metadata):
        raise InvalidInput(
            f"state: the member {location} of {client.label} is evacuated, and nothing is started there. Restore it "
            "with cloudhost.lxd.cluster_member, "
            "state: restored, or have the instance elsewhere with target."
        )


def is_evacuated(member: dict[str, Any]) -> bool:
    return str(member["status"]).lower().startswith("evacuat")


class Placing:
    """The possible places of an instance of a project."""

    def __init__(self, client: Reader, project: str | None) -> None:
        self.client, self.project = client, project or "default"
        found = client.find(f"/1.0/projects/{quote(self.project)}")
        self.config: dict[str, Any] = (found.metadata.get("config") if found else None) or {}
        self.restricted = values.is_true(self.config.get("restricted"))
        self.allowed = values.listed(self.config.get(FOR_GROUPS))
        self._groups: dict[str, list[str]] = {}

    def check(self, target: str) -> None:
        # administrators of a member see its address there, and can choose any target
        limited = not self.client.server.get("config")
        if limited and self.restricted and self.config.get("restricted.cluster.target", "block") == "block":
            raise InvalidInput(
                f"target: who is limited to the project '{self.project}' on {self.client.label} cannot choose a "
                "member (restricted.cluster.target is block): "
                "leave target out, or have that key set to allow."
            )
        if target.startswith("@"):
            self.choose(target[1:])
        else:
            self._check_member(target)

    def _check_member(self, name: str) -> None:
        if self.client.find(f"{MEMBERS}/{quote(name)}") is None:
            raise self._unknown("member", name, self.client.names(MEMBERS))
        member = heard(self.client, lambda: [self.client.get(f"{MEMBERS}/{quote(name)}").metadata])[0]
        if self.restricted and not self._is_for(name):
            raise self._not_allowed(f"'{name}' is in none of these")
        if is_evacuated(member) or member["status"] == "Offline":  # LXD 5.0 moves a stopped instance to such a member
            raise InvalidInput(
                f"target: the member '{name}' of {self.client.label} is {member['status'].lower()} "
                f"({member['message']}): restore it, or choose another."
            )

    def choose(self, name: str) -> str:
        """A member of a group that can be given an instance."""
        if name not in self._listed():
            raise self._unknown("group", name, list(self._listed()))
        if self.restricted and self.allowed and name not in self.allowed:
            raise self._not_allowed(f"'{name}' is none of these")
        inside = self._listed()[name]

        def read() -> list[dict[str, Any]]:
            return [
                member for member in self.client.get(MEMBERS, recursion=1).metadata if member["server_name"] in inside
            ]

        members = read()
        if all(self._hindrance(member) for member in members):
            members = heard(self.client, read)
        able = [member["server_name"] for member in members if not self._hindrance(member)]
        if not able:
            listed = "; ".join(sorted(self._hindrance(member) for member in members)) or "it has none"
            raise InvalidInput(
                f"target: no member of the group '{name}' on {self.client.label} can be given an instance: {listed}."
            )
        return str(able[0])

    def _hindrance(self, member: dict[str, Any]) -> str:
        """Why a member cannot be chosen, in words; empty if it can."""
        name, status = member["server_name"], member["status"]
        if is_evacuated(member) or status == "Offline":
            return f"{name} is {status.lower()}"
        if (member.get("config") or {}).get("scheduler.instance") == "manual":
            return f"{name} has scheduler.instance: manual"
        return (
            ""
            if self._is_for(name)
            else f"{name} is in no group that the project '{self.project}' is for ({FOR_GROUPS})"
        )

    def _is_for(self, member: str) -> bool:
        return not self.allowed or any(member in self._listed().get(group, ()) for group in self.allowed)

    def _listed(self) -> dict[str, list[str]]:
        """The members of all groups, also of those that a stack creates, which the members do not list yet."""
        if not self._groups:
            self._groups = {
                group["name"]: group.get("members") or [] for group in self.client.get(GROUPS, recursion=1).metadata
            }
        return self._groups

    def _unknown(self, sort: str, name: str, known: list[str]) -> Missing:
        return Missing(f"target: {self.client.label} has no {sort} '{name}'. {did_you_mean(name, known)}")

    def _not_allowed(self, words: str) -> InvalidInput:
        return InvalidInput(
            f"target: the project '{self.project}' on {self.client.label} is for the cluster groups "
            f"{', '.join(self.allowed)} ({FOR_GROUPS}), and {words}. "
            "Choose another target, or add a group to that key."
        )
