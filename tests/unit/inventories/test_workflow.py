# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who gets what in the workflow of inventories/gitops: the key, the right to write, and the code of others; and that
GitLab runs the same.
"""

from __future__ import annotations

import pathlib
import re

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
WORKFLOW = yaml.safe_load((ROOT / "inventories/gitops/.github/workflows/stack.yml").read_text(encoding="utf-8"))
GITLAB = yaml.safe_load((ROOT / "inventories/gitops/.gitlab-ci.yml").read_text(encoding="utf-8"))
JOBS = {name: job for name, job in GITLAB.items() if name not in ("workflow", "default")}
STEPS = [(name, job, step) for name, job in WORKFLOW["jobs"].items() for step in job["steps"]]


def test_only_the_steps_that_talk_to_servers_have_the_key():
    assert "env" not in WORKFLOW and not any("env" in job for job in WORKFLOW["jobs"].values())
    having = [step["name"] for _name, _job, step in STEPS if "secrets." in str(step)]
    assert having == ["Plan", "Apply", "Drift"]
    assert all(step["run"].startswith("ansible-playbook ") for _name, _job, step in STEPS if step.get("name") in having)


def test_only_the_job_that_comments_may_write():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    writing = {name: job["permissions"] for name, job in WORKFLOW["jobs"].items() if "permissions" in job}
    assert writing == {"comment": {"pull-requests": "write"}}
    assert not any("uses" in step or "secrets." in str(step) for name, _job, step in STEPS if name == "comment")


@pytest.mark.parametrize(
    "step", [step for _name, _job, step in STEPS if "uses" in step], ids=lambda step: step["uses"].partition("@")[0]
)
def test_actions_are_pinned(step):
    assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step["uses"])


def test_packages_are_pinned():
    (run,) = [step["run"] for _name, _job, step in STEPS if step.get("name") == "Install Ansible"]
    assert re.search(r"ansible-core==[\d.]+\d$", run, re.M) and re.search(r"cloudhost/lxd,\d+\.\d+\.\d+$", run, re.M)


def test_a_pull_request_cancels_no_apply_that_waits():
    """GitHub cancels what waits in a group when something else comes to wait in it."""
    group = WORKFLOW["concurrency"]["group"]
    assert "github.event_name" in group and "github.event.number" in group
    assert "cancel-in-progress" not in WORKFLOW["concurrency"]


def test_nothing_that_a_pull_request_writes_is_part_of_a_command():
    """Such as its title or its branch; the number is GitHub's, and the plan goes by the environment."""
    assert [step["run"] for _name, _job, step in STEPS if "${{" in step.get("run", "")] == []


# -- GitLab -----------------------------------------------------------------------------------------------------------


def test_gitlab_runs_the_commands_of_github():
    ours = {step["name"].lower(): step["run"] for _name, _job, step in STEPS if "secrets." in str(step)}
    assert {name: job["script"] for name, job in JOBS.items()} == {name: [command] for name, command in ours.items()}


def test_gitlab_has_the_packages_of_github():
    (run,) = [step["run"] for _name, _job, step in STEPS if step.get("name") == "Install Ansible"]
    pinned = [
        re.findall(r"ansible-core==\S+|git\+\S+", text) for text in (run, str(GITLAB["default"]["before_script"]))
    ]
    assert [word.strip("',]") for word in pinned[1]] == pinned[0] and len(pinned[0]) == 2
    assert re.fullmatch(r"python:\d+\.\d+\.\d+-\w+", GITLAB["default"]["image"])


def test_gitlab_begins_a_pipeline_for_each_job_and_no_other():
    """Each event that begins a pipeline is that of one job."""
    begins = [rule["if"] for rule in GITLAB["workflow"]["rules"]]
    runs = [rule["if"] for job in JOBS.values() for rule in job["rules"]]
    assert len(begins) == len(runs) == len(JOBS)
    assert all(begin.startswith(when) for begin, when in zip(begins, runs))
    assert "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH" in begins[runs.index(JOBS["apply"]["rules"][0]["if"])]


def test_gitlab_keeps_the_plan_and_needs_no_right_to_write():
    assert JOBS["plan"]["artifacts"] == {"expose_as": "plan of the stack", "paths": ["plan.md"], "when": "always"}
    assert JOBS["apply"]["resource_group"] and "TOKEN" not in str(GITLAB)


def test_nothing_that_a_merge_request_writes_is_part_of_a_command_of_gitlab():
    commands = [
        line
        for part in (GITLAB["default"], *JOBS.values())
        for key in ("before_script", "script", "after_script")
        for line in part.get(key, ())
    ]
    assert len(commands) > len(JOBS) and not any("$" in line for line in commands)
