# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The example repository inventories/gitops as a team uses it, by the commands of its CI workflow."""

from __future__ import annotations

import json
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import pytest
import yaml
from conftest import KINDS, Player, Run, ansible
from integration.tls import identity
from lab.daemon import Daemon
from lab.tiny import files

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECRET = "correct horse battery staple"
COLLECTIONS = (
    "storage-pools",
    "networks",
    "projects",
    "profiles?all-projects=true",
    "instances?all-projects=true",
    "images?all-projects=true",
)


class Repository:
    """A copy of the example, and a server on which its image is there already, since tests reach no image server."""

    def __init__(self, folder: pathlib.Path, daemon: Daemon) -> None:
        self.folder, self.daemon, self.password = folder, daemon, folder.with_name("password")
        workflow = yaml.safe_load((ROOT / "inventories/gitops/.github/workflows/stack.yml").read_text())
        steps = {step.get("name"): step for job in workflow["jobs"].values() for step in job["steps"]}
        self.commands = {name: shlex.split(steps[name]["run"]) for name in ("Plan", "Apply", "Drift")}

    def checkout(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(ROOT / "inventories" / "gitops", self.folder)

    def run(self, step: str, *options: str, within: tuple[str, ...] = (), **variables: str) -> Run:
        program, *arguments = self.commands[step]
        assert program == "ansible-playbook"
        vault = ["--vault-password-file", str(self.password)] if self.password.exists() else []
        given = json.dumps({"stack_url": self.daemon.url, **variables})
        return ansible(*arguments, "-e", given, *vault, *options, folder=self.folder, within=within)

    def applied(self) -> None:
        """The documents as they are in the example, and the server as they say."""
        self.checkout()
        done = self.run("Apply", "-e", "stack_force=true")
        assert not done.failed, done.text

    def edit(self, document: str, before: str, after: str) -> None:
        path = self.folder / "stack" / document
        text = path.read_text()
        assert before in text
        path.write_text(text.replace(before, after))

    def encrypted(self, secret: str) -> str:
        """A value of db1's configuration as ansible-vault prints it, to be put into the document."""
        program = str(pathlib.Path(sys.executable).with_name("ansible-vault"))
        self.password.write_text("vault")
        command = [program, "encrypt_string", "--vault-password-file", str(self.password), secret]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")
        return "\n".join([lines[0], *(f"        {line.strip()}" for line in lines[1:] if line.strip())])

    def report(self, name: str) -> list[str]:
        """What the Markdown shows of the plan, line by line; and the JSON must have as many resources."""
        markdown = (self.folder / f"{name}.md").read_text()
        (server,) = json.loads((self.folder / f"{name}.json").read_text())["servers"].values()
        block = re.search(r"^(`{3,})diff\n(.*?)\n\1$", markdown, re.S | re.M)
        lines = block[2].splitlines() if block else []
        assert [line for line in lines if re.match(r"[-+!] \S", line)] == [
            f"{SIGNS[row['action']]} {words(row)}" for row in server["plan"]
        ]
        assert (server["summary"] in markdown) == bool(lines)
        return lines

    def dump(self) -> dict:
        """All that a stack may touch. The servers list users in no order."""
        listed = {
            path: self.daemon.query(f"/1.0/{path}{'&' if '?' in path else '?'}recursion=1") for path in COLLECTIONS
        }
        for objects in listed.values():
            for obj in objects or ():
                obj["used_by"] = sorted(obj.get("used_by") or ())
        return listed


#: What somebody who may write a description would put there to be read as a part of the plan.
BREAKOUT = "Mine\u2028+ project x\u202e ````\n```\n# All is well"

SIGNS = {"create": "+", "update": "!", "replace": "!", "delete": "-"}


def words(row: dict) -> str:
    return f"{row['kind']} {row['name']}" + (
        f" (project {row['project']})" if row["project"] not in (None, "default") else ""
    )


@pytest.fixture(scope="module", params=KINDS)
def repository(request, lab, tmp_path_factory):
    daemon = Daemon(request.param, lab)
    folder = tmp_path_factory.mktemp("gitops")
    try:
        daemon.start()
        assert not Player(folder).task("image", name="debian/12", url=daemon.url, **files()).failed
        yield Repository(folder / "repository", daemon)
    finally:
        daemon.stop()


def assert_cut(repository):
    """A report that is too long for a comment says what it leaves out, and another file has all of it."""
    whole = (repository.folder / "plan.md").read_text()
    assert not repository.run("Plan", stack_limit="1300").failed
    short = (repository.folder / "plan.md").read_text()
    assert len(short) < 1300 < len(whole) and "lines are left out here" in short and "`plan.full.md` has all" in short
    assert (repository.folder / "plan.full.md").read_text() == whole


def test_from_nothing_and_back(repository):
    repository.checkout()
    before = repository.dump()
    planned = repository.run("Plan")
    assert not planned.failed and planned.changed == 1, planned.text  # that something would change
    assert repository.dump() == before
    report = repository.report("plan")
    assert {'+     image: "debian/12"', '+     driver: "dir"'} <= set(report), report
    plan = [line for line in report if re.match(r"[-+!] \w", line)]
    assert sorted(plan) == [
        "! profile default (project shop)",
        "+ instance db1 (project shop)",
        "+ instance web1 (project shop)",
        "+ instance web2 (project shop)",
        "+ instance_snapshot db1/fresh (project shop)",
        "+ network shopbr0",
        "+ profile web (project shop)",
        "+ project shop",
        "+ storage_pool shop",
    ]
    assert re.search(r"\| localhost \| 8 \| 1 \| 0 \| 0 \| \d+ \| 0 \|", (repository.folder / "plan.md").read_text())

    assert_cut(repository)
    applied = repository.run("Apply")
    assert not applied.failed and applied.changed == 1, applied.text
    assert applied.plan == [line.replace("! ", "~ ", 1) for line in plan]
    (web1,) = [
        row for row in repository.daemon.query("/1.0/instances?recursion=2&project=shop") if row["name"] == "web1"
    ]
    assert web1["status"] == "Running" and web1["expanded_config"]["limits.memory"] == "256MiB"
    assert [address["family"] for address in web1["state"]["network"]["eth0"]["addresses"]].count("inet") == 1

    again = repository.run("Plan")
    assert again.changed == 0 and repository.report("plan") == [], again.text
    assert "No changes" in (repository.folder / "plan.md").read_text()
    drift = repository.run("Drift")
    assert not drift.failed and repository.report("drift") == [], drift.text

    assert not repository.run("Apply", "-e", "stack_state=absent stack_force=true").failed
    assert repository.dump() == before


def test_what_somebody_changes_by_hand_is_told_and_repaired(repository):
    repository.applied()
    repository.daemon.query(
        "/1.0/profiles/web?project=shop", "PATCH", {"config": {"limits.memory": "128MiB"}, "description": BREAKOUT}
    )
    repository.daemon.cli("stop", "--force", "--project=shop", "db1")
    repository.daemon.cli("delete", "--force", "--project=shop", "web2")
    drift = repository.run("Drift")
    assert drift.code == 2 and "is not as its documents say" in drift.text, drift.text
    assert repository.report("drift") == [
        "! profile web (project shop)",
        '-     config.limits.memory: "128MiB"',
        '+     config.limits.memory: "256MiB"',
        "!     description:",
        r"-       Mine\U00002028+ project x\U0000202e ````",
        "-       ```",
        "-       # All is well",
        "+       Machines that answer customers",
        "      it is used by instance web1",
        "+ instance web2 (project shop)",
        '+     image: "debian/12"',
        '+     type: "container"',
        '+     profiles: ["default", "web"]',
        "! instance db1 (project shop)",
        '-     status: "Stopped"',
        '+     status: "Running"',
    ]
    assert not repository.run("Apply").failed
    assert not repository.run("Drift").failed


def test_what_no_document_has_is_drift(repository):
    """The example of docs/gitops.md, command by command."""
    repository.applied()
    page = (ROOT / "docs" / "gitops.md").read_text(encoding="utf-8").partition("For example, somebody")[2]
    commands, shown = (re.search(rf"```{sort}\n(.*?)```", page, re.S)[1] for sort in ("sh", "diff"))
    for line in commands.splitlines():
        program, *arguments = shlex.split(line, comments=True)
        assert program == "lxc"
        repository.daemon.cli(*arguments)
    drift = repository.run("Drift")
    assert drift.code == 2 and "is not as its documents say" in drift.text, drift.text
    assert repository.report("drift") == shown.splitlines()
    assert re.search(r"\| localhost \| 0 \| 1 \| 0 \| 0 \| \d+ \| 1 \|", (repository.folder / "drift.md").read_text())
    assert not repository.run("Apply").failed
    (web1,) = [
        row for row in repository.daemon.query("/1.0/instances?recursion=1&project=shop") if row["name"] == "web1"
    ]
    assert web1["expanded_config"]["limits.memory"] == "256MiB" and web1["devices"] == {}
    drift = repository.run("Drift")
    assert drift.code == 2 and repository.report("drift") == shown.splitlines()[-2:], "what is unmanaged stays"
    repository.daemon.cli("delete", "stray", "--project", "shop")
    assert not repository.run("Drift").failed


def test_a_pull_request_shows_exactly_its_edit_and_no_secret(repository):
    repository.applied()
    before = repository.dump()
    first, second = (repository.encrypted(secret) for secret in (SECRET, SECRET[::-1]))
    repository.edit("40-profiles.yml", "limits.memory: 256MiB", "limits.memory: 384MiB")
    repository.edit(
        "60-instances.yml", "limits.memory: 512MiB", f"limits.memory: 512MiB\n      user.db_password: {first}"
    )
    web2 = "  - name: web2\n    project: shop\n    image: debian/12\n    profiles: [default, web]\n"
    repository.edit("60-instances.yml", web2, "")

    def planned() -> list[str]:
        run = repository.run("Plan", "--diff", "-v")
        assert not run.failed, run.text
        for text in (
            run.text,
            (repository.folder / "plan.md").read_text(),
            (repository.folder / "plan.json").read_text(),
        ):
            assert SECRET not in text and SECRET[::-1] not in text
        return repository.report("plan")

    assert planned() == [
        "! profile web (project shop)",
        '-     config.limits.memory: "256MiB"',
        '+     config.limits.memory: "384MiB"',
        "      it is used by instances web1, web2",
        "! instance db1 (project shop)",
        '+     config.user.db_password: "********"',
        "- instance web2 (project shop)",
        "-     it is running, and its root file system in the storage pool shop is lost",
    ]
    assert repository.dump() == before
    assert not repository.run("Apply", "-e", "stack_force=true").failed
    assert repository.daemon.query("/1.0/instances/db1?project=shop")["config"]["user.db_password"] == SECRET
    repository.edit("60-instances.yml", first, second)
    plan = planned()
    assert plan[0] == "! instance db1 (project shop)" and len(plan) == 3, plan


def test_a_mistake_is_told_with_its_line_and_nothing_is_changed(repository):
    repository.applied()
    before = repository.dump()
    repository.edit("60-instances.yml", "wait_for: [ipv4]", "wait_fro: [ipv4]")
    for step, report in (("Plan", "plan.md"), ("Drift", "drift.md")):
        refused = repository.run(step)
        assert refused.failed, refused.text
        told = (repository.folder / report).read_text()
        assert re.search(
            r"^stack/60-instances.yml:\d+: .*wait_fro: there is no such key. Did you mean 'wait_for'\?", told, re.M
        ), told
        assert refused.text.count("there is no such key") == 1, refused.text
    refused = repository.run("Apply")
    assert refused.failed and refused.text.count("there is no such key") == 1, refused.text
    assert repository.dump() == before


def test_a_server_that_is_not_there_is_in_the_report_beside_those_that_are(repository, silent):
    repository.applied()
    hosts = repository.folder / "hosts.yml"
    (repository.folder / "host_vars").mkdir()
    for name, variables in {
        "away": {"stack_socket": "unix:///nowhere/unix.socket"},
        "silent": {"stack_socket": silent, "stack_timeout": 1},
    }.items():
        hosts.write_text(
            hosts.read_text()
            + f"    {name}:\n      ansible_connection: local\n      ansible_python_interpreter: /usr/bin/python3\n"
        )
        (repository.folder / "host_vars" / f"{name}.yml").write_text(yaml.safe_dump(variables))
    own = "{{ stack_socket | default('" + repository.daemon.url + "') }}"
    drift = repository.run("Drift", stack_url=own, stack_markdown="told.md", stack_json="reports.json")
    told = (repository.folder / "told.md").read_text()
    assert drift.code == 2 and re.search(r"### away\n\nNo plan could be made:\n\n```text\n.*nowhere", told), drift.text
    assert re.search(r"### silent\n\nNo plan could be made:\n\n```text\nThe timeout of 1 s is over", told), told
    assert "### localhost\n\nNo drift." in told
    servers = json.loads((repository.folder / "reports.json").read_text())["servers"]
    assert {name: (server["plan"], bool(server["error"])) for name, server in servers.items()} == {
        "localhost": ([], False),
        "away": (None, True),
        "silent": (None, True),
    }
    assert not (repository.folder / "drift.md").exists() and not (repository.folder / "drift.json").exists()


def test_what_is_there_already_is_adopted_once(repository):
    """What differs is an error without stack_adopt; with it that is changed, and all that the documents name is marked,
    here the image too.
    """
    repository.applied()
    profile, mark = "/1.0/profiles/web?project=shop", "user.cloudhost.stack"
    written = repository.daemon.query(profile)
    assert written["config"].pop(mark) == "shop"
    repository.daemon.query(
        profile, "PUT", {"config": written["config"], "devices": written["devices"], "description": "Mine"}
    )
    refused = repository.run("Apply")
    assert refused.failed and re.search(
        r"profile web .* is there already, belongs to no stack, and differs in description", refused.text
    ), refused.text
    assert repository.daemon.query(profile)["description"] == "Mine"
    assert sorted(repository.run("Apply", "-e", "stack_adopt=true").plan) == [
        "~ image debian/12",
        "~ profile web (project shop)",
    ]
    adopted = repository.daemon.query(profile)
    assert (adopted["config"][mark], adopted["description"]) == ("shop", written["description"])


@pytest.mark.parametrize("pinned", ["stack_server_fingerprint", "stack_server_cert"])
def test_a_server_that_is_reached_over_tls(repository, tmp_path, pinned):
    """As from a CI system, with the variables for it: by one server pinned in two ways, and by no other."""
    repository.applied()
    client, daemon = identity(tmp_path, "ci"), repository.daemon
    daemon.cli("config", "set", "core.https_address", "127.0.0.1:18449")
    daemon.cli("config", "trust", "add" if daemon.kind == "lxd" else "add-certificate", client.cert)
    try:
        right = {
            "stack_server_fingerprint": daemon.query("/1.0")["environment"]["certificate_fingerprint"],
            "stack_server_cert": str(daemon.folder / "server.crt"),
        }
        wrong = {"stack_server_fingerprint": client.fingerprint, "stack_server_cert": client.cert}
        over = {
            "stack_url": "https://127.0.0.1:18449",
            "stack_client_cert": client.cert,
            "stack_client_key": client.key,
        }
        within = ("nsenter", "--net", f"--target={daemon.keeper.pid}")
        assert repository.run("Plan", within=within, **over, **{pinned: right[pinned]}).changed == 0
        assert "No changes" in (repository.folder / "plan.md").read_text()
        refused = repository.run("Plan", within=within, **over, **{pinned: wrong[pinned]})
        assert refused.code == 2 and "certificate" in (repository.folder / "plan.md").read_text(), refused.text
    finally:
        daemon.cli("config", "unset", "core.https_address")
        daemon.cli("config", "trust", "remove", client.fingerprint)
