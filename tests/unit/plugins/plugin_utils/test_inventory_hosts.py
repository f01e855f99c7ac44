# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the inventory plugin looks up by itself is what Jinja would find, and which servers it reads."""

from __future__ import annotations

import os

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._inventory_hosts import complete, looked_up

VARIABLES = {"lxd_name": "web1", "lxd_config": {"user.role": "web", "user.empty": ""}, "lxd_addresses": ["10.0.0.1"]}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("lxd_name", "web1"),
        ("lxd_config['user.role']", "web"),
        ('lxd_config["user.role"]', "web"),
        ("lxd_config['user.empty']", ""),
        ("lxd_addresses", ["10.0.0.1"]),
        ("lxd_config['user.none']", None),
        ("none", None),
        ("'lxd_name'", None),
        ("lxd_config['user.role\"]", None),
        ("lxd_config['items']", None),
        ("lxd_addresses['items']", None),
        ("lxd_name | upper", None),
        ("lxd_name ~ lxd_name", None),
        (7, None),
    ],
)
def test_looked_up(expression, value) -> None:  # type: ignore[no-untyped-def]
    assert looked_up(expression, VARIABLES) == value


# -- servers ----------------------------------------------------------------------------------------------------------

URL = "https://lxd1.example.net:8443"
FILES = {
    "trust/lxd1.yml": {"lxd_url": URL, "lxd_server_fingerprint": "1f", "lxd_client_key": "/k", "other": 1},
    "trust/none.yml": {"lxd_project": "shop"},
    "trust/list.yml": [URL],
}


@pytest.fixture(autouse=True)
def environment(monkeypatch):  # type: ignore[no-untyped-def]
    for name in [name for name in os.environ if name.startswith("LXD_")]:
        monkeypatch.delenv(name)


def read(*entries):  # type: ignore[no-untyped-def]
    """The servers, without what is not set."""
    found = complete(list(entries), FILES.__getitem__)
    return [{name: value for name, value in server.items() if value not in (None, True, 30)} for server in found]


@pytest.mark.parametrize(
    ("entry", "server"),
    [
        ({}, {"name": "local"}),
        ({"url": URL, "client_key": "/k"}, {"name": "lxd1.example.net", "url": URL, "client_key": "/k"}),
        ({"lxd_url": URL, "lxd_client_key": "/k"}, {"name": "lxd1.example.net", "url": URL, "client_key": "/k"}),
        (
            {"file": "trust/lxd1.yml"},
            {"name": "lxd1", "url": URL, "server_fingerprint": "1f", "client_key": "/k"},
        ),
        (
            {"file": "trust/lxd1.yml", "name": "other", "lxd_client_key": "/own", "timeout": 5},
            {"name": "other", "url": URL, "server_fingerprint": "1f", "client_key": "/own", "timeout": 5},
        ),
    ],
)
def test_a_server(entry, server) -> None:  # type: ignore[no-untyped-def]
    assert read(entry) == [server]


def test_what_a_server_does_not_set_comes_from_the_environment(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    for name in ("URL", "CLIENT_KEY", "SERVER_FINGERPRINT"):
        monkeypatch.setenv(f"LXD_{name}", f"the {name}")
    monkeypatch.setenv("LXD_CLIENT_CERT", "")
    environment = {"client_key": "the CLIENT_KEY", "server_fingerprint": "the SERVER_FINGERPRINT"}
    assert read({"name": "a"}, {"name": "b", "url": URL}, {"name": "c", "url": URL, "server_cert": "/s"}) == [
        {"name": "a", "url": "the URL", **environment},
        {"name": "b", "url": URL, **environment},
        {"name": "c", "url": URL, "client_key": "the CLIENT_KEY", "server_cert": "/s"},  # one pin is enough
    ]


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([{"lxd_ulr": URL}], "no option 'lxd_ulr' for a server. Known: file, name, url"),
        ([{"url": URL, "lxd_url": URL}], "'url' and 'lxd_url' are the same option"),
        ([{"file": "trust/none.yml"}], "trust/none.yml has no lxd_url"),
        ([{"file": "trust/list.yml"}], "trust/list.yml is no dictionary of variables"),
        ([{"file": "trust/lxd1.yml"}, {"name": "lxd1"}], "two servers have the name 'lxd1'"),
    ],
)
def test_servers_that_are_none(entries, words) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InvalidInput, match=words):
        read(*entries)
