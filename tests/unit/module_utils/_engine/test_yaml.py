# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The YAML of diffs, read back by a real parser."""

from __future__ import annotations

import yaml
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.values import to_yaml
from ansible_collections.cloudhost.lxd.tests.unit import strategies as make
from hypothesis import example, given
from hypothesis import strategies as st

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    make.texts,
    st.sampled_from(("null", "~", "y", "Off", "1e3", "0x1f", "2026-12-31", "-", "# x", "a: b", "a\n")),
)
trees = st.recursive(
    st.dictionaries(make.keys, scalars, max_size=4),
    lambda inner: st.dictionaries(
        make.keys, st.one_of(inner, scalars, st.lists(st.one_of(inner, scalars), max_size=3)), max_size=3
    ),
    max_leaves=8,
)


@given(trees)
@example({"a": "line\n"})
@example({"a": "next\x85line"})
@example({"a": "delete\x7f"})
@example({"a": "separator\u2028"})
@example({"a": "\ufeffmark"})
@example({"a": "\ud800"})
def test_what_is_shown_is_what_it_is(tree):
    assert (yaml.safe_load(to_yaml(tree)) or {}) == tree


@given(trees)
def test_a_line_is_a_line(tree):
    """A diff is made of lines: no value may bring a break of its own."""
    text = to_yaml(tree)
    assert text.splitlines() == text.split("\n")[:-1]
