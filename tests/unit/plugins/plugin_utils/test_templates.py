# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Templates and loops in documents: what they make, and where what is wrong with them is."""

from __future__ import annotations

import textwrap

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._templates import MOST, templated
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._written import Loader, lines_of

VARIABLES = {"farm": "north", "sizes": {"small": 1, "large": 4}, "names": ["a", "b"], "number": 2}


def render(value, more):
    templar = Templar(DataLoader(), {**VARIABLES, **more})
    return templar.template(trust_as_template(value))


def read(text):
    """A document as the action plugin reads it."""
    loader = Loader(textwrap.dedent(text).lstrip("\n"))
    root = loader.get_single_node()
    return {"source": "farm.yml", "content": loader.construct_document(root), "lines": dict(lines_of(root))}


def made(text):
    errors = []
    document = templated(read(text), render, errors)
    assert errors == []
    return document


def wrong(text):
    errors = []
    templated(read(text), render, errors)
    return errors


def test_values_are_templates_and_keys_are_not():
    document = made(
        """
        profiles:
          - name: "{{ farm }}-web"
            config: {limits.cpu: "{{ sizes.large }}", "user.{{ farm }}": "in {{ farm }}"}
        """
    )
    assert document["content"]["profiles"] == [
        {"name": "north-web", "config": {"limits.cpu": 4, "user.{{ farm }}": "in north"}}
    ]


def test_an_entry_stands_for_each_item_of_a_list():
    document = made(
        """
        instances:
          - name: "{{ farm }}-{{ item }}{{ index }}"
            loop: "{{ names }}"
          - name: last
        """
    )
    assert [entry["name"] for entry in document["content"]["instances"]] == ["north-a1", "north-b2", "last"]
    assert document["lines"] == {
        "instances": 1,
        "instances/0": 2,
        "instances/0/name": 2,
        "instances/0/loop": 3,
        "instances/1": 2,
        "instances/1/name": 2,
        "instances/1/loop": 3,
        "instances/2": 4,
        "instances/2/name": 4,
    }


def test_items_of_a_dictionary():
    document = made(
        """
        profiles:
          - name: "{{ item.key }}"
            config: {limits.cpu: "{{ item.value }}"}
            loop: "{{ sizes | dict2items }}"
        """
    )
    assert [(entry["name"], entry["config"]["limits.cpu"]) for entry in document["content"]["profiles"]] == [
        ("small", 1),
        ("large", 4),
    ]


@pytest.mark.parametrize("count, names", [("3", ["w01", "w02", "w03"]), ('"{{ number }}"', ["w01", "w02"]), ("0", [])])
def test_a_number_of_entries(count, names):
    document = made(
        f"""
        instances:
          - name: "{{{{ 'w%02d' % item }}}}"
            count: {count}
        """
    )
    assert [entry["name"] for entry in document["content"]["instances"]] == names


def test_a_section_can_be_a_template():
    document = made("instances: \"{{ names | map('community') if false else [{'name': farm}] }}\"")
    assert document["content"] == {"instances": [{"name": "north"}]}
    assert document["lines"] == {"instances": 1}


def test_what_has_no_template_stays_as_it_is_written():
    document = read("instances: [{name: a, config: {user.time: 12:30, user.mode: 0660, user.none: null}}]")
    assert templated(document, render, []) == document
    assert templated({**document, "content": None}, render, [])["content"] is None


@pytest.mark.parametrize(
    "text, message",
    [
        (
            "instances:\n  - name: a\n    config:\n      user.x: '{{ farn }}'",
            "farm.yml:4: instances[0].config.user.x: ",
        ),
        ("instances:\n  - name: a\n  - name: '{{ item }}'", "farm.yml:3: instances[1].name: "),
        ("instances:\n  - name: '{{ item.x }}'\n    loop: '{{ names }}'", "farm.yml:2: instances[0].name: "),
        ("instances:\n  - name: a\n    loop: '{{ sizes }}'", "farm.yml:3: instances[0].loop: a list is needed"),
        ("instances:\n  - name: a\n    loop: text", "farm.yml:3: instances[0].loop: a list is needed, not 'text'"),
        ("instances:\n  - name: a\n    count: many", "farm.yml:3: instances[0].count: a number from 0 to"),
        ("instances:\n  - name: a\n    count: -1", "farm.yml:3: instances[0].count: a number from 0 to"),
        (f"instances:\n  - name: a\n    count: {MOST + 1}", "farm.yml:3: instances[0].count: a number from 0 to"),
        ("instances:\n  - name: a\n    count: 1\n    loop: [1]", "farm.yml:3: instances[0].count: an entry has either"),
        ("config:\n  user.x: '{{ farn }}'", "farm.yml:2: config.user.x: "),
        ("profiles: '{{ farn }}'", "farm.yml:1: profiles: "),
        ("instances:\n  - name: '{{ farm '", "farm.yml:2: instances[0].name: "),
    ],
)
def test_what_is_wrong_has_its_place(text, message):
    errors = wrong(text)
    assert len(errors) == 1 and errors[0].startswith(message), errors


def test_a_yaml_list_of_errors_is_complete():
    assert len(wrong("instances:\n  - name: '{{ a1 }}'\n  - name: '{{ a2 }}'\nconfig: {user.x: '{{ a3 }}'}")) == 3
