# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A preseed or another document, read as the daemons read it."""

from __future__ import annotations

DOCUMENTATION = r"""
name: from_document
short_description: Read a document or preseed file as the daemons read it
version_added: 0.1.0
author: cloudhost.lxd contributors (@cloudhost)
description:
  - Parses the YAML of a file in the format of C(lxd init --preseed). Plain values stay the text that is written in the
    file, as the daemons read them.
  - If Ansible itself reads YAML, some values change. For example, V(0660) becomes 432, V(12:30) becomes 750, and
    V(1.10) becomes 1.1.
  - Errors name the file and the line. A key that is written twice in one dictionary is an error.
options:
  _input:
    description: The text of the file.
    type: str
    required: true
  name:
    description: The name of the file in error messages.
    type: str
    default: document
positional: name
"""

EXAMPLES = r"""
- name: Configure a server from a preseed file, with another address
  cloudhost.lxd.stack:
    definition: "{{ preseed | combine({'config': {'core.https_address': ':8443'}}) }}"
  vars:
    preseed: "{{ lookup('ansible.builtin.file', 'preseed.yml') | cloudhost.lxd.from_document('preseed.yml') }}"
"""

RETURN = r"""
_value:
  description: The document. For an empty file, it is an empty dictionary.
  type: dict
"""

from typing import Any

import yaml
from ansible.errors import AnsibleFilterError
from ansible.parsing.vault import EncryptedString
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._written import Loader, not_yaml, written_twice


class _Loader(Loader):
    """With values that are encrypted inside the file, which Ansible decrypts where they are used."""


_Loader.add_constructor(
    "!vault",
    lambda loader, node: EncryptedString(ciphertext="\n".join(line.strip() for line in node.value.splitlines())),
)


def from_document(text: str, name: str = "document") -> dict[str, Any]:
    """The content of a document; AnsibleFilterError with file and line where there is none."""
    loader = _Loader(str(text).encode("utf-8"))  # Ansible marks its strings, which the C library does not take
    try:
        root = loader.get_single_node()
        errors = written_twice(name, root)
        content = {} if root is None else loader.construct_document(root)
    except yaml.YAMLError as exc:
        raise AnsibleFilterError(not_yaml(name, exc, str(text))) from None
    finally:
        loader.dispose()
    if content is not None and not isinstance(content, dict):
        errors.append(
            f"{name}: a document is a dictionary of sections such as storage_pools, not a {type(content).__name__}."
        )
    if errors:
        raise AnsibleFilterError("\n".join(errors))
    return content or {}


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"from_document": from_document}
