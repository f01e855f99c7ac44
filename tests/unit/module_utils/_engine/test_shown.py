# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables: what a diff and a result show, and what they hide."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine import secrets, values
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.document import title

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
        (
            {"user.password": {"a": "b"}},
            {"user.password": "new1"},
            ({"user.password": MASK}, {"user.password": CHANGED}),
        ),
        ({"a": {"b": 1}}, {"a": "text"}, ({"a": {"b": 1}}, {"a": "text"})),
        ({"config": {}}, {"config": {"a": "1"}}, ({"config": {}}, {"config": {"a": "1"}})),
    ],
)
def test_mask_pair(before, after, expected):
    assert secrets.mask_pair(before, after) == expected


@pytest.mark.parametrize(
    "key",
    [
        "core.trust_password", "user.Password", "oidc.client.secret", "loki.auth.password", "maas.api.key",
        "s3.access_key", "secret-key",
        "trust_token", "client_key", "acme.eab.hmac", "bgp.peers.x.password", "private_key", "user.credential",
        "api-key", "my_apikey", "s3.accesskey",
        "peers.west.key", "acme.provider.environment", "user.passphrase", "LUKS_PASSPHRASE", "db_pwd", "wifi.psk",
        "user.ssh_key", "registry.auth",
        "smtp_pass", "card-pin", "user.pin", "session.cookie", "user.tls-key",
        "pass", "user.passcode", "ssh_keys", "client_key_file",
    ],
)  # fmt: skip
def test_secret_keys(key):
    assert secrets.masked({key: "hunter22"}) == {key: MASK}
    assert secrets.secrets_in({"config": [{key: "hunter22"}]}) == {"hunter22"}


@pytest.mark.parametrize(
    "key",
    [
        "cluster.join_token_expiry",
        "security.privileged",
        "limits.memory",
        "user.name",
        "remote_token_expiry",
        "fingerprint",
        "remote_token",
        "cloud-init.ssh-keys.joe",
        "cloud-init.ssh-keys.private",
        "ssh_public_key",
        "key",
        "user.keyboard",
        "user.bypass",
        "boot.autostart",
        "user.shopping",
    ],
)
def test_keys_that_are_no_secret(key):
    assert secrets.masked({key: "hunter22"}) == {key: "hunter22"}
    assert secrets.secrets_in({key: "hunter22"}) == set()


@pytest.mark.parametrize("value", ["", "abc", "true", "False", None, True])
def test_values_too_common_to_hide_everywhere(value):
    assert secrets.secrets_in({"user.password": value}) == set()


def test_four_characters_are_a_secret():
    assert secrets.secrets_in({"user.password": "abcd"}) == {"abcd"}


def test_lists_of_secrets_are_secrets():
    held = {"passwords": ["hunter22", ("hunter33",)], "names": ["hunter44"]}
    assert secrets.secrets_in(held) == {"hunter22", "hunter33"}
    assert secrets.masked(held) == {"passwords": [MASK, [MASK]], "names": ["hunter44"]}


def test_what_says_whether_there_is_a_secret_is_none():
    assert secrets.masked({"has_token": True, "token": None, "secret": False}) == {
        "has_token": True,
        "token": None,
        "secret": False,
    }


def test_a_secret_written_as_a_number_is_known_too():
    assert secrets.secrets_in({"core.trust_password": 12345678}) == {"12345678"}


def test_masked_keeps_the_shape():
    shown = secrets.masked(
        {"name": "x", "config": {"user.token": "abcdef", "user.secret": ""}, "devices": [{"password": "pppp"}, 1]}
    )
    assert shown == {"name": "x", "config": {"user.token": MASK, "user.secret": ""}, "devices": [{"password": MASK}, 1]}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, ""),
        ({"a": "b"}, "a: b\n"),
        ({"a": "b", "c": {"d": 1}}, "a: b\nc:\n  d: 1\n"),
        ({"a": "true"}, 'a: "true"\n'),
        ({"a": True}, "a: true\n"),
        ({"a": "1"}, 'a: "1"\n'),
        ({"a": {"limits.memory": "1GiB"}}, 'a:\n  limits.memory: "1GiB"\n'),
        ({"a": ["x", "y z"]}, 'a:\n  - x\n  - "y z"\n'),
        ({"a": {}}, "a: {}\n"),
        ({"a": "two\nlines"}, "a: |2-\n  two\n  lines\n"),
        ({"a": "line\n"}, "a: |2\n  line\n"),
        ({"a": "two\nX\n"}, "a: |2\n  two\n  X\n"),
        ({"a": "tab\ttoo\n"}, "a: |2\n  tab\ttoo\n"),
        ({"a": "two\n\nX\n\n"}, "a: |2+\n  two\n\n  X\n\n"),
        ({"a": "\n"}, "a: |2+\n\n"),
        ({"a": "null"}, 'a: "null"\n'),
        ({"a": "größe"}, 'a: "größe"\n'),
        ([], ""),
        (["x"], "- x\n"),
        ([{"a": 1}], "-\n  a: 1\n"),
        ([[1, [2]]], "-\n  - 1\n  -\n    - 2\n"),
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


# -- logins in URLs, and secrets that are known by themselves ---------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown", "secret"),
    [
        ("http://joe:tulip@proxy:3128", f"http://{MASK}@proxy:3128", {"joe:tulip", "tulip"}),
        ("http://token-of-joe@proxy", f"http://{MASK}@proxy", {"token-of-joe"}),
        ("no http://joe:tu/l@p@proxy here", f"no http://{MASK}@proxy here", {"joe:tu/l@p", "tu/l@p"}),
        ("https://host:8443/1.0?x=a@b", "https://host:8443/1.0?x=a@b", set()),
        ("https://host/@joe", "https://host/@joe", set()),
        ("joe@example.net", "joe@example.net", set()),
    ],
)
def test_logins_in_urls(text, shown, secret):
    assert secrets.masked({"core.proxy_https": text}) == {"core.proxy_https": shown}
    assert secrets.secrets_in([{"any": text}]) == secret
    assert secrets.holds_secret("any", text) is bool(secret)


def test_a_login_that_changes_is_told_to_change():
    pair = secrets.mask_pair({"p": "http://a:b@h"}, {"p": "http://a:c@h"})
    assert pair == ({"p": f"http://{MASK}@h"}, {"p": f"http://{MASK}@h (changed)"})
    for other in ("http://a:b@i", "http://a:b@h"):
        assert secrets.mask_pair({"p": "http://a:b@h"}, {"p": other}) == (
            {"p": f"http://{MASK}@h"},
            {"p": f"http://{MASK}@{other[-1]}"},
        )
    listed = secrets.mask_pair({"p": ["http://a:b@h"]}, {"p": ["http://a:c@h"]})
    assert listed == ({"p": [f"http://{MASK}@h"]}, {"p": CHANGED})


def test_what_is_known_is_hidden_under_any_key_and_inside_of_text():
    rules = secrets.Rules(frozenset(("tulip", "77")))
    shown = secrets.masked({"a": "tulip", "b": ["my tulip!"], "c": 77, "d": "1977", "e": True}, rules)
    assert shown == {"a": MASK, "b": [MASK], "c": MASK, "d": "1977", "e": True}
    assert secrets.mask_pair({"a": "before"}, {"a": "tulip"}, rules) == ({"a": MASK}, {"a": CHANGED})
    assert secrets.mask_pair({"a": "tulip"}, {}, rules) == ({"a": MASK}, {})
    assert secrets.mask_pair({"a": "tulip"}, {"a": "after"}, rules) == ({"a": MASK}, {"a": CHANGED})
    assert secrets.mask_pair({"a": 76}, {"a": 77}, rules) == ({"a": MASK}, {"a": CHANGED})
    assert secrets.mask_pair({"a": ["x"]}, {"a": "tulip"}, rules) == ({"a": MASK}, {"a": CHANGED})


def test_what_is_known_and_has_four_characters_is_hidden_inside_of_text():
    assert secrets.masked({"a": "my rose!"}, secrets.Rules(frozenset(("rose",)))) == {"a": MASK}


def test_all_below_a_key_that_names_secrets_is_secret():
    assert secrets.masked({"passwords": {"joe": "hunter22"}}) == {"passwords": {"joe": MASK}}
    assert secrets.secrets_in({"passwords": {"joe": "hunter22"}}) == {"hunter22"}
    assert secrets.mask_pair({"passwords": {"joe": "hunter22"}}, {}) == ({"passwords": MASK}, {})


# -- text for programs ------------------------------------------------------------------------------------------------

HIDDEN = secrets.Rules(hide_text=True)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("cloud-init.user-data", "#cloud-config\nchpasswd: {list: [root:x]}\n"),
        ("cloud-init.user-data", "users: [{passwd: $6$salt$hash}]"),
        ("cloud-init.user-data", "write_files:\n- content: |\n    -----BEGIN OPENSSH PRIVATE KEY-----\n"),
        ("environment.START", "run --api-key=x"),
        ("environment.FEED", "http://joe:tulip@feeds"),
        ("raw.lxc", "lxc.environment = GITHUB=ghp4f9a8c7b6d5e4f3a2b1c0d9e8"),
        ("user.notes", "first\nthe secret is x"),
        ("user.notes", "the secret is\nX"),
        ("user.user-data", "run --token=x"),
        ("user.vendor-data", "run --token=x"),
        ("user.network-config", "run --token=x"),
        ("user.meta-data", "run --token=x"),
        ("environment.START", "useradd -p '$6$salt$hash' joe"),
        ("environment.START", "curl -H 'Authorization: Basic am9l'"),
        ("environment.START", "send --smtp-pass=x"),
        ("environment.START", "login joe pass x"),
        ("raw.lxc", "-----BEGIN PGP MESSAGE-----"),
    ],
)
def test_text_in_which_something_looks_secret(key, text):
    count = text.rstrip("\n").count("\n") + 1
    lines = f"{count} line{'s' * (count > 1)}"
    before, after = secrets.mask_pair({key: "plain"}, {key: text}, HIDDEN)
    assert (before, after) == ({key: MASK}, {key: f"{MASK} (changed, {lines})"})
    assert secrets.masked({key: text}, HIDDEN) == {key: MASK}
    assert text not in (before, after)


@pytest.mark.parametrize("key", ["cloud-init.user-data", "environment.LANG", "raw.qemu", "user.notes"])
@pytest.mark.parametrize(
    "text",
    [
        "#cloud-config\npackages: [nginx]\nruncmd: [systemctl reload nginx]\n",
        "C.UTF-8",
        "/usr/lib/python3/dist-packages/x",
        "input.keyboard layout",
    ],
)
def test_text_in_which_nothing_looks_secret(key, text):
    assert secrets.mask_pair({key: "plain"}, {key: text}, HIDDEN) == ({key: "plain"}, {key: text})


def test_text_is_hidden_only_where_the_rules_say_so():
    assert secrets.masked({"user.user-data": "run --token=x"}) == {"user.user-data": "run --token=x"}


def test_a_short_value_of_another_key_is_no_text():
    assert secrets.masked({"user.note": "the secret is x"}, HIDDEN) == {"user.note": "the secret is x"}


# -- what nobody sees -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "char", ["\u2028", "\u2029", "\x85", "\x9b", "\x1b", "\u202e", "\u2066", "\u200b", "\x00", "\r", "\x0c", "\x1c"]
)
def test_what_nobody_sees_is_written_as_an_escape(char):
    escape = f"\\U{ord(char):08x}"
    assert values.printable(f"a{char}b") == f"a{escape}b"
    assert escape in values.to_yaml({f"a{char}": "b"}) or "\\" in values.to_yaml({f"a{char}": "b"})
    assert title("instance", f"p{char}", f"n{char}") == f"instance n{escape} (project p{escape})"
    assert len(title("instance", "", f"n{char}").splitlines()) == 1


def test_line_breaks_stay_where_they_are_meant():
    assert values.printable("a\nb\tc", keep="\n") == "a\nb\\U00000009c"
    assert values.printable("a\nb") == "a\\U0000000ab"
