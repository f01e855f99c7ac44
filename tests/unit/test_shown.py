# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables: what a diff and a result show, and what they hide."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils import _values as values

MASK, CHANGED = "********", "******** (changed)"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {}, ({}, {})),
        ({"a": 1}, {"a": 1}, ({}, {})),
        ({"a": 1}, {"a": 2}, ({"a": 1}, {"a": 2})),
        ({"a": 1}, {}, ({"a": 1}, {})),
        ({}, {"a": 1}, ({}, {"a": 1})),
        ({"c": {"x": "1", "y": "2"}}, {"c": {"x": "1", "y": "3"}}, ({"c": {"y": "2"}}, {"c": {"y": "3"}})),
        ({"c": {"x": "1"}}, {"c": {}}, ({"c": {"x": "1"}}, {})),
        ({"flag": False}, {"flag": True}, ({"flag": False}, {"flag": True})),
        ({"profiles": ["a"]}, {"profiles": ["a", "b"]}, ({"profiles": ["a"]}, {"profiles": ["a", "b"]})),
        ({"a": {"x": 1}}, {"a": "text"}, ({"a": {"x": 1}}, {"a": "text"})),
        ({"a": "text"}, {"a": {"x": 1}}, ({"a": "text"}, {"a": {"x": 1}})),
        ({"a": 1}, "text", ({"a": 1}, "text")),
        ("text", {"a": 1}, ("text", {"a": 1})),
        ({"a": {}}, {"a": None}, ({}, {})),
    ],
)
def test_changes(before, after, expected):
    assert values.changes(before, after) == expected


def test_changes_are_in_the_order_of_their_names():
    before, after = values.changes({"b": 1, "c": 1}, {"d": 2, "c": 2, "a": 2})
    assert (list(before), list(after)) == (["b", "c"], ["a", "c", "d"])


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"user.password": "old1"}, {"user.password": "new1"}, ({"user.password": MASK}, {"user.password": CHANGED})),
        ({"user.password": "same"}, {"user.password": "same"}, ({"user.password": MASK}, {"user.password": MASK})),
        ({}, {"user.password": "new1"}, ({}, {"user.password": MASK})),
        ({"user.password": "old1"}, {}, ({"user.password": MASK}, {})),
        ({"config": {"core.trust_password": "x"}}, None, ({"config": {"core.trust_password": MASK}}, {})),
        ({"limits.cpu": "1"}, {"limits.cpu": "2"}, ({"limits.cpu": "1"}, {"limits.cpu": "2"})),
        ({"user.password": "old1"}, {"user.password": None}, ({"user.password": MASK}, {"user.password": None})),
        ({"user.password": None}, {"user.password": "new1"}, ({"user.password": None}, {"user.password": MASK})),
        (None, {"config": {"user.password": "new1"}}, ({}, {"config": {"user.password": MASK}})),
        ({"user.password": {"a": "b"}}, {"user.password": "new1"}, ({"user.password": MASK}, {"user.password": CHANGED})),
        ({"a": {"b": 1}}, {"a": "text"}, ({"a": {"b": 1}}, {"a": "text"})),
        ({"config": {}}, {"config": {"a": "1"}}, ({"config": {}}, {"config": {"a": "1"}})),
    ],
)
def test_mask_pair(before, after, expected):
    assert values.mask_pair(before, after) == expected


@pytest.mark.parametrize(
    "key",
    [
        "core.trust_password", "user.Password", "oidc.client.secret", "loki.auth.password", "maas.api.key", "s3.access_key", "secret-key",
        "trust_token", "client_key", "acme.eab.hmac", "bgp.peers.x.password", "private_key", "user.credential", "api-key", "my_apikey", "s3.accesskey",
    ],
)  # fmt: skip
def test_secret_keys(key):
    assert values.masked({key: "hunter22"}) == {key: MASK}
    assert values.secrets_in({"config": [{key: "hunter22"}]}) == {"hunter22"}


@pytest.mark.parametrize(
    "key", ["cluster.join_token_expiry", "security.privileged", "limits.memory", "user.name", "remote_token_expiry", "fingerprint", "remote_token"]
)
def test_keys_that_are_no_secret(key):
    assert values.masked({key: "hunter22"}) == {key: "hunter22"}
    assert values.secrets_in({key: "hunter22"}) == set()


@pytest.mark.parametrize("value", ["", "abc", "true", "False", None, True])
def test_values_too_common_to_hide_everywhere(value):
    assert values.secrets_in({"user.password": value}) == set()


def test_four_characters_are_a_secret():
    assert values.secrets_in({"user.password": "abcd"}) == {"abcd"}


def test_lists_of_secrets_are_secrets():
    held = {"passwords": ["hunter22", ("hunter33",)], "names": ["hunter44"]}
    assert values.secrets_in(held) == {"hunter22", "hunter33"}
    assert values.masked(held) == {"passwords": [MASK, [MASK]], "names": ["hunter44"]}


def test_what_says_whether_there_is_a_secret_is_none():
    assert values.masked({"has_token": True, "token": None, "secret": False}) == {"has_token": True, "token": None, "secret": False}


def test_a_secret_written_as_a_number_is_known_too():
    assert values.secrets_in({"core.trust_password": 12345678}) == {"12345678"}


def test_masked_keeps_the_shape():
    shown = values.masked({"name": "x", "config": {"user.token": "abcdef", "user.secret": ""}, "devices": [{"password": "pppp"}, 1]})
    assert shown == {"name": "x", "config": {"user.token": MASK, "user.secret": ""}, "devices": [{"password": MASK}, 1]}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, ""),
        ({"a": "b"}, "a: b\n"),
        ({"a": "true"}, 'a: "true"\n'),
        ({"a": True}, "a: true\n"),
        ({"a": "1"}, 'a: "1"\n'),
        ({"a": {"limits.memory": "1GiB"}}, 'a:\n  limits.memory: "1GiB"\n'),
        ({"a": ["x", "y z"]}, 'a:\n  - x\n  - "y z"\n'),
        ({"a": {}}, "a: {}\n"),
        ({"a": "two\nlines"}, 'a: "two\\nlines"\n'),
        ({"a": "line\n"}, 'a: "line\\n"\n'),
        ({"a": "null"}, 'a: "null"\n'),
        ({"a": "größe"}, 'a: "größe"\n'),
        ([], ""),
        (["x"], "- x\n"),
        ([{"a": 1}], "-\n  a: 1\n"),
        ({"a": [{"b": [1, []]}]}, "a:\n  -\n    b:\n      - 1\n      - []\n"),
        ({"a": []}, "a: []\n"),
        ({"a": None}, "a: null\n"),
        ({"y": "n"}, '"y": "n"\n'),
        ({"No": "Y"}, '"No": "Y"\n'),
        ({"a": "Null"}, 'a: "Null"\n'),
        ({"_x/y": "a@b-c.d"}, "_x/y: a@b-c.d\n"),
        ({"a": "-x"}, 'a: "-x"\n'),
        ("text", "text\n"),
    ],
)
def test_to_yaml(value, expected):
    assert values.to_yaml(value) == expected
