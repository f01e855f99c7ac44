# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documents for people: certificates and scripts in literal blocks, and every value as it was."""

from __future__ import annotations

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.cloudhost.lxd.plugins.filter.from_document import from_document
from ansible_collections.cloudhost.lxd.plugins.filter.to_document import FilterModule
from hypothesis import given
from hypothesis import strategies as st

to_document = FilterModule().filters()["to_document"]

CLOUD_INIT = "#cloud-config\npackages: \n  - nginx\nwrite_files:\n\t- path: /etc/motd\n"
DEFINITION = {
    "config": {"core.https_address": ":8443", "images.auto_update_interval": "6"},
    "profiles": [
        {"name": "web", "config": {"cloud-init.user-data": CLOUD_INIT, "security.nesting": "true"}, "devices": {}},
        {"name": "on", "description": "Für\u202e alle", "project": "10.0.0.1"},
    ],
    "certificates": [{"name": "ci", "certificate": "-----BEGIN-----\nMIIB\n-----END-----", "restricted": True}],
}
WRITTEN = r"""---
# yaml-language-server: $schema=https://raw.githubusercontent.com/cloudhost/lxd/main/docs/schemas/stack.json
# Secrets are not exported. Add these, encrypted with Ansible Vault:
#   profile web: config.user.password
config:
  core.https_address: ":8443"
  images.auto_update_interval: "6"

profiles:
  - name: web
    config:
      cloud-init.user-data: |
        #cloud-config
        packages: 
          - nginx
        write_files:
        	- path: /etc/motd
      security.nesting: "true"
    devices: {}
  - name: "on"
    description: "F\xFCr\u202E alle"
    project: 10.0.0.1

certificates:
  - name: ci
    certificate: |-
      -----BEGIN-----
      MIIB
      -----END-----
    restricted: true
"""  # noqa: E101, W191, W291 - the sample has a tab, and a space at the end of a line


def test_what_people_read():
    assert to_document(DEFINITION, ["profile web: config.user.password"]) == WRITTEN


@pytest.mark.parametrize("definition", [DEFINITION, {}])
def test_it_is_read_as_it_was(definition):
    written = to_document(definition)
    assert yaml.safe_load(written) == definition
    assert str(from_document(written)).replace("'true'", "True") == str(definition).replace("'true'", "True")


LINES = st.text(st.sampled_from("a #:-'\"\\\t\n\r|>é\u2028\u202e\x85\x07{}[]0&*!%@`?,"), max_size=24)
VALUES = st.one_of(
    LINES, st.sampled_from(["0660", "12:30", "yes", "y", "1e3", "~", "", "2026-12-31", "<<", "=", "1_0"])
)
KEYS = st.text(st.sampled_from("ab.-_ é:#0"), min_size=1, max_size=8)
TREES = st.recursive(
    VALUES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(KEYS, TREES, max_size=3))
def test_every_text_is_read_as_it_was(definition):
    """By this collection, and by whatever reads YAML 1.1 with its types."""
    written = to_document(definition)
    assert from_document(written) == definition
    assert yaml.load(written, Loader=yaml.SafeLoader) == definition


@pytest.mark.parametrize("wrong", [None, [], "profiles"])
def test_what_is_no_document_is_refused(wrong):
    with pytest.raises(AnsibleFilterError, match="a document is a dictionary of sections such as storage_pools, not a"):
        to_document(wrong)


def test_a_name_in_the_comment_stays_in_the_comment():
    written = to_document({}, ["instance a\nprofiles: [1]\u2028: config.x"])
    assert yaml.safe_load(written) == {} and "\\U0000000aprofiles" in written
