# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documents as they are written: plain values are text, and what is no document is told with its place."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.cloudhost.lxd.plugins.filter.from_document import FilterModule

from_document = FilterModule().filters()["from_document"]

PLAIN = (
    "0660",
    "12:30",
    "10:16:30:12:34:56",
    "1.10",
    "0x1F",
    "1_000",
    "yes",
    "True",
    "off",
    "2026-12-31",
    "2026-12-31T00:00:00Z",
    ".inf",
    "1e3",
    "=",
    "0b11",
)


@pytest.mark.parametrize("written", PLAIN)
def test_a_plain_value_is_its_text(written):
    assert from_document(f"a: {written}\n{written}: [{written}]\n") == {"a": written, written: [written]}


@pytest.mark.parametrize(
    ("written", "meant"),
    [("~", None), ("null", None), ("", None), ("Null", None), ("'null'", "null"), ('"~"', "~"), ("!!int 5", 5)],
)
def test_nothing_is_nothing_and_a_tag_is_a_wish(written, meant):
    assert from_document(f"a: {written}\n") == {"a": meant}


def test_anchors_and_merged_keys_stay():
    assert from_document("a: &x {k: 1}\nb: {<<: *x, j: 010}\n") == {"a": {"k": "1"}, "b": {"k": "1", "j": "010"}}


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}\n", "---\n", "~\n"])
def test_a_document_that_says_nothing_is_empty(text):
    assert from_document(text) == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [\n", "p.yml:2: this is not YAML: did not find expected node content"),
        ("a: 1\nb: 2\na: 3\n", "p.yml:3: the key 'a' is written twice"),
        ("- a\n", "p.yml: a document is a dictionary of sections such as storage_pools, not a list"),
        ("a: !unknown 1\n", "p.yml:1: this is not YAML: could not determine a constructor"),
        ("a: 1\n---\nb: 2\n", "p.yml:2: this is not YAML: but found another document"),
    ],
)
def test_what_is_no_document_is_told_with_its_place(text, words):
    with pytest.raises(AnsibleFilterError) as caught:
        from_document(text, "p.yml")
    assert str(caught.value).startswith(words)
