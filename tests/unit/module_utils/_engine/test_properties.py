# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for all values: the contracts of the pure functions."""

from __future__ import annotations

import json

from ansible_collections.cloudhost.lxd.plugins.module_utils._engine import secrets, values
from ansible_collections.cloudhost.lxd.tests.unit import strategies as make
from hypothesis import given
from hypothesis import strategies as st

patterns = st.lists(st.sampled_from(("volatile.*", "image.*", "ipv4.*", "size")), unique=True)


@given(make.keys, make.written)
def test_wire_twice_is_wire_once(key, value):
    once = values.wire(key, value)
    assert values.wire(key, once) == once
    assert once is None or (isinstance(once, str) and once)


@given(make.keys, make.texts)
def test_same_is_reflexive(key, value):
    assert values.same(key, value, value)


@given(make.keys, make.texts, make.texts)
def test_same_is_symmetric(key, one, other):
    assert values.same(key, one, other) == values.same(key, other, one)


@given(st.integers(0, 10**12), st.sampled_from(("B", "kB", "MB", "GiB", "TiB")))
def test_a_size_is_its_bytes(number, unit):
    text = f"{number}{unit}"
    assert values.same("size", text, str(values.parse_size(text)))


@given(make.configs(), make.wishes(), st.booleans(), patterns)
def test_merge_is_idempotent(current, wish, purge, server_keys):
    wanted = values.wire_map("config", wish)
    once = values.merge(current, wanted, purge, server_keys)
    assert values.merge(once, wanted, purge, server_keys) == once


@given(make.configs(), make.wishes(), patterns)
def test_merge_does_what_is_written_and_no_more(current, wish, server_keys):
    wanted = values.wire_map("config", wish)
    kept, purged = values.merge(current, wanted), values.merge(current, wanted, True, server_keys)
    for key, value in wanted.items():
        assert values.same(key, value, kept.get(key)) and values.same(key, value, purged.get(key))
    for key, value in current.items():
        if key not in wanted:
            assert kept[key] == value
            assert purged.get(key) == (value if values.matches(key, server_keys) else None)
    assert set(kept) <= set(current) | set(wanted)
    assert all(isinstance(value, str) and value for value in kept.values())


@given(make.devices, make.wished_devices, st.booleans())
def test_merge_devices_is_idempotent(current, wish, purge):
    wanted = values.wire_devices(wish)
    once = values.merge_devices(current, wanted, purge)
    assert values.merge_devices(once, wanted, purge) == once


@given(make.devices, make.wished_devices)
def test_devices_not_written_are_kept_and_null_removes_them(current, wish):
    merged = values.merge_devices(current, values.wire_devices(wish))
    for name, device in current.items():
        if name not in wish:
            assert merged[name] == device
    for name, device in wish.items():
        if device is None:
            assert name not in merged
        else:
            expected = {key: values.wire(key, value) for key, value in device.items()}
            assert all(values.same(key, value, merged.get(name, {}).get(key)) for key, value in expected.items())


@given(make.devices, make.wished_devices)
def test_purged_devices_are_those_written(current, wish):
    merged = values.merge_devices(current, values.wire_devices(wish), True)
    assert set(merged) <= {name for name, device in wish.items() if device is not None}


objects = st.dictionaries(
    make.keys,
    st.recursive(make.texts, lambda inner: st.dictionaries(make.keys, inner, max_size=3), max_leaves=6),
    max_size=4,
)


@given(objects)
def test_no_changes_in_the_same(value):
    assert values.changes(value, value) == ({}, {})


@given(make.configs(), make.configs())
def test_changes_are_all_that_differs(before, after):
    left, right = values.changes({"config": before}, {"config": after})
    left, right = left.get("config", {}), right.get("config", {})
    assert {key for key in {**before, **after} if before.get(key) != after.get(key)} == set(left) | set(right)
    assert all(before[key] == value for key, value in left.items())
    assert all(after[key] == value for key, value in right.items())


SECRET = "s3cret-s3cret"
secret_keys = st.sampled_from(("core.trust_password", "user.token", "private_key", "oidc.client.secret", "a.api.key"))
holders = st.dictionaries(make.keys, make.texts, max_size=3).flatmap(
    lambda plain: st.dictionaries(secret_keys, st.sampled_from((SECRET, "", "other-" + SECRET)), max_size=3).map(
        lambda secret: {**plain, **secret}
    )
)
nested = st.recursive(
    holders,
    lambda inner: st.dictionaries(st.sampled_from(("config", "devices", "eth0")), inner, max_size=2),
    max_leaves=4,
)


@given(nested, st.one_of(st.just({}), nested))
def test_no_secret_is_shown(before, after):
    for shown in (
        *secrets.mask_pair(before, after),
        *secrets.mask_pair(after, before),
        secrets.masked(before),
        secrets.masked([before, {"x": [after]}]),
    ):
        assert SECRET not in json.dumps(shown)


@given(nested)
def test_every_secret_is_known(value):
    assert (SECRET in secrets.secrets_in(value)) == (f'"{SECRET}"' in json.dumps(value))


@given(nested)
def test_masking_leaves_the_rest(value):
    def plain(obj):
        return {
            key: plain(inner) if isinstance(inner, dict) else inner
            for key, inner in obj.items()
            if isinstance(inner, dict) or not secrets.is_secret(key)
        }

    assert plain(secrets.masked(value)) == plain(value)
    assert plain(secrets.mask_pair(value, value)[0]) == plain(value)
