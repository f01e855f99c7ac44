# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The results of security audits as reports."""

from __future__ import annotations

DOCUMENTATION = r"""
name: security_report
short_description: Write the results of security audits as a report
version_added: 0.1.0
author: cloudhost.lxd contributors (@cloudhost)
description:
  - Writes a report about the results of M(cloudhost.lxd.security_audit_info) of one or more servers.
  - Whoever is audited chooses names, keys and descriptions. In V(markdown) they only stand in code spans and code
    blocks that nothing inside can end. In V(sarif) they are no links and no placeholders. In V(remedies) they are
    marked as unsafe, so that Ansible does not evaluate them as templates.
options:
  _input:
    description: The results, by the names of the hosts. A result without C(findings) is that of a server that could
      not be audited.
    type: dict
    required: true
  format:
    description:
      - V(markdown) is for people.
      - V(json) is for programs.
      - V(sarif) is SARIF 2.1.0, for code scanning.
      - V(remedies) is a playbook with the remedies of all findings that no exception covers.
    type: str
    choices: [markdown, json, sarif, remedies]
    required: true
positional: format
seealso:
  - module: cloudhost.lxd.security_audit_info
"""

EXAMPLES = r"""
- name: Audit the server
  cloudhost.lxd.security_audit_info:
  register: audit

- name: Write the report
  ansible.builtin.copy:
    content: "{{ {inventory_hostname: audit} | cloudhost.lxd.security_report('markdown') }}"
    dest: security-audit.md
    mode: "0600"
  delegate_to: localhost
  become: false
"""

RETURN = r"""
_value:
  description: The text of the report.
  type: str
"""

import json
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.cloudhost.lxd.plugins.plugin_utils import _sarif, _security_report

VERSION = "0.1.0"
#: What the report for programs has of each server.
_SHOWN = ("findings", "counts", "enforced", "exceptions", "remedies", "server", "date")


def security_report(results: dict[str, dict[str, Any]], format: str) -> str:  # noqa: A002 - the name of the option
    """The text of a report; AnsibleFilterError for what is no result."""
    if not isinstance(results, dict) or not all(isinstance(result, dict) for result in results.values()):
        raise AnsibleFilterError("security_report: give the results as a dictionary, by the names of the hosts.")
    if format == "markdown":
        return _security_report.markdown(results)
    if format == "remedies":
        return _security_report.remedies(results)
    if format == "sarif":
        return _json(_sarif.sarif(results, VERSION))
    if format == "json":
        servers = {
            host: {key: result[key] for key in _SHOWN if key in result}
            if "findings" in result
            else {"error": str(result.get("msg"))}
            for host, result in results.items()
        }
        return _json({"servers": servers, "exceptions": _security_report.merged_exceptions(results)})
    raise AnsibleFilterError(f"security_report: format '{format}' is not known. Use markdown, json, sarif or remedies.")


def _json(data: Any) -> str:
    return json.dumps(data, indent=2) + "\n"


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"security_report": security_report}
