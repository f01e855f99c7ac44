# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proxy of a host becomes that of the daemon, and of instances where that is wanted, and takes nothing away."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.filter.host_proxy import host_proxy
from ansible_collections.cloudhost.lxd.plugins.filter.with_proxy import with_proxy

URL = "http://proxy.example.net:3128"
PROXY = {"http": URL, "https": URL, "ignore_hosts": "localhost,.example.net"}
DAEMON = {"core.proxy_http": URL, "core.proxy_https": URL, "core.proxy_ignore_hosts": "localhost,.example.net"}
INSIDE = {
    "environment.http_proxy": URL,
    "environment.https_proxy": URL,
    "environment.no_proxy": "localhost,.example.net",
}


@pytest.mark.parametrize(
    ("environment", "proxy"),
    [
        ({}, {}),
        ({"PATH": "/bin", "no_proxy": "localhost"}, {}),
        ({"http_proxy": "", "https_proxy": " "}, {}),
        ({"http_proxy": URL, "https_proxy": URL, "no_proxy": "localhost,.example.net"}, PROXY),
        ({"HTTP_PROXY": URL, "HTTPS_PROXY": URL, "NO_PROXY": "localhost,.example.net"}, PROXY),
        ({"HTTP_PROXY": "http://upper:1", "http_proxy": URL}, {"http": URL}),
        ({"https_proxy": "proxy.example.net:3128"}, {"https": URL}),
    ],
)
def test_the_proxy_of_a_host(environment, proxy):
    assert host_proxy(environment) == proxy


@pytest.mark.parametrize(
    ("definition", "config"),
    [
        ({"networks": []}, DAEMON),
        ({"config": None}, DAEMON),
        ({"config": ["a list"]}, ["a list"]),
        ({"config": {"images.auto_update_interval": 6}}, {**DAEMON, "images.auto_update_interval": 6}),
        ({"config": {"core.proxy_https": None}}, {**DAEMON, "core.proxy_https": None}),
    ],
)
def test_what_is_declared_takes_precedence(definition, config):
    assert with_proxy(definition, PROXY) == {**definition, "config": config}


@pytest.mark.parametrize(
    ("profiles", "after"),
    [
        (None, [{"name": "default", "config": INSIDE}]),
        (
            [{"name": "web"}, {"name": "default", "project": "shop"}],
            [{"name": "web"}, {"name": "default", "project": "shop"}, {"name": "default", "config": INSIDE}],
        ),
        (
            [{"name": "default", "devices": {}, "config": {"environment.no_proxy": "*", "limits.cpu": 2}}],
            [{"name": "default", "devices": {}, "config": {**INSIDE, "environment.no_proxy": "*", "limits.cpu": 2}}],
        ),
        ("not a list", None),
    ],
)
def test_commands_in_instances(profiles, after):
    definition = {"profiles": profiles}
    if after is None:  # the module says what is wrong with it
        assert with_proxy(definition, PROXY, True)["profiles"] == profiles
    else:
        assert with_proxy(definition, PROXY, True) == {"profiles": after, "config": DAEMON}
        assert with_proxy(definition, PROXY) == {"profiles": profiles, "config": DAEMON}


@pytest.mark.parametrize("proxy", [{}, {"http": "", "https": None}])
def test_without_a_proxy_nothing_is_added(proxy):
    assert with_proxy({"config": {}}, proxy, True) == {"config": {}}


def test_nothing_stays_nothing():
    """An empty preseed is a declaration that there is nothing to do."""
    assert with_proxy({}, PROXY, True) == {}
