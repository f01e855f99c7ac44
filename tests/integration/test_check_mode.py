# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A play of single modules in check mode on a server that has nothing yet: each task is predicted, with warnings of
what earlier tasks of the play would have created.
"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.checks import UNSEEN
from integration.modules import ModuleFailed, warnings_of

NIC = {"type": "nic", "network": "plain0"}
ROOT = {"type": "disk", "path": "/", "pool": "plain"}
VOLUME = {"type": "disk", "pool": "default", "source": "plain", "path": "/srv"}
LAB = {"project": "plain"}

#: A task of the play, and the options and names of which it warns.
PLAY: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("storage_pool", {"name": "plain", "driver": "dir"}, ()),
    ("network", {"name": "plain0"}, ()),
    ("network", {"name": "plain1", "type": "macvlan", "config": {"parent": "plain0"}}, ("config.parent: 'plain0'",)),
    ("project", {"name": "plain"}, ()),
    (
        "profile",
        {"name": "plain", "devices": {"root": ROOT, "eth0": NIC}},
        ("devices.root.pool: 'plain'", "devices.eth0.network: 'plain0'"),
    ),
    (
        "profile",
        {"name": "plain", **LAB, "devices": {"root": ROOT}},
        ("project: 'plain'", "devices.root.pool: 'plain'"),
    ),
    ("image", {"name": "plain", "instance": "plain1"}, ("instance: 'plain1'",)),
    ("image_alias", {"name": "plain/again", "fingerprint": "0123456789ab"}, ("fingerprint: '0123456789ab'",)),
    (
        "instance",
        {"name": "plain1", "image": "plain", "profiles": ["plain"], "state": "started"},
        ("image: 'plain'", "profiles: 'plain'"),
    ),
    ("instance", {"name": "plain1", **LAB, "image": "plain"}, ("project: 'plain'", "image: 'plain'")),
    ("instance", {"name": "plain1", "state": "restarted"}, ("image: 'plain1'",)),
    ("instance", {"name": "plain2", "source": {"type": "copy", "source": "plain1"}}, ("source.source: 'plain1'",)),
    (
        "instance",
        {"name": "plain3", "source": {"type": "none"}, "pool": "plain", "devices": {"data": VOLUME}},
        ("devices.root.pool: 'plain'", "devices.data.source: 'plain'"),
    ),
    ("instance_snapshot", {"name": "s1", "instance": "plain1"}, ("instance: 'plain1'",)),
    (
        "instance_snapshot",
        {"name": "s1", "instance": "plain1", "state": "restored"},
        ("instance: 'plain1'", "name: 's1'"),
    ),
]
#: On a server that becomes a member of a cluster in the same play.
CLUSTERED: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("cluster_group", {"name": "fast", "members": ["node2"]}, ("is not clustered",)),
    ("cluster_token", {"name": "node2"}, ("is not clustered",)),
    ("cluster_member", {"name": "node2", "groups": ["fast"]}, ("is not clustered", "name: 'node2'")),
    ("instance", {"name": "x", "source": {"type": "none"}, "target": "node2"}, ("target: 'node2'",)),
    ("storage_pool", {"name": "each", "driver": "dir", "members": {"node2": {"source": "/srv"}}}, ("members:",)),
]


@pytest.mark.parametrize("play", [PLAY, CLUSTERED], ids=["objects", "cluster"])
def test_a_play_of_single_modules(api, play: list[tuple[str, dict[str, Any], tuple[str, ...]]]) -> None:
    for module, arguments, missing in play:
        api.proxy.forget()
        result = api.run(module, check=True, **arguments)
        assert api.proxy.writes == []
        assert result["changed"] is True, (module, arguments)
        unseen = [warning for warning in warnings_of(result) if UNSEEN.partition("{}")[0] in warning]
        for about in missing:
            option, _colon, name = about.partition(" ") if "'" in about else (about, "", "")
            found = [one for one in unseen if option in one and name in one]
            assert found, (module, about, unseen)
        assert len(unseen) == len(missing), (module, unseen)


def test_what_is_wrong_however_the_server_looks_stays_an_error(api) -> None:
    """And what is missing is reported beside it."""
    options = {"name": "x", "image": "plain", "config": {"limits.cpu": "many"}}
    with pytest.raises(ModuleFailed, match=r"config\.limits\.cpu") as caught:
        api.run("instance", check=True, **options)
    assert any("image: there is no image 'plain'" in one for one in warnings_of(caught.value.result))


def test_what_an_earlier_task_would_remove(api) -> None:
    """In check mode, the instance that the play removes first still uses the profile."""
    api.run("profile", name="used")
    api.run("instance", name="user", source={"type": "none"}, profiles=["default", "used"], state="stopped")
    (warning,) = warnings_of(api.run("profile", check=True, name="used", state="absent"))
    assert "is used by instance user" in warning
    assert UNSEEN.format("removes them") in warning
    assert "is used by instance user" in api.fails("profile", name="used", state="absent")


def test_a_stack_knows_what_it_creates(api) -> None:
    """So what is missing is an error in check mode too."""
    with pytest.raises(ModuleFailed, match=r"devices\.root\.pool: there is no 'plain'"):
        api.run("stack", check=True, definition={"profiles": [{"name": "p", "devices": {"root": ROOT}}]})
