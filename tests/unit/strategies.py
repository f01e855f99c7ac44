# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hypothesis makes up: keys and values as people and daemons write them, and some that nobody does."""

from __future__ import annotations

from hypothesis import strategies as st

KEYS = (
    "limits.memory", "limits.cpu", "limits.memory.swap", "size", "security.nesting", "security.privileged", "user.a",
    "user.password", "user.flag", "environment.DEBUG", "volatile.eth0.hwaddr", "volatile.idmap", "image.os", "raw.lxc",
    "boot.autostart", "snapshots.schedule", "features.images", "ipv4.nat", "dns.domain", "cloud-init.user-data",
    "core.trust_password",
)  # fmt: skip
WORDS = (
    "true",
    "True",
    "false",
    "yes",
    "no",
    "on",
    "off",
    "0",
    "1",
    "2",
    "1GiB",
    "1024MiB",
    "1073741824",
    "1GB",
    "1000MB",
    "a,b",
    "a, b",
    "auto",
    "none",
    "x",
)
#: Where only a size will do.
SIZES = ("1GiB", "1024MiB", "1073741824", "1GB", "512MiB", "0")
SIZE_KEYS = (
    "size",
    "size.state",
    "volume.size",
    "limits.memory",
    "limits.disk",
    "limits.memory.swap",
    "snapshots.size",
)

#: Where a number is none, and refused.
NO_NUMBERS = ("mode", "hwaddr", "volatile.eth0.hwaddr")

_other = st.text(min_size=1, max_size=8).filter(
    lambda key: key not in SIZE_KEYS + NO_NUMBERS and not key.endswith((".limits.disk", ".hwaddr"))
)
keys = st.one_of(st.sampled_from(KEYS), _other)
texts = st.one_of(st.sampled_from(WORDS), st.text(max_size=8))
#: What a daemon has: strings, never empty.
kept = texts.filter(bool)
#: What a person writes.
written = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**40), 2**40), st.floats(allow_nan=False, allow_infinity=False), texts
)


def _map(key_strategy, value_strategy, null=None, **kwargs):
    def value(key):
        if ":" in key and null is not None:
            return texts  # without a value, a space after the colon is missing
        if key not in SIZE_KEYS:
            return st.one_of(null, texts) if key in NO_NUMBERS and null is not None else value_strategy
        return st.sampled_from(SIZES) if null is None else st.one_of(null, st.sampled_from(SIZES), st.just(2**30))

    return st.lists(key_strategy, unique=True, max_size=6).flatmap(
        lambda names: st.fixed_dictionaries({name: value(name) for name in names})
    )


def configs(key_strategy=keys):
    """`config` as a daemon has it."""
    return _map(key_strategy, kept)


def wishes(key_strategy=keys):
    """`config` as a person writes it."""
    return _map(key_strategy, written, null=st.none())


_properties = st.sampled_from(("path", "parent", "network", "nictype", "name", "size", "security.nesting", "source"))
_types = st.sampled_from(("nic", "disk", "none"))
device_names = st.sampled_from(("root", "eth0", "data", "eth1"))
#: Devices as a daemon has them: each with its type.
devices = st.dictionaries(
    device_names, st.builds(lambda kind, rest: {"type": kind, **rest}, _types, configs(_properties)), max_size=3
)
#: Devices as a person writes them: some whole, some only the properties that matter, some null.
wished_devices = st.dictionaries(
    device_names,
    st.one_of(
        st.none(),
        wishes(_properties),
        st.builds(lambda kind, rest: {"type": kind, **rest}, _types, wishes(_properties)),
    ),
    max_size=3,
)
