# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules that run in Ansible's worker: the same is shown as by a process, and what is unusual gets a process."""

from __future__ import annotations

import json
import os
import pathlib
import runpy
import sys
import time

import pytest
import yaml
from ansible import constants as C
from ansible.module_utils import basic
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import become_loader, connection_loader
from ansible.template import Templar, trust_as_template
from ansible_collections.cloudhost.lxd.plugins.action import direct, stack
from ansible_collections.cloudhost.lxd.tests.lab.both import play, processes, shown
from ansible_collections.cloudhost.lxd.tests.unit.fake_server import FakeServer, error, sync
from ansible_collections.cloudhost.lxd.tests.unit.memory import Memory

MODULES = pathlib.Path(direct.__file__).parents[1] / "modules"
PLAYBOOK = pathlib.Path(__file__).with_name("direct.yml")
SECRET = "hunter22-hunter22"


@pytest.fixture
def daemon(folder):
    server = FakeServer(os.path.join(folder, "unix.socket"), Memory())
    server.memory.put("/1.0/projects/jinja", description="{{ 1 + 1 }} {% if")
    server.on(
        "GET /1.0/profiles/stubborn", sync({"name": "stubborn", "description": "mine", "config": {}, "devices": {}})
    )
    server.on("PUT /1.0/profiles/stubborn", sync({}))
    server.on("GET /1.0/profiles", sync([]))
    for name, answer in (
        ("full", error(403, "Project is full")),
        ("broken", sync("no object")),
        ("slow", sync({}, silent=True)),
    ):
        server.on(f"GET /1.0/profiles/{name}", answer)
    yield server
    server.close()


def ran(daemon, direct):
    """What is printed, what a user sees of it, and what the server was asked."""
    begun = len(daemon.requests)
    variables = ["-e", json.dumps({"password": SECRET, "url": daemon.url}), "-i", "far,"]
    output = play(PLAYBOOK, direct, *variables, LXD_URL="unix:///not/there").stdout
    # A request for /slow comes after a second or never.
    new = [request for request in daemon.requests[begun:] if not request.path.endswith("/slow")]
    asked = [(request.line, request.query, request.body) for request in new]
    return output, shown(output), asked


def test_every_module_goes_both_ways():
    """Here are those whose examples need a cluster; those of the others are in tests/integration/test_examples.py."""
    tasks = {
        key for play in yaml.safe_load(PLAYBOOK.read_text(encoding="utf-8")) for task in play["tasks"] for key in task
    }
    assert {f"cloudhost.lxd.{path.stem}" for path in MODULES.glob("cluster*.py")} <= tasks


def test_every_module_is_routed():
    """But the stack, which has an action plugin of its own."""
    runtime = yaml.safe_load((MODULES.parents[1] / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    routed = {
        name
        for name, routing in runtime["plugin_routing"]["modules"].items()
        if routing == {"action_plugin": "cloudhost.lxd.direct"}
    }
    assert routed == {path.stem for path in MODULES.glob("*.py")} - {"stack"}
    assert issubclass(stack.ActionModule, direct.Direct)


def test_nobody_sees_which_way_it_went(daemon):
    before = {path: dict(obj) for path, obj in daemon.memory.objects.items()}
    here, seen_here, asked_here = ran(daemon, True)
    daemon.memory.objects = before
    there, seen_there, asked_there = ran(daemon, False)
    assert seen_here == seen_there
    assert asked_here == asked_there
    assert processes(here) == ["it is asynchronous, or more is wanted of it"]
    assert set(processes(there)) == {"'direct' is off"} and len(processes(there)) > 20
    text = "\n".join(seen_here)
    assert SECRET not in here and SECRET not in there
    assert text.count("failed=0") == 2  # every task was reached
    assert '"msg": "{{ 1 + 1 }} {% if"' in text
    reached = [
        "the server keeps description as",
        "Unsupported parameters for",
        "Project is full",
        "Timed out after 1 second",
        "tulip-tulip",
    ]
    for words in (*reached, "timeout: 0 is too short", "there is no such socket"):
        assert words in text, words


# -- in this process --------------------------------------------------------------------------------------------------


def action(
    monkeypatch,
    module="profile",
    arguments=None,
    connection="local",
    become=None,
    executable="/bin/sh",
    plugin=direct.ActionModule,
    **keywords,
):
    """The action of a task, as Ansible makes it."""
    monkeypatch.setattr(direct.Direct, "_found", lambda self, name: name)  # needs Ansible's own importer
    task = Task()
    task.action, task.args = f"cloudhost.lxd.{module}", arguments or {}
    for name, value in {
        "async_val": 0,
        "check_mode": False,
        "diff": True,
        "environment": [],
        "no_log": False,
        "timeout": 0,
        **keywords,
    }.items():
        setattr(task, name, value)
    context = PlayContext()
    context._executable = executable
    loader = DataLoader()
    loader.set_basedir(str(PLAYBOOK.parent))
    link = connection_loader.get(connection, context, None)
    link._shell.set_options()
    if become:
        link.become = become_loader.get("sudo")
        link.become.set_options(direct={"become_user": become})
    return plugin(task, link, context, loader, Templar(loader), None)


def hindrance(made, variables=None, arguments=None, **more):
    variables = {"ansible_python_interpreter": sys.executable, **(variables or {})}
    if made._task.delegate_to:
        variables = {"ansible_delegated_vars": {made._task.delegate_to: variables}}
    return made._hindrance(made._task.action, arguments or {}, variables, more)


class Threaded(direct.ActionModule):
    _threads = True


@pytest.mark.parametrize(
    ("task", "variables", "words"),
    [
        ({}, {}, ""),
        ({}, {"ansible_lxd_direct": False}, "'direct' is off"),
        ({}, {"ansible_lxd_direct": "no"}, "'direct' is off"),
        ({}, {"ansible_lxd_direct": True}, ""),
        ({"connection": "ssh"}, {}, "the connection is not local"),
        ({"async_val": 5}, {}, "it is asynchronous"),
        ({"timeout": 5}, {}, ""),
        ({"timeout": 5, "plugin": Threaded}, {}, "it works in threads"),
        ({"plugin": Threaded}, {}, ""),
        ({"executable": "/bin/bash"}, {}, "a shell of its own"),
        ({"become": "nobody"}, {}, "another user"),
        ({"become": "ME"}, {}, ""),
        ({}, {"ansible_python_interpreter": "auto_silent"}, ""),
        ({}, {"ansible_python_interpreter": "/usr/bin/python4"}, "/usr/bin/python4 is wanted"),
        ({}, {"ansible_python_interpreter": "/usr/bin/env python3"}, "is wanted"),
        ({}, {"ansible_python_interpreter": os.path.realpath(sys.executable)}, ""),  # outside of a virtual environment
        ({}, {"ansible_python_interpreter": trust_as_template(f"{{{{ '{sys.executable}' }}}}")}, ""),
        ({}, {"ansible_lxd_direct": trust_as_template("{{ 1 == 2 }}")}, "'direct' is off"),
        ({"delegate_to": "here"}, {}, ""),
        ({"delegate_to": "here"}, {"ansible_python_interpreter": "/usr/bin/python4"}, "is wanted"),
        ({"environment": [{"LXD_PROJECT": "p", "INCUS_DIR": 3}]}, {}, ""),
        (
            {"environment": [{"LXD_PROJECT": "p"}, {"PATH": "/bin", "LXD_url": "x"}]},
            {},
            "its environment has LXD_url, PATH",
        ),
    ],
)
def test_what_is_unusual_gets_a_process(monkeypatch, task, variables, words):
    made = action(monkeypatch, **{**task, **({"become": made_by()} if task.get("become") == "ME" else {})})
    said = hindrance(made, variables)
    assert words in said and bool(words) == bool(said)


def made_by():
    """The name of the user who runs this."""
    return connection_loader.get("local", PlayContext(), None).default_user


def test_a_process_where_more_is_wanted_or_nothing_is_known(monkeypatch):
    made = action(monkeypatch)
    assert (
        hindrance(made, wrap_async=True)
        and hindrance(made, ignore_unknown_opts=True)
        and not hindrance(made, persist_files=False)
    )
    assert hindrance(made, arguments={"_ansible_mood": "sunny"}) == "nothing is known of _ansible_mood"
    assert not hindrance(made, arguments={"_documents": []})
    monkeypatch.setattr(direct.Direct, "_found", lambda self, name: "ansible.builtin.ping")
    assert hindrance(made) == "it is not of this collection"
    monkeypatch.setattr(direct, "__version__", "2.99.0")
    assert hindrance(made) == "ansible-core 2.99.0 is not known"


def test_of_another_core_nothing_is_needed(monkeypatch):
    monkeypatch.setattr("ansible.release.__version__", "2.99.0")
    names = runpy.run_path(direct.__file__)
    names["load"]()
    assert "_loader" not in names and "_loader" in vars(direct)


def test_files_that_are_kept_and_the_same_user_by_all_means(monkeypatch):
    made = action(monkeypatch, become=made_by())
    monkeypatch.setattr(C, "BECOME_ALLOW_SAME_USER", True)
    assert hindrance(made) == "it becomes another user"
    monkeypatch.setattr(C, "DEFAULT_KEEP_REMOTE_FILES", True)
    assert hindrance(made) == "its files are to be kept"


def test_the_environment_and_the_configuration_turn_it_off(monkeypatch, tmp_path):
    made = action(monkeypatch)
    monkeypatch.setenv("LXD_DIRECT", "0")
    assert hindrance(made) == "'direct' is off"
    assert hindrance(made, {"ansible_lxd_direct": True}) == ""  # the variable is nearer
    monkeypatch.delenv("LXD_DIRECT")
    path = tmp_path / "ansible.cfg"
    path.write_text("[lxd_modules]\ndirect = false\n")
    monkeypatch.setattr(C.config, "_config_file", str(path))
    C.config._parse_config_file(str(path))
    assert hindrance(made) == "'direct' is off"


def test_what_goes_wrong_while_looking_is_left_to_the_process(monkeypatch):
    made = action(monkeypatch, environment=["no dictionary"])
    ordinary = []
    monkeypatch.setattr(
        direct.Normal, "_execute_module", lambda self, **given: ordinary.append(given) or {"changed": False}
    )
    assert made._execute_module(task_vars={"ansible_python_interpreter": sys.executable}) == {"changed": False}
    assert len(ordinary) == 1


def state():
    """What one task could leave to the next."""
    arguments = [getattr(basic, name) for name in ("_ANSIBLE_ARGS", "_ANSIBLE_PROFILE", "_PARSED_MODULE_ARGS")]
    return dict(os.environ), os.getcwd(), os.listdir("/proc/self/fd"), sys.stdout, sys.stderr, arguments


@pytest.mark.parametrize(
    ("module", "arguments"),
    [("profile", {"name": "new"}), ("profile", {"name": "full"}), ("profile", {"name": "broken"}), ("profile", {})],
)
def test_a_task_leaves_nothing_behind(daemon, monkeypatch, module, arguments):
    for name in [name for name in os.environ if name.startswith(("LXD_", "INCUS_"))]:
        monkeypatch.delenv(name)
    given = {**arguments, "config": {"user.password": SECRET}}
    made = action(monkeypatch, "profile", given, environment=[{"LXD_URL": daemon.url}])
    before = state()
    result = made._execute_module(task_vars={"ansible_python_interpreter": sys.executable})
    end = time.monotonic() + 5
    while state() != before and time.monotonic() < end:
        time.sleep(0.01)  # the server, which is in this process too, closes its end of the connection a moment later
    assert state() == before
    assert made._task.args == given
    assert SECRET not in json.dumps(result, default=str)
    assert bool(result.get("failed")) == (arguments.get("name") != "new")
    assert bool(daemon.requests) == bool(arguments)


def test_relative_paths_are_those_of_the_playbook(daemon, monkeypatch):
    made = action(monkeypatch, "image", {"name": "i", "file": "none/direct.yml", "url": daemon.url})
    assert (
        "'none/direct.yml' is not a file"
        in made._execute_module(task_vars={"ansible_python_interpreter": sys.executable})["msg"]
    )
    made = action(monkeypatch, "image", {"name": "i", "file": "direct.yml", "state": "absent", "url": daemon.url})
    assert "is not a file" not in str(
        made._execute_module(task_vars={"ansible_python_interpreter": sys.executable}).get("msg")
    )
