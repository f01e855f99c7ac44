# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of the playbooks: all that they read is documented, and a misspelled one is refused at once."""

from __future__ import annotations

import re
import sys

import pytest
import yaml
from ansible_collections.cloudhost.lxd.plugins.filter.known_variables import known_variables, variables
from ansible_collections.cloudhost.lxd.tests.unit.playbooks.test_hosts import HOSTS, PATHS, PLAYBOOKS, plays, run

SPECS = yaml.safe_load((PLAYBOOKS / "meta" / "variables.yml").read_text(encoding="utf-8"))["argument_specs"]
#: For each playbook, a misspelled variable and the right one.
WRONG = {
    "apply": ("stack_adpot", "stack_adopt"),
    "backup": ("backup_remote", "backup_remotes"),
    "cluster": ("cluster_server_adress", "cluster_server_address"),
    "drift": ("stack_exakt", "stack_exact"),
    "evacuate": ("evacuate_member", "evacuate_members"),
    "libvirt_import": ("libvirt_import_domain", "libvirt_import_domains"),
    "move_to_incus": ("move_to_incus_form", "move_to_incus_from"),
    "plan": ("stack_purne", "stack_prune"),
    "private_cloud": ("private_cloud_built_image", "private_cloud_build_image"),
    "quickstart": ("quickstart_produkt", "quickstart_product"),
    "quickstart_clean": ("quickstart_remove_deamon", "quickstart_remove_daemon"),
    "quickstart_inside": ("quickstart_imge", "quickstart_image"),
    "replace_member": ("replace_member_lose_instance", "replace_member_lose_instances"),
    "restore": ("restore_timout", "restore_timeout"),
    "restore_host": ("restore_host_partly", "restore_host_partial"),
    "rolling_upgrade": ("rolling_upgrade_patient", "rolling_upgrade_patience"),
    "security_audit": ("security_audit_exception", "security_audit_exceptions"),
    "site": ("site_instance", "site_instances"),
    "trust": ("trust_project", "trust_projects"),
    "validate": ("stack_templates", "stack_template"),
}


def prefixes(path):
    return plays(path)[0]["vars"]["hosts__prefixes"]


def text_of(prefix):
    """The playbooks with a prefix and what they include, without comments."""
    paths = [path for path in PATHS if prefix in prefixes(path)]
    if prefix == "stack":
        paths += [*(PLAYBOOKS / "tasks").iterdir(), *(PLAYBOOKS / "templates").iterdir()]
    if prefix == "move_to_incus":
        paths += (PLAYBOOKS / "tasks").glob("move_to_incus_*.yml")
    if prefix in ("backup", "restore_host"):
        paths += [*(PLAYBOOKS / "tasks").glob("backup_*.yml"), PLAYBOOKS / "vars" / "backup.yml"]
    return re.sub(r"(?m)#.*$", "", "\n".join(path.read_text(encoding="utf-8") for path in paths))


@pytest.mark.parametrize("prefix", sorted(SPECS))
def test_what_playbooks_read_is_documented(prefix):
    """What has a default is for users; the rest is their own, and no misspelling of it."""
    text = text_of(prefix)
    read = set(re.findall(rf"\b({prefix}(?:_[a-z]\w*)?) \| (?:default|mandatory)\(", text))
    assert text and read <= variables(prefix) | {"replace_member"}
    used = {name for name in re.findall(rf"\b{prefix}_[a-z]\w*", text) if "__" not in name}
    assert known_variables(used, prefix) is True
    if prefix not in ("cluster", "quickstart"):  # of a role, and of the head of the play
        assert set(SPECS[prefix]["options"]) <= used | {"replace_member"}


def test_a_misspelled_variable_is_refused_by_every_playbook(tmp_path):
    (tmp_path / "hosts.yml").write_text(HOSTS + "    quickstart:\n    cloud:\n")
    assert {path.stem for path in PATHS} == set(WRONG)
    runs = run(tmp_path, *(["-i", "hosts.yml", str(path), "-e", f"{WRONG[path.stem][0]}=true"] for path in PATHS))
    for path, (status, said) in zip(PATHS, runs):
        wrong, right = WRONG[path.stem]
        assert status == 2 and said.count("TASK [") == 1, (path.stem, said)
        assert f"{wrong}: " in said and f"Did you mean '{right}'?" in said, (path.stem, said)


def test_a_variable_of_any_host_counts(tmp_path):
    """Also where the inventory sets it for one of them only, and variables of other software do not."""
    hosts = {"nodes": {"hosts": {"node1": {"stack_overflow": 1}, "node2": {"stack_purne": True}}}}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(hosts))
    plan = ["-i", "hosts.yml", str(PLAYBOOKS / "plan.yml")]
    (status, said), (limited, other) = run(tmp_path, plan, [*plan, "--limit", "node1"])
    assert status == 2 and "stack_purne: cloudhost.lxd has no such variable" in said and "overflow" not in said, said
    assert limited == 2 and "has no such variable" not in other and "name the document" in other, other


def test_the_inventory_can_name_the_members(tmp_path):
    """Which Ansible does not know when it chooses the hosts of a play."""
    local = {"ansible_connection": "local", "cluster_url": "unix:///none"}
    local["ansible_python_interpreter"] = sys.executable
    nodes = {"hosts": {"node1": {}, "node2": {}}, "vars": {**local, "evacuate_members": "node2"}}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"nodes": nodes}))
    ((status, said),) = run(tmp_path, ["-i", "hosts.yml", str(PLAYBOOKS / "evacuate.yml")])
    assert status == 2 and "fatal: [node2]" in said and "fatal: [node1]" not in said and "failed=0" in said, said


def test_the_options_of_a_domain_are_those_that_the_task_takes():
    """The playbook refuses other ones, so it has to name each. Those of all domains are no options of one."""
    (play,) = [play for play in plays(PLAYBOOKS / "libvirt_import.yml") if "tasks" in play]
    (listed,) = [
        task["vars"]["libvirt_import__options"]
        for task in play["tasks"]
        if "libvirt_import__options" in task.get("vars", {})
    ]
    (taken,) = [
        task["cloudhost.lxd.libvirt_import"] for task in play["tasks"] if "cloudhost.lxd.libvirt_import" in task
    ]
    assert sorted(listed) == sorted(set(taken) - {"work_directory", "timeout"})
