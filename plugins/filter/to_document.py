# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A definition as a file that people read and edit: the counterpart of from_document."""

from __future__ import annotations

DOCUMENTATION = r"""
name: to_document
short_description: Write a definition as a document for people
version_added: 0.1.0
author: cloudhost.lxd contributors (@cloudhost)
description:
  - Writes the YAML of a document for M(cloudhost.lxd.stack), for example of what M(cloudhost.lxd.stack_export) returns.
  - Text of several lines, such as certificates and C(cloud-init.user-data), is a literal block, so that people can read
    and edit it, and so that version control shows the lines that change. Text that YAML could take for something else,
    such as V("0660") and V("yes"), is quoted. Invisible characters are written as escapes.
  - The file begins with the address of the schema, which editors read.
  - M(cloudhost.lxd.stack) and P(cloudhost.lxd.from_document#filter) read the same values from the file.
options:
  _input:
    description: The document, as a dictionary of sections.
    type: dict
    required: true
  left_out:
    description: Keys that the document lacks, as RV(cloudhost.lxd.stack_export#module:left_out) names them. They are
      listed in a comment at the top.
    type: list
    elements: str
    default: []
positional: left_out
seealso:
  - module: cloudhost.lxd.stack_export
  - plugin: cloudhost.lxd.from_document
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Export the server
  cloudhost.lxd.stack_export:
  register: export

- name: Save the document on the controller, in a directory under version control
  ansible.builtin.copy:
    content: "{{ export.definition | cloudhost.lxd.to_document(export.left_out) }}"
    dest: "{{ playbook_dir }}/stack/{{ inventory_hostname }}.yml"
    mode: "0600"
  delegate_to: localhost
  become: false
"""

RETURN = r"""
_value:
  description: The text of the file.
  type: str
"""

import re
from typing import Any, Iterable

import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.values import printable

SCHEMA = "https://raw.githubusercontent.com/cloudhost/lxd/main/docs/schemas/stack.json"
TEXT = "tag:yaml.org,2002:str"
#: What YAML 1.2 or Ansible takes for a number or a truth value, although PyYAML takes some of it for text.
_NOT_TEXT = re.compile(r"[-+]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(e[-+]?\d+)?|0[xo][\da-f_]+|y|n", re.IGNORECASE)


class Dumper(yaml.SafeDumper):
    """Block style with indented lists, literal blocks, and double quotes where any are needed."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def analyze_scalar(self, scalar: str) -> Any:
        """PyYAML has no literal block for text with tabs or with spaces at the ends of lines, which YAML allows."""
        analysis = super().analyze_scalar(scalar)
        analysis.allow_block = _is_literal(scalar)
        return analysis

    def choose_scalar_style(self) -> str:
        style: str = super().choose_scalar_style()
        return '"' if style == "'" and "\\" not in getattr(self.event, "value", "") else style

    def write_double_quoted(self, text: str, split: bool = True) -> None:
        self.allow_unicode = _is_visible(text)
        super().write_double_quoted(text, split)
        self.allow_unicode = True


def _is_visible(text: str) -> bool:
    return all(char.isprintable() or char in "\n\t" for char in text)


def _is_literal(text: str) -> bool:
    """Whether text is written as a literal block. Readers differ about blocks that begin or end with blank lines."""
    last = text.rstrip("\n").rpartition("\n")[2]
    edges = bool(last.strip()) and not text[0].isspace() and not text.endswith("\n\n")
    return "\n" in text and edges and _is_visible(text)


def _text(dumper: Dumper, value: str) -> yaml.ScalarNode:
    value = str(value)
    if _is_literal(value):
        return dumper.represent_scalar(TEXT, value, style="|")
    untyped: Any = dumper  # some versions of the stubs know the method, and some do not
    resolved = untyped.resolve(yaml.ScalarNode, value, (True, False))
    ambiguous = resolved != TEXT or _NOT_TEXT.fullmatch(value)
    plain = re.match(r"[\w/.]", value) and _is_visible(value) and not ambiguous
    return dumper.represent_scalar(TEXT, value, style=None if plain else '"')


Dumper.add_representer(str, _text)
# Ansible's own types of text, lists, dictionaries and numbers are subclasses of those of Python.
Dumper.add_multi_representer(str, _text)
Dumper.add_multi_representer(dict, lambda dumper, value: dumper.represent_dict(value.items()))
Dumper.add_multi_representer(list, lambda dumper, value: dumper.represent_list(value))
Dumper.add_multi_representer(int, lambda dumper, value: dumper.represent_int(value))


def to_document(definition: dict[str, Any], left_out: Iterable[str] = ()) -> str:
    """The text of a document; AnsibleFilterError for what is none."""
    if not isinstance(definition, dict):
        raise AnsibleFilterError(
            "to_document: a document is a dictionary of sections such as storage_pools, not a "
            f"{type(definition).__name__}."
        )
    head = f"---\n# yaml-language-server: $schema={SCHEMA}\n"
    missing = [f"#   {printable(str(key))}\n" for key in left_out]
    if missing:
        head += "# Secrets are not exported. Add these, encrypted with Ansible Vault:\n" + "".join(missing)
    sections = [
        yaml.dump({section: value}, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=float("inf"))
        for section, value in definition.items()
    ]
    return head + ("\n".join(sections) or "{}\n")


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"to_document": to_document}
