# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Members of a cluster: their settings, evacuation, and removal."""

from __future__ import annotations

from typing import Any

from ..._api.errors import DeadlineExceeded, Interrupted, InvalidInput, ServerError, did_you_mean
from ..._api.messages import member_offline, network_unavailable
from ..._engine.fields import Map, NameSet, Text
from ..._engine.plans import Action, Existing, Plan, Step
from .. import _moves as moves
from .._heartbeats import heard
from .._targets import is_evacuated
from . import _leaving as leaving
from ._of_cluster import OfCluster

#: Roles that the cluster gives and takes by itself.
AUTOMATIC = ("database", "database-leader", "database-standby", "database-client", "database-voter")


class ClusterMember(OfCluster):
    """`/1.0/cluster/members`. Joining (`cluster.Cluster`) creates members; here they are configured, evacuated and
    removed.
    """

    kind = "cluster_member"
    stackable = False
    path = "/1.0/cluster/members"
    key = "server_name"
    fields = (
        Text("description", extension="clustering_description"),
        Text("failure_domain", extension="clustering_failure_domains"),
        NameSet("roles", kept=AUTOMATIC),
        NameSet("groups", extension="clustering_groups"),
        Map("config", extension="clustering_config"),
    )
    states = ("present", "evacuated", "restored", "absent")
    renames = True
    options = {
        "mode": {"type": "str", "choices": ["auto", "stop", "migrate", "live-migrate", "skip"]},
        "force": {"type": "bool", "default": False},
        "wait_for": {"type": "list", "elements": "str", "choices": ["online"], "default": []},
    }

    #: The instances that were moved, as they were before.
    moved: list[dict[str, Any]] | None = None

    def validate(self) -> None:
        super().validate()
        if self.params["groups"] == []:
            raise InvalidInput(
                "groups: a member has to be in one cluster group at least: write groups: [default], or leave the "
                "option out."
            )
        if self.params["failure_domain"] == "":
            raise InvalidInput(
                "failure_domain: it has to have a name: write failure_domain: default for that of a new member, or "
                "leave the option out."
            )

    def read(self) -> Existing | None:
        """Wait for the first heartbeat of an offline member: a member that has just restarted is reported offline,
        which hides that it is evacuated.
        """
        found = super().read()
        if self.state in ("evacuated", "restored") and found and found.object["status"] == "Offline":
            url = self.url(found.name)
            heard(self.client, lambda: [self.client.get(url).metadata])
            found = super().read()
        return found

    def rename(self, new: str) -> None:
        self.writer.write("POST", self.url(), {"server_name": new})
        self.name = new

    def delete(self) -> None:
        self.writer.write("DELETE", self.url(), force=1 if self.params["force"] else None)

    def plan_absent(self, found: Existing | None) -> Plan:
        if found:
            self.warn(*leaving.check(self.client, self.name, self.params["force"]))
        return super().plan_absent(found)

    def plan_create(self) -> Plan:
        known = self.client.names(self.path) if self.client.clustered else []
        self.miss(
            f"name: {self.client.label} has no member '{self.name}'. {did_you_mean(self.name, known)} "
            "A server becomes a member with cloudhost.lxd.cluster, run on it.",
            "has it join",
        )
        body = self.create_body()
        words = f"update cluster_member {body['name']}"
        return Plan(
            {}, {"name": body["name"], **self.comparable(body)}, [Step(Action.UPDATE, words, self._never)], None
        )

    def _never(self) -> None:
        """What is foreseen of a member that is not there: only check mode plans it."""

    def plan_update(self, found: Existing) -> Plan:
        plan = super().plan_update(found)
        action = self._action(found)
        if action and plan.result:
            plan.before["evacuated"], plan.after["evacuated"] = action == "restore", action == "evacuate"
            plan.result["status"] = {"evacuate": "Evacuated", "restore": "Online"}[action]
        return plan

    def check_references(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        self.check_known(
            "groups",
            [name for name in new.get("groups") or () if name not in (old.get("groups") or ())],
            "/1.0/cluster/groups",
        )

    def extra_steps(self, found: Existing | None, after: dict[str, Any]) -> list[Step]:
        action = self._action(found)
        if not action:
            return []
        self.client.require("clustering_evacuation", f"state: {self.state}")
        if found and found.object["status"] == "Offline":
            self._refuse_while_away()
        if self.params["mode"]:  # a server that does not know it takes it, and does what it always does
            self.client.require("clustering_evacuation_mode", "mode")
        return [
            Step(
                Action(action),
                f"{action} cluster_member {self.params.get('new_name') or self.name}",
                lambda: self._switch(action),
            )
        ]

    def _action(self, found: Existing | None) -> str:
        evacuated = found is not None and is_evacuated(found.object)
        return {("evacuated", False): "evacuate", ("restored", True): "restore"}.get((self.state, evacuated), "")

    def _refuse_while_away(self) -> None:
        """Refuse while the member is offline: it evacuates and restores itself."""
        [member] = heard(self.client, lambda: [self.client.get(self.url()).metadata])
        if member["status"] == "Offline":
            raise InvalidInput(
                f"state: '{self.name}' is offline ({member.get('message')}) and cannot be {self.state}. Bring it "
                "back first, or where it is gone "
                "for good, remove it with state: absent and force: true."
            )

    def _switch(self, action: str) -> None:
        """Evacuate or restore. A member with a late heartbeat is reported offline for a moment, which interrupts a
        move: then it is repeated.
        """
        if self.moved is None:
            self.moved = moves.concerned(self.client, self.name)
        try:
            self.writer.write("POST", self.url() + "/state", {"action": action, "mode": self.params["mode"] or ""})
        except ServerError as exc:
            if moves.mend(self.writer, self.moved) or network_unavailable(exc) or member_offline(exc):
                raise Interrupted(exc.text) from exc
            raise
        moves.start_again(self.writer, self.moved)

    def update(self, found: Existing, body: dict[str, Any]) -> None:
        writable = {field.key: body[field.key] for field in self.fields if field.key in body}
        self.writer.write("PUT", self.url(), writable, etag=found.etag)

    def after_apply(self, found: Existing | None) -> None:
        if "online" in self.params["wait_for"] and found:
            self._wait_online(found.object)

    def _wait_online(self, member: dict[str, Any]) -> None:
        attempt = 0
        while member["status"] != "Online":
            try:
                self.client.deadline.pause(attempt, f"waiting for cluster_member {self.name} to be online")
            except DeadlineExceeded as exc:
                raise DeadlineExceeded(f"{exc} It is {member['status']}: {member.get('message')}.") from exc
            member = self.client.get(self.url()).metadata
            attempt += 1
