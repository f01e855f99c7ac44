# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports of audits, whose readers somebody attacks with names: Markdown, JSON, SARIF and the playbook of remedies."""

from __future__ import annotations

import json
import pathlib
import re

import pytest
import yaml
from ansible.errors import AnsibleError, AnsibleFilterError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.cloudhost.lxd.plugins.filter import security_report as plugin
from ansible_collections.cloudhost.lxd.plugins.module_utils._audit.enforced import enforced
from ansible_collections.cloudhost.lxd.plugins.module_utils._audit.exceptions import applied, declared
from ansible_collections.cloudhost.lxd.plugins.module_utils._audit.model import SEVERITIES
from ansible_collections.cloudhost.lxd.plugins.module_utils._audit.remedies import merged
from ansible_collections.cloudhost.lxd.plugins.module_utils._audit.rules import RULES
from ansible_collections.cloudhost.lxd.plugins.module_utils._audit.subjects import subjects
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._security_report import block, code
from ansible_collections.cloudhost.lxd.tests.unit.audited import TODAY, around, audit, instance, listings, with_profile
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

ROOT = pathlib.Path(__file__).resolve().parents[4]
report = plugin.FilterModule().filters()["security_report"]
#: Names that somebody gives what is audited.
ODD = [
    "{{ evaluated }}",
    "{% for x in y %}",
    "{# #}",
    "``` `a` |b| <script>alert(1)</script> @team [x](javascript:y) ![i](j)",
    "`\n# All is well\n| x | y |\u2028\u202e",
    "{0} {{1}} [link](0)",
    "\\|",
]


def result(listed, *exceptions):
    """What the module returns of an audit."""
    outcome = applied(declared(exceptions), audit(listed), TODAY)
    counting = [finding for finding, exception in outcome.findings if not exception]
    return {
        "findings": [
            {**one.shown(), "exception": {"reason": by.reason, "until": by.until.isoformat()} if by else None}
            for one, by in outcome.findings
        ],
        "counts": {severity: sum(one.severity == severity for one in counting) for severity in SEVERITIES},
        "exceptions": outcome.exceptions,
        "enforced": enforced(subjects(listed), around(listed)),
        "remedies": merged(task for one in counting for task in one.hit.tasks),
        "server": {"implementation": "lxd", "url": "unix:///x"},
        "date": TODAY.isoformat(),
    }


def attacked():
    """An audit in which every name is one of the odd ones."""
    profiles = [
        {"name": name, "project": "default", "config": {f"user.password {name}": "hunter22"}, "devices": {}}
        for name in ODD
    ]
    instances = [with_profile(instance(name="web", project="default"), profile) for profile in profiles]
    projects = [{"name": name, "config": {}, "used_by": []} for name in ODD]
    return listings(projects=projects, profiles=profiles, instances=instances)


EXCEPTION = {"rule": "project-unrestricted", "name": ODD[0], "reason": "``` {0} <b>", "until": "2099-12-31"}
UNUSED = {"rule": "instance-nesting", "reason": "None [x](0).", "until": "2099-12-31"}
RESULTS = {
    "node1": result(attacked(), EXCEPTION, UNUSED),
    "node2": {"msg": "not reached ```\n# ok", "unreachable": True},
}


def spans_removed(text):
    """Markdown without code blocks and code spans, by the rules of CommonMark for both."""
    text = re.sub(r"(?ms)^(`{3,})[a-z]*\n.*?^\1$", "", text)
    return re.sub(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", "", text)


def test_markdown_has_text_of_others_in_code_only():
    text = report(RESULTS, "markdown")
    left = spans_removed(text)
    for word in ("script", "javascript", "@team", "evaluated", "All is well", "\u2028", "\u202e", "{0}", "<b>"):
        assert word not in left, word
    assert [line for line in left.splitlines() if line.startswith("# ")] == ["# Security audit"]
    assert "The server could not be audited:" in left and "hunter22" not in text


def test_tables_keep_their_columns():
    """A bar in a name, in a code span too, would end its cell."""
    width = 0
    for line in report(RESULTS, "markdown").splitlines():
        if line.startswith("| ---"):
            width = line.count("|")
        elif line.startswith("|") and width and "not audited" not in line:
            assert line.count("|") == width, line
        elif not line:
            width = 0


@given(st.text(alphabet="`| a\\\n{<", max_size=12))
def test_nothing_ends_a_code_span(text):
    shown = code(text)
    (match,) = re.findall(r"^(`+)(?!`)(.*?)(?<!`)\1$", shown)
    assert match[0] not in re.findall("`+", match[1]) and "|" not in shown and "\n" not in shown


@given(st.text(alphabet="` a\n", max_size=20))
def test_nothing_ends_a_code_block(text):
    first, *inside, last = block(text, "text").splitlines()
    fence = first[: -len("text")]
    assert last == fence and not any(line.strip().startswith(fence) for line in inside)


def tasks_of(folder, text):
    """The tasks of the only play of a playbook, as Ansible runs them."""
    path = folder / "remedies.yml"
    path.write_text(text, encoding="utf-8")
    (play,) = DataLoader().load_from_file(str(path), trusted_as_template=True)
    assert play["hosts"] == "node1"
    return Templar(loader=DataLoader(), variables={}).template(play["tasks"])


def test_the_playbook_of_remedies_evaluates_nothing(tmp_path):
    tasks = tasks_of(tmp_path, report(RESULTS, "remedies"))
    assert tasks == RESULTS["node1"]["remedies"]
    assert ODD[0] in [task["cloudhost.lxd.profile"]["name"] for task in tasks if "cloudhost.lxd.profile" in task]


def test_without_the_mark_they_would_be_evaluated(tmp_path):
    """That the test above can fail."""
    with pytest.raises(AnsibleError, match="evaluated"):
        tasks_of(tmp_path, report(RESULTS, "remedies").replace("!unsafe ", ""))


def test_hosts_that_ansible_would_take_for_a_pattern_have_no_play():
    assert (
        yaml.safe_load(report({"all:!x": result(listings(instances=[instance({"raw.lxc": "x"})]))}, "remedies")) == []
    )


def test_what_an_exception_covers_is_not_repaired():
    text = report(RESULTS, "remedies")
    (play,) = DataLoader().load(text)
    projects = [task["cloudhost.lxd.project"] for task in play["tasks"] if "cloudhost.lxd.project" in task]
    assert [one["config"] for one in projects if one["name"] == ODD[0]] == [{"limits.instances": "50"}]


def test_json():
    data = json.loads(report(RESULTS, "json"))
    assert data["servers"]["node2"] == {"error": "not reached ```\n# ok"}
    assert data["servers"]["node1"]["findings"] == RESULTS["node1"]["findings"]
    assert [(one["rule"], one["state"]) for one in data["exceptions"]] == [
        ("project-unrestricted", "active"),
        ("instance-nesting", "unused"),
    ]


def test_an_exception_that_one_server_uses_is_used():
    nesting = result(listings(instances=[instance({"security.nesting": "true"})]), UNUSED)
    for results in ({"a": RESULTS["node1"], "b": nesting}, {"b": nesting, "a": RESULTS["node1"]}):
        (state,) = [one for one in json.loads(report(results, "json"))["exceptions"] if one["rule"] == UNUSED["rule"]]
        assert (state["state"], state["findings"]) == ("active", 1)


#: What SARIF 2.1.0 (sections 3.13, 3.14, 3.19, 3.20, 3.27, 3.35, 3.49) asks of what the report has. The schema of OASIS
#: says the same; the report was held against it too.
MESSAGE = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "additionalProperties": False,
                "properties": {
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name", "rules"],
                                "properties": {
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": ["id", "shortDescription", "defaultConfiguration"],
                                            "properties": {
                                                "shortDescription": MESSAGE,
                                                "fullDescription": MESSAGE,
                                                "help": MESSAGE,
                                                "defaultConfiguration": {"properties": {"level": LEVEL}},
                                            },
                                        },
                                    }
                                },
                            }
                        },
                    },
                    "invocations": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["executionSuccessful"],
                            "properties": {
                                "toolExecutionNotifications": {
                                    "items": {
                                        "required": ["message"],
                                        "properties": {"message": MESSAGE, "level": LEVEL},
                                    }
                                }
                            },
                        },
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["message", "ruleId", "ruleIndex", "level", "locations"],
                            "additionalProperties": False,
                            "properties": {
                                "message": MESSAGE,
                                "ruleId": {"enum": [rule.id for rule in RULES]},
                                "ruleIndex": {"type": "integer", "minimum": 0, "maximum": len(RULES) - 1},
                                "level": LEVEL,
                                "locations": {
                                    "type": "array",
                                    "items": {
                                        "properties": {
                                            "physicalLocation": {
                                                "properties": {
                                                    "artifactLocation": {
                                                        "properties": {"uri": {"pattern": r"^[\w./%~-]+$"}}
                                                    }
                                                }
                                            },
                                            "logicalLocations": {"type": "array", "minItems": 1},
                                        }
                                    },
                                },
                                "partialFingerprints": {"additionalProperties": {"type": "string"}},
                                "properties": {"type": "object"},
                                "suppressions": {
                                    "items": {
                                        "required": ["kind"],
                                        "properties": {
                                            "kind": {"enum": ["inSource", "external"]},
                                            "status": {"enum": ["accepted", "underReview", "rejected"]},
                                        },
                                    }
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}


def test_sarif():
    data = json.loads(report(RESULTS, "sarif"))
    assert [error.message for error in Draft202012Validator(SARIF).iter_errors(data)] == []
    (run,) = data["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[one["ruleIndex"]]["id"] == one["ruleId"] for one in run["results"])
    assert len(run["results"]) == len(RESULTS["node1"]["findings"])
    prints = [one["partialFingerprints"]["finding/v1"] for one in run["results"]]
    assert len(prints) == len(set(prints)), "findings that are not told apart"
    suppressed = [one for one in run["results"] if one.get("suppressions")]
    assert len(suppressed) == 1 and "until 2099-12-31" in suppressed[0]["suppressions"][0]["justification"]
    assert not run["invocations"][0]["executionSuccessful"]
    notes = [one["message"]["text"] for one in run["invocations"][0]["toolExecutionNotifications"]]
    assert notes[0] == "node2 could not be audited." and "instance-nesting is unused" in notes[1]
    for text in [one["message"]["text"] for one in run["results"]] + notes:
        assert not re.search(r"(?<!\\)[\[\]]|(?<!{){(?!{)(?:\d)", text), "a link or a placeholder"


def test_the_version_is_that_of_the_collection():
    assert yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"] == plugin.VERSION


def test_nothing_found():
    text = report({"node1": result(listings(instances=[instance()]))}, "markdown")
    assert "Nothing was found." in text and "| `web` | `default` |" in text
    assert yaml.safe_load(report({"node1": result(listings())}, "remedies")) == []


@pytest.mark.parametrize(
    ("results", "kind", "words"),
    [([], "json", "as a dictionary"), ({"a": "x"}, "json", "as a dictionary"), ({}, "pdf", "format 'pdf'")],
)
def test_what_is_no_result(results, kind, words):
    with pytest.raises(AnsibleFilterError, match=words):
        report(results, kind)
