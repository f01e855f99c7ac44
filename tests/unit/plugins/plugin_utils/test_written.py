# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an error says of a file that is not YAML, and of data for cloud-init that is none."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._cloud_config import doubts
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._written import Loader, lines_of, not_yaml


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ("a:\n  - b: 1\n\tc: 2\n", 3, "Indent with spaces"),
        ("a:\n  - b: {{ c }}\n", 2, "Quote a value that begins with a template"),
        ("a: b: c\n", 1, "the colons"),
        ("a:\n  - b: [1\n", 3, "the indentation"),
    ],
)
def test_what_is_usually_wrong_is_said(text, line, hint):
    with pytest.raises(yaml.YAMLError) as caught:
        loader = Loader(text)
        loader.construct_document(loader.get_single_node())
    words = not_yaml("farm.yml", caught.value, text)
    assert words.startswith(f"farm.yml:{line}: this is not YAML: ") and hint in words


def test_lines_of_keys_and_properties():
    text = "a:\n  - c:\n      x: 1\n    d:\n      e:\n        f: 1\n        g: {h: 1}\n    l:\n      - 1\n      - 2\n"
    lines = dict(lines_of(Loader(text).get_single_node()))
    assert (lines["a/0/c/x"], lines["a/0/d/e/f"], lines["a/0/d/e/g"], lines["a/0/l/1"]) == (3, 6, 7, 10)
    assert "a/0/d/e/g/h" not in lines


def data(text, key="cloud-init.user-data"):
    return doubts({"profiles": [{}, {"name": "a", "config": {key: text}}]})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("#cloud-config\npackages: [a\nruncmd: []\n", "line 3 of this text is not YAML"),
        ("#cloud-config\nruncmd:\n\t- a\n", "line 3 of this text is not YAML"),
        ("#cloud-config\nruncmd: []\nruncmd: []\n", "line 3 of this text has 'runcmd' again"),
        ("#cloud-config\n- a\n", "no dictionary"),
    ],
)
def test_data_that_cloud_init_ignores(text, words):
    ((path, found),) = data(text).items()
    assert path == "profiles/1/config/cloud-init.user-data"
    assert found.startswith("config.cloud-init.user-data: ") and words in found


def test_data_that_is_yaml_or_need_not_be():
    for text in (
        "#cloud-config\npackages: [a]\n",
        "#!/bin/sh\n: [\n",
        "#cloud-config-archive\n- type: x\n",
        "#cloud-config",
    ):
        assert data(text) == {}
    assert data("version: 2\nethernets: [\n", "cloud-init.network-config") != {}
    for content in (None, [], {"profiles": {}}, {"profiles": ["a", {"config": "x"}]}, {"instances": None}):
        assert doubts(content) == {}
