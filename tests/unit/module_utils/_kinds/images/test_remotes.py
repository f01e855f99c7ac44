# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Image servers that users name: what is refused, and what becomes of the rest in the API."""

from __future__ import annotations

import pathlib
import types

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput, Missing
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.images._remotes import UNRESOLVED, own_remote
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.images._source import image_source
from ansible_collections.cloudhost.lxd.tests.unit.certificates import Pair

URL = "https://images.example.net:8444"


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return Pair(tmp_path_factory.mktemp("pair"), "images")


def server(remotes, implementation="lxd"):
    def require(extension, what):
        raise InvalidInput(f"{what} needs {extension}")

    return types.SimpleNamespace(remotes=remotes, implementation=implementation, require=require, label="the server")


def source(text, remotes, **more):
    return image_source(server(remotes, **more), "image", text, None)


def test_the_source_of_the_api(pair):
    api = {"type": "image", "mode": "pull", "server": URL, "protocol": "simplestreams", "alias": "debian/12"}
    assert source("own:debian/12", {"own": {"url": URL + "/"}}) == api
    both = pair.pem + pathlib.Path(pair.key).read_text()
    assert source("own:debian/12", {"own": {"url": URL, "certificate": both}}) == {**api, "certificate": pair.pem}
    assert source("own:debian/12", {"own": {"url": URL, "certificate": pair.cert}})["certificate"] == pair.pem
    assert source("own:debian/12", {"own": {"url": URL, "certificate": ""}}) == api


def test_a_known_name_can_be_a_server_of_the_user():
    assert source("images:x", {"images": {"url": URL}})["server"] == URL
    assert source("images:x", {"own": {"url": URL}})["server"] == "https://images.lxd.canonical.com"


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(InvalidInput, match="the remote 'onw', which is none of the known ones. Did you mean 'own'"):
        source("onw:x", {"own": {"url": URL}})
    with pytest.raises(InvalidInput, match="lxd_remotes: {other: {url: https://…, certificate: …}}"):
        source("other:x", {})
    with pytest.raises(InvalidInput, match="names a remote and no image"):
        source("own:", {"own": {"url": URL}})


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (URL, "remotes.own: write a dictionary"),
        ({}, "remotes.own.url: write the address"),
        ({"url": ["x"]}, "remotes.own.url: write the address"),
        ({"uri": URL}, "remotes.own.uri: there is no such key. Did you mean 'url'"),
        ({"url": "http://images.example.net"}, "is not encrypted, so anybody on the way can send other images"),
        ({"url": "ftp://images.example.net"}, "is not an address as in"),
        ({"url": "https://"}, "is not an address as in"),
        ({"url": "https://images.example.net:port"}, "is not an address"),
        ({"url": "https://images.example.net/?a=b"}, "is not an address as in"),
        ({"url": "https://images.example.net/a b"}, "is not an address as in"),
        ({"url": "https://images.example.net#x"}, "is not an address as in"),
        ({"url": "https://me:secret@images.example.net"}, "send no user and no password"),
        ({"url": URL, "protocol": "lxd"}, "remotes.own.protocol: 'lxd' is none"),
        ({"url": URL, "certificate": 1}, "remotes.own.certificate: write PEM text"),
        ({"url": URL, "certificate": "/there/is/none"}, "remotes.own.certificate '/there/is/none' cannot be read"),
        ({"url": URL, "certificate": "-----BEGIN PRIVATE KEY-----"}, "no certificate in it"),
        (
            {"url": URL, "certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"},
            "is not a certificate",
        ),
        ({"url": URL, "protocol": "oci", "certificate": "x"}, "certs.d/HOST:PORT/ca.crt"),
        ({UNRESOLVED: "lxd_remotes.own cannot be evaluated"}, "lxd_remotes.own cannot be evaluated"),
    ],
)
def test_what_is_refused(entry, words):
    with pytest.raises(InvalidInput) as refused:
        source("own:x", {"own": entry})
    assert words in str(refused.value)
    assert "secret@" not in str(refused.value)


@pytest.mark.parametrize("name", ["", "o/x", "o x", "-o", "\u00f6"])
def test_a_name_that_cannot_be_one(name):
    with pytest.raises(InvalidInput, match="cannot be a name of an image server"):
        own_remote({name: {"url": URL}}, name)


def test_a_variable_that_cannot_be_evaluated_makes_every_name_an_error():
    with pytest.raises(Missing, match="the reason"):
        source("images:x", {UNRESOLVED: {UNRESOLVED: "the reason"}})


def test_a_registry_of_the_user_needs_the_extension():
    with pytest.raises(InvalidInput, match="needs instance_oci"):
        source("own:x", {"own": {"url": URL, "protocol": "oci"}}, implementation="incus")
