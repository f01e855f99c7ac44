# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules as Ansible runs them: results, diffs, error words, and secrets that stay where they are."""

from __future__ import annotations

import os

import pytest
import yaml
from ansible.module_utils import basic
from ansible_collections.cloudhost.lxd.tests.unit.fake_server import FakeServer, error
from ansible_collections.cloudhost.lxd.tests.unit.memory import Memory
from ansible_collections.cloudhost.lxd.tests.unit.running import run_module, run_text

SECRET = "hunter22-hunter22"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith(("LXD_", "INCUS_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def daemon(folder):
    server = FakeServer(os.path.join(folder, "unix.socket"), Memory())
    yield server
    server.close()
    assert server.complaints == []


@pytest.fixture
def logged(monkeypatch):
    """What would go to syslog or the journal."""
    lines = []
    monkeypatch.setattr(basic, "has_journal", False)
    monkeypatch.setattr(basic.AnsibleModule, "_log_to_syslog", lambda self, message: lines.append(message))
    return lines


def writes(server):
    return [line for line in server.lines if not line.startswith("GET ")]


def test_a_profile_from_nothing_to_nothing(daemon):
    arguments = {
        "url": daemon.url,
        "name": "web",
        "config": {"limits.cpu": 2, "security.nesting": True},
        "description": "d",
    }
    predicted = run_module("profile", check=True, **arguments)
    assert writes(daemon) == []
    done = run_module("profile", **arguments)
    assert writes(daemon) == ["POST /1.0/profiles"]
    assert {key: predicted[key] for key in ("changed", "actions", "diff")} == {
        key: done[key] for key in ("changed", "actions", "diff")
    }
    assert (done["changed"], done["actions"]) == (True, ["create profile web"])
    assert done["profile"]["config"] == {"limits.cpu": "2", "security.nesting": "true"}
    assert done["diff"]["before"] == "" and done["diff"]["before_header"] == "profile web"
    after = {"config": {"limits.cpu": "2", "security.nesting": "true"}, "description": "d", "name": "web"}
    assert yaml.safe_load(done["diff"]["after"]) == after
    again = run_module("profile", **arguments)
    assert (again["changed"], again["actions"], again["diff"]["after"]) == (False, [], "")
    gone = run_module("profile", url=daemon.url, name="web", state="absent")
    assert (gone["changed"], gone["profile"], daemon.memory.objects.keys()) == (True, None, {"/1.0"})


def test_secrets_are_masked_wherever_they_show(daemon, logged):
    daemon.memory.put("/1.0/profiles/web", config={"user.password": "old-" + SECRET, "limits.cpu": "1"})
    text = run_text("profile", url=daemon.url, name="web", config={"user.password": SECRET, "limits.cpu": 2})
    assert daemon.memory.objects["/1.0/profiles/web"]["config"]["user.password"] == SECRET
    assert SECRET not in text
    assert "user.password" in text and "(changed)" in text
    assert SECRET not in "".join(logged)


def test_nothing_of_the_invocation_is_logged(daemon, logged):
    """The controller passes _ansible_no_log: false on every run, which must not switch logging on."""
    run_module("profile", url=daemon.url, name="web", config={"cloud-init.user-data": "a text with a password in it"})
    assert "a text with a password" not in "".join(logged)


@pytest.mark.parametrize("wrong", [{"nmae": "x"}, {"state": "sideways"}, {"purge_config": "perhaps"}, {"name": None}])
def test_secrets_stay_masked_when_the_arguments_are_wrong(daemon, logged, wrong):
    text = run_text("profile", **{"url": daemon.url, "name": "web", "config": {"user.password": SECRET}, **wrong})
    assert '"failed": true' in text
    assert SECRET not in text and SECRET not in "".join(logged)


def test_a_secret_written_as_a_number_is_masked(daemon, logged):
    text = run_text("profile", url=daemon.url, name="web", config={"user.password": 918273645})
    assert daemon.memory.objects["/1.0/profiles/web"]["config"]["user.password"] == "918273645"
    assert "918273645" not in text


def test_the_token_and_the_key_are_never_shown(daemon, logged):
    text = run_text(
        "profile",
        url="https://127.0.0.1:1",
        name="x",
        timeout=1,
        trust_token=SECRET,
        client_cert="/none",
        client_key="/" + SECRET,
    )
    assert '"failed": true' in text
    assert SECRET not in text and SECRET not in "".join(logged)


@pytest.mark.parametrize(
    ("module", "arguments", "words"),
    [
        ("profile", {"nmae": "x", "name": "x"}, "Unsupported parameters for (profile) module: nmae"),
        ("profile", {"nmae": "x"}, "nmae: there is no such option. Did you mean 'name'? missing required arguments"),
        ("profile", {"name": "x", "zzz": 1}, "zzz: there is no such option. Unsupported parameters for (profile)"),
        ("profile", {"name": "x", "limits.cpu": 1}, "limits.cpu: there is no such option. A key of the server belongs"),
        ("profile", {"name": "x", "eth0": {"type": "nic"}}, "eth0: there is no such option. A device belongs into dev"),
        (
            "cluster",
            {"server_name": "x", "member_config": [{"entity": "network", "nam": "x", "key": "k", "value": "v"}]},
            "member_config.nam: there is no such option. Did you mean 'name'?",
        ),
        ("profile", {}, "missing required arguments: name"),
        ("profile", {"name": "x", "timeout": 0}, "timeout: 0 is too short"),
        ("profile", {"name": "a/b"}, "name: 'a/b' is not a valid name for a profile"),
        ("profile", {"name": "x", "config": {"limits.memory": "lots"}}, "config.limits.memory: 'lots' is not a size"),
        ("profile", {"name": "x", "url": "https://host:port"}, "url 'https://host:port' is not understood"),
        ("profile", {"name": "x", "url": "unix://x"}, "a socket needs an absolute path"),
        ("network", {"name": "x"}, "2 to 15 letters"),
        ("storage_pool", {"name": "x", "driver": "btrsf"}, "Did you mean 'btrfs'?"),
        (
            "instance",
            {"name": "x", "image": "a", "source": {"type": "none"}},
            "parameters are mutually exclusive: image|source",
        ),
        ("resource_info", {"kind": "network_peer"}, "parent: kind 'network_peer' needs the name"),
        ("resource_info", {"kind": "nothing"}, "value of kind must be one of"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_refusals(daemon, module, arguments, words, check):
    result = run_module(module, check, **{"url": daemon.url, **arguments})
    assert result.get("failed") is True
    assert words in result["msg"]
    assert writes(daemon) == []


@pytest.mark.parametrize(
    ("module", "words"), [("storage_pool", "'driver' is needed to create it"), ("instance", "say what to make it from")]
)
def test_what_an_earlier_task_could_create_is_a_warning_in_check_mode(daemon, module, words):
    real = run_module(module, False, url=daemon.url, name="x")
    assert real["failed"] and words in real["msg"]
    foreseen = run_module(module, True, url=daemon.url, name="x")
    assert foreseen["changed"] is True
    assert writes(daemon) == []


def test_no_socket(folder):
    result = run_module("profile", url=f"unix://{folder}/none/unix.socket", name="x")
    assert result["failed"] is True
    assert (
        result["msg"]
        == f"unix://{folder}/none/unix.socket: there is no such socket. Is the daemon installed and running on this "
        "host, and is 'url' right?"
    )


def test_the_url_comes_from_the_environment(daemon, monkeypatch):
    monkeypatch.setenv("LXD_URL", daemon.url + "/")
    assert run_module("server_info")["server"]["auth"] == "trusted"
    assert daemon.lines == ["GET /1.0"]


def test_the_servers_words_and_code_reach_the_user(daemon):
    daemon.on("POST /1.0/profiles", error(403, "Project is full"))
    result = run_module("profile", url=daemon.url, name="web")
    assert result["failed"] is True
    assert result["msg"] == f"Failed to create profile web on {daemon.url}: Project is full."


def test_facts_are_masked_too(daemon):
    daemon.memory.objects["/1.0"]["config"] = {"core.trust_password": SECRET}
    result = run_module("server_info", url=daemon.url)
    assert result["changed"] is False
    assert SECRET not in str(result)


@pytest.mark.parametrize("module", ["profile", "project", "network"])
def test_one_converged_call_is_one_request(daemon, module):
    daemon.memory.put(f"/1.0/{module}s/thing", description="d")
    assert run_module(module, url=daemon.url, name="thing", description="d")["changed"] is False
    assert len(daemon.requests) == 1


def test_an_error_tells_what_was_done_before_it(daemon):
    """The rename was done, the update refused: the task failed and changed something."""
    daemon.memory.put("/1.0/profiles/web", config={"a": "1"})
    daemon.on("PUT /1.0/profiles/db", error(400, "Invalid config"))
    result = run_module("profile", url=daemon.url, name="web", new_name="db", config={"a": "2"})
    assert (result["failed"], result["changed"], result["actions"]) == (True, True, ["rename profile web to db"])


@pytest.mark.parametrize(("code", "words"), [(400, "Invalid config: nothing is right"), (403, "not authorized")])
def test_a_refusal_of_the_server_is_returned_as_data(daemon, code, words):
    daemon.on("POST /1.0/profiles", error(code, words))
    result = run_module("profile", url=daemon.url, name="web")
    assert (result["failed"], result["code"]) == (True, code)
    assert result["failure"] == {"code": code, "server_message": words, "retryable": False}


def test_an_error_of_the_task_is_returned_as_data(daemon):
    result = run_module("profile", url=daemon.url, name="a/b")
    assert (result["failed"], result["failure"]) == (True, {"code": 0, "server_message": None, "retryable": False})


def test_a_failure_that_may_pass_is_retryable(folder):
    result = run_module("profile", url=f"unix://{folder}/none.socket", name="web", timeout=1)
    assert (result["failed"], result["failure"]) == (True, {"code": 0, "server_message": None, "retryable": True})


def test_an_address_that_is_left_out_is_a_warning(daemon, monkeypatch):
    """The task goes on with the others, whether url is a list or text."""
    warned = []  # where another test has imported Ansible's controller, no result has the warnings
    monkeypatch.setattr(basic.AnsibleModule, "warn", lambda _self, words, **_rest: warned.append(words))
    nowhere = "unix:///nowhere/at/all/unix.socket"
    for url in ([nowhere, daemon.url], f"{nowhere}, {daemon.url}"):
        run_module("profile", url=url, name="web", config={"limits.cpu": 2})
        assert f"One of the addresses in url is not used: {nowhere}" in warned.pop()
    assert writes(daemon) == ["POST /1.0/profiles"]
