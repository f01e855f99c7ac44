# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which host backs up a cluster, and where, as the expressions of the playbook backup decide."""

from __future__ import annotations

import re

import yaml
from ansible_collections.cloudhost.lxd.tests.unit.playbooks.test_hosts import PLAYBOOKS, plays, run

#: The members that each host of an inventory sees: two clusters, and two servers that are in none.
SEEN = {"a2": ["n2", "n1"], "a1": ["n1", "n2"], "single": [], "b1": ["n1", "n3"], "other": []}


def test_one_host_backs_up_a_cluster_and_each_server_itself(tmp_path):
    play = next(play for play in plays(PLAYBOOKS / "backup.yml") if play["name"] == "Back up")
    leave = next(task for task in play["tasks"] if task.get("ansible.builtin.meta") == "end_host")
    hosts = {
        name: {
            "ansible_connection": "local",
            "backup__cluster": {"members": [{"server_name": one} for one in members]},
            "backup__server": {"server": {"environment": {"certificate_fingerprint": name[0] * 64}}},
        }
        for name, members in SEEN.items()
    }
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts}}, sort_keys=False))
    shown = {"name": "Show", "ansible.builtin.debug": {"msg": "{{ inventory_hostname }} in {{ backup__name }}."}}
    tested = {"hosts": "all", "gather_facts": False, "vars": play["vars"], "tasks": [leave, shown]}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([tested]))
    ((status, said),) = run(tmp_path, ["-i", "hosts.yml", "play.yml"])
    assert status == 0, said
    found = dict(re.findall(r"\"(\w+) in ([\w-]+)\.\"", said))
    assert found == {"a2": "n1-aaaaaaaa", "single": "single", "b1": "n1-bbbbbbbb", "other": "other"}, said
