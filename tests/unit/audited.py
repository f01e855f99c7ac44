# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Subjects of an audit in memory, with what is around them."""

from __future__ import annotations

import datetime

from ansible_collections.cloudhost.lxd.plugins.module_utils._audit import end_of_life
from ansible_collections.cloudhost.lxd.plugins.module_utils._audit.model import Surroundings, findings
from ansible_collections.cloudhost.lxd.plugins.module_utils._audit.rules import RULES
from ansible_collections.cloudhost.lxd.plugins.module_utils._audit.subjects import Listings, gaps, lacks, subjects
from ansible_collections.cloudhost.lxd.plugins.module_utils._audit.user_ids import own_ids

TODAY = datetime.date(2026, 11, 28)
LIMITS = {"cpu": "2", "instances": "50", "memory": "2GiB", "processes": "2000"}
ENVIRONMENT = {
    "server": "lxd",
    "server_version": "5.0.2",
    "server_name": "node1",
    "os_name": "Debian GNU/Linux",
    "os_version": "12",
}
HARDENED = {
    "security.idmap.isolated": "true",
    "limits.memory": "1GiB",
    "limits.processes": "500",
    "limits.cpu": "1",
}


def server(name="node1", config=None, **environment):
    return {"config": config or {}, "environment": {**ENVIRONMENT, "server_name": name, **environment}}


def instance(config=None, devices=None, name="web", profiles=("default",), **fields):
    """A hardened container, but for what is given. `None` leaves a key out."""
    own = {key: value for key, value in {**HARDENED, **(config or {})}.items() if value is not None}
    shown = {"config": own, "expanded_config": own, "devices": devices or {}, "expanded_devices": devices or {}}
    rest = {"type": "container", "status": "Stopped", "project": "default", "profiles": list(profiles)}
    return {"name": name, **rest, **shown, **fields}


def with_profile(obj, profile):
    """An instance that has a profile: its own config and devices count more than those of the profile."""
    return {
        **obj,
        "profiles": [*obj["profiles"], profile["name"]],
        "expanded_config": {**profile["config"], **obj["config"]},
        "expanded_devices": {**profile["devices"], **obj["devices"]},
    }


def listings(**given):
    projects = given.pop("projects", [{"name": "default", "config": {}, "used_by": []}])
    servers = given.pop("servers", [server()])
    return Listings(servers=servers, members=given.pop("members", []), projects=projects, **given)


def around(listed, **given):
    usual = {
        "today": TODAY,
        "end_of_life": end_of_life.with_corrections({}),
        "limits": LIMITS,
        "max_age": 730,
        "address": "192.0.2.10",
        "own": "",
        "extensions": frozenset(["remote_token_expiry"]),
        "lacks": lacks(listed),
        "unread": tuple(listed.unread),
        "user_ids": own_ids(listed.instances),
        "gaps": gaps(listed),
    }
    return Surroundings(**{**usual, **given})


def audit(listed, rules=RULES, **given):
    return list(findings(rules, subjects(listed), around(listed, **given)))


def told(found):
    return [(one.rule.id, one.hit.item) for one in found]
