# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Misspelled variables of roles: told with the nearest name, and nothing of other software is taken for one."""

from __future__ import annotations

import pathlib

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.cloudhost.lxd.plugins.filter.known_variables import known_variables, variables

ROOT = pathlib.Path(__file__).resolve().parents[4]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())


@pytest.mark.parametrize(
    "role, name, meant",
    [
        ("init", "init_profile", "init_profiles"),
        ("init", "init_storage_pool", "init_storage_pools"),
        ("init", "init_prseed", "init_preseed"),
        ("install", "install_produkt", "install_product"),
        ("install", "install_admin_user", "install_admin_users"),
        ("cluster", "cluster_server_adress", "cluster_server_address"),
        ("image_build", "image_build_package", "image_build_packages"),
        ("cluster", "cluster_gather_subsets", "cluster_gather_subset"),
        ("stack", "stack_purne", "stack_prune"),
        ("site", "site_instance", "site_instances"),
        ("replace_member", "replace_member_patient", "replace_member_patience"),
    ],
)
def test_misspelled(role, name, meant):
    owner = f"the role cloudhost.lxd.{role}" if role in ROLES else "cloudhost.lxd"
    with pytest.raises(AnsibleFilterError, match=f"{name}: {owner} has no such variable. Did you mean '{meant}'?"):
        known_variables([name], role)


def test_several_at_once():
    names = ["stack_src", "cluster_nam", "evacuate_member", "cluster_proxi", "stack_purne"]
    with pytest.raises(AnsibleFilterError) as caught:
        known_variables(names, ["evacuate", "cluster"])
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == ["evacuate_member", "cluster_proxi"]


@pytest.mark.parametrize(
    "role, name",
    [("init", "init_system"), ("init", "init_scripts"), ("install", "install_dir"), ("cluster", "cluster_vip")],
)
def test_of_other_software(role, name):
    assert known_variables([name], role) is True


@pytest.mark.parametrize("role", ROLES)
def test_all_variables_are_known(role):
    defaults = ROOT / "roles" / role / "defaults" / "main.yml"
    assert set(yaml.safe_load(defaults.read_text(encoding="utf-8"))) <= variables(role)
    assert known_variables(variables(role), role) is True


@pytest.mark.parametrize("role", ROLES)
def test_every_role_asks(role):
    tasks = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "roles" / role / "tasks").glob("*.yml"))
    assert f"cloudhost.lxd.known_variables('{role}')" in tasks
    assert f"'^{role}_(?!_)'" in tasks
