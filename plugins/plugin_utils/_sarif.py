# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports of security audits in SARIF 2.1.0, which code scanning reads.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import hashlib
import re
import urllib.parse
from typing import Any

from ansible_collections.cloudhost.lxd.plugins.module_utils._audit.model import SEVERITIES, Rule
from ansible_collections.cloudhost.lxd.plugins.module_utils._audit.rules import RULES
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.values import printable

from ._security_report import merged_exceptions, to_yaml

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
HOME = "https://github.com/cloudhost/lxd"
PAGE = f"{HOME}/blob/main/docs/security-audit.md"
#: The levels of SARIF, and the numbers that GitHub sorts by.
LEVELS = dict(zip(SEVERITIES, ("error", "error", "warning", "note", "note")))
_NUMBERS = dict(zip(SEVERITIES, ("9.5", "8.0", "5.5", "3.0", "0.0")))
_NUMBER_OF = {rule.id: number for number, rule in enumerate(RULES)}


def plain(text: str) -> str:
    """Text of others in a message: no link (3.11.6), no placeholder (3.11.5)."""
    return re.sub(r"([\\\[\]])", r"\\\1", printable(text)).replace("{", "{{").replace("}", "}}")


def sarif(results: dict[str, dict[str, Any]], version: str) -> dict[str, Any]:
    """One run about all servers.

    :param version: that of the collection
    """
    driver = {
        "name": "cloudhost.lxd.security_audit",
        "version": version,
        "informationUri": HOME,
        "rules": [_rule(rule) for rule in RULES],
    }
    failed = [host for host, result in results.items() if "findings" not in result]
    notes = [_note("error", f"{host} could not be audited.") for host in failed]
    notes += [
        _note("warning", f"The exception for {one['rule']} is {one['state']}: {one['reason']}")
        for one in merged_exceptions(results)
        if one["state"] != "active"
    ]
    invocation = {"executionSuccessful": not failed, "toolExecutionNotifications": notes}
    found = [_result(host, finding) for host, result in results.items() for finding in result.get("findings") or ()]
    run = {"tool": {"driver": driver}, "invocations": [invocation], "columnKind": "unicodeCodePoints", "results": found}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _note(level: str, text: str) -> dict[str, Any]:
    return {"level": level, "message": {"text": plain(text)}}


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": "".join(part.capitalize() for part in rule.id.split("-")),
        "shortDescription": {"text": f"{rule.title}."},
        "fullDescription": {"text": plain(rule.why)},
        "help": {"text": plain(rule.advice)},
        "helpUri": f"{PAGE}#rules",
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
        "properties": {"security-severity": _NUMBERS[rule.severity], "tags": ["security", rule.kind]},
    }


def _result(host: str, finding: dict[str, Any]) -> dict[str, Any]:
    parts = [host, finding["project"], finding["kind"], finding["name"], finding["item"]]
    uri = "/".join(urllib.parse.quote(part, safe="") for part in (*parts[:3], finding["name"]) if part)
    identity = "\0".join([finding["rule"], *parts])
    where = " ".join(filter(None, [host, finding["project"], finding["kind"], finding["name"]]))
    found: dict[str, Any] = {
        "ruleId": finding["rule"],
        "ruleIndex": _NUMBER_OF[finding["rule"]],
        "level": LEVELS[finding["severity"]],
        "message": {"text": f"{plain(where)}: {plain(finding['text'])}"},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": 1}},
                "logicalLocations": [
                    {
                        "name": finding["name"] or host,
                        "fullyQualifiedName": "/".join(part for part in parts if part),
                        "kind": "resource",
                    }
                ],
            }
        ],
        "partialFingerprints": {"finding/v1": hashlib.sha256(identity.encode()).hexdigest()},
        "properties": {
            "severity": finding["severity"],
            "security-severity": _NUMBERS[finding["severity"]],
            "origins": finding["origins"],
            "remedy": to_yaml(finding["remedy"]) if finding["remedy"] else "",
        },
    }
    if finding["exception"]:
        reason = f"{finding['exception']['reason']} (until {finding['exception']['until']})"
        found["suppressions"] = [{"kind": "external", "status": "accepted", "justification": reason}]
    return found
