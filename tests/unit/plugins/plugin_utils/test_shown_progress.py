# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The progress of a task on the controller: what is shown of it, when, and to whom."""

from __future__ import annotations

import json
import os
import pathlib
import re
import types

import pytest
from ansible import constants as C
from ansible_collections.cloudhost.lxd.plugins.plugin_utils import _progress
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._progress import Watch, is_wanted
from ansible_collections.cloudhost.lxd.tests.unit.clock import Clock


def snapshot(now=(), line=None, done=0, more=0, **other):
    told = {"done": done, "total": 10, "now": now, "more": more, **({"line": line} if line else {}), **other}
    return json.dumps(told)


class Run:
    """A task of so many seconds, which has written those lines at those moments. A look takes some time, too."""

    def __init__(self, monkeypatch, seconds, written, look=0.1, every=2.0):
        self.clock = clock = Clock()
        self.shown, self.looks = [], []
        monkeypatch.setattr(_progress, "time", clock)
        left = sorted(written.items())

        def ended(wait):
            clock.sleep(max(0.0, min(wait, seconds - clock.passed)))
            return clock.passed >= seconds

        def looked():
            clock.sleep(look)
            self.looks.append(clock.passed)
            found = [line for moment, line in left if moment <= clock.passed]
            del left[: len(found)]
            return found

        def show(text, color):
            self.shown.append((clock.passed, text))

        self.watch = Watch("[h] stack shop", looked, every, show)
        self.watch._over = types.SimpleNamespace(wait=ended, set=lambda: None)
        self.watch._thread = types.SimpleNamespace(start=self.watch._run, join=lambda seconds: None)
        with self.watch:
            pass

    @property
    def texts(self):
        return [text for _moment, text in self.shown]

    def silence(self):
        """The most seconds without a line, also before the first and after the last."""
        moments = [0.0, *(moment for moment, _text in self.shown), self.clock.passed]
        return max(later - earlier for earlier, later in zip(moments, moments[1:]))


WAITING = snapshot([["instance web2", "create, unpack 45%", 3.0], ["instance web3", "", 0.5]], more=2, done=3)


def test_what_is_waited_for_and_for_how_long(monkeypatch):
    run = Run(monkeypatch, 20, {0.1: json.dumps({**json.loads(WAITING), "total": None}), 7: WAITING})
    waits = (
        "[h] stack shop: 3 of 10, waiting for instance web2 (create, unpack 45%, {} s), instance web3 ({} s) and 2 more"
    )
    assert run.texts == [
        "[h] stack shop: planning, 4 s",
        waits.format(4, 1),
        waits.format(8, 6),
        waits.format(13, 10),
    ]


@pytest.mark.parametrize("written", [{}, {1: WAITING}, {1: snapshot()}, {n: snapshot(line=f"{n}") for n in (2, 9, 30)}])
@pytest.mark.parametrize(("look", "every"), [(0.0, 0.5), (0.1, 2.0), (0.4, 2.0), (2.0, 2.0)])
def test_no_silence_over_five_seconds(monkeypatch, written, look, every):
    run = Run(monkeypatch, 60, written, look, every)
    assert run.silence() <= (5 if look < 1 else 4.5 + look), run.shown


def test_slow_looks_are_rare(monkeypatch):
    assert len(Run(monkeypatch, 60, {}, look=0.1).looks) == 29
    assert len(Run(monkeypatch, 60, {}, look=1.5).looks) == 4


def test_each_line_is_shown_once_and_at_the_end_what_no_look_has_seen(monkeypatch):
    run = Run(monkeypatch, 6, {0.5: snapshot(line="one"), 0.6: snapshot(line="two"), 5.9: snapshot(line="three")})
    run.watch.finish([["one", False], ["two", True], ["three", False], ["four", True]])
    assert run.texts == [f"[h] stack shop: {word}" for word in ("one", "two", "three", "four")]
    assert [round(moment) for moment, _text in run.shown] == [2, 2, 6, 6]


def test_a_short_task_is_not_looked_at(monkeypatch):
    run = Run(monkeypatch, 1.9, {0.1: snapshot(line="one")})
    run.watch.finish([["one", False]])
    assert run.looks == [] and run.texts == ["[h] stack shop: one"]


@pytest.mark.parametrize(
    "line",
    [
        "Welcome to this host",
        "[]",
        '"done"',
        "{}",
        "null",
        '{"done": 1, "total": 2}',
        snapshot([["only a title"]]),
        snapshot(["x"]),
        snapshot(7),
    ],
)
def test_what_is_no_snapshot_is_not_shown(monkeypatch, line):
    run = Run(monkeypatch, 6, {1: line})
    run.watch.finish(None)
    run.watch.finish([[1], 7, None])
    assert len(run.shown) == 1 and "only a title" not in run.texts[0] and "Welcome" not in run.texts[0]


def test_what_a_terminal_would_interpret_is_not_shown(monkeypatch):
    run = Run(monkeypatch, 6, {1: snapshot(line="\x1b[2J\r\nok: [other]" + 999 * "x")})
    assert run.texts[0].startswith("[h] stack shop: \\U0000001b[2J\\U0000000d\\U0000000aok: [other]xxx")
    assert len(run.texts[0]) < 450


def test_the_lines_go_on_where_nothing_can_be_read(monkeypatch):
    clock = Clock()
    shown = []
    monkeypatch.setattr(_progress, "time", clock)

    def broken():
        raise OSError("no connection")

    watch = Watch("[h] stack", broken, 2.0, lambda text, color: shown.append(text))

    def ended(wait):
        clock.sleep(min(wait, 10 - clock.passed))
        return clock.passed >= 10

    watch._over = types.SimpleNamespace(wait=ended)
    watch._begin = watch._told = watch._seen = clock.monotonic()
    watch._run()
    assert shown == ["[h] stack: waiting for the module, 4 s", "[h] stack: waiting for the module, 9 s"]


@pytest.mark.parametrize(
    ("wanted", "callback", "task", "shown"),
    [
        ("auto", "default", {}, True),
        ("auto", "ansible.posix.jsonl", {}, False),
        ("auto", "ansible.posix.json", {}, False),
        ("auto", "community.general.yaml", {}, True),
        ("always", "ansible.posix.json", {}, True),
        ("never", "default", {}, False),
        ("always", "default", {"check_mode": True}, False),
        ("always", "default", {"no_log": True}, False),
    ],
)
def test_to_whom_it_is_shown(monkeypatch, wanted, callback, task, shown):
    monkeypatch.setattr(C, "DEFAULT_STDOUT_CALLBACK", callback)
    action = types.SimpleNamespace(_task=types.SimpleNamespace(**{"check_mode": False, "no_log": False, **task}))
    assert is_wanted(action, wanted) is shown


# -- the file ---------------------------------------------------------------------------------------------------------


class Action:
    """What a look needs of an action. Commands run here."""

    def __init__(self, become=None, become_user="root"):
        shell = types.SimpleNamespace(join_path=os.path.join)
        self._connection = types.SimpleNamespace(become=become, _shell=shell)
        self._become_user = become_user
        self.sudoable = []

    def get_shell_option(self, name):
        return {"system_tmpdirs": ["/var/tmp", "/tmp"]}[name]

    def get_become_option(self, name):
        return self._become_user

    def _low_level_execute_command(self, command, sudoable):
        self.sudoable.append(sudoable)
        with os.popen(command) as stream:
            return {"stdout": stream.read()}


def test_nobody_can_guess_the_file_and_each_line_names_the_host():
    path, shown = _progress.watch(Action(), {"inventory_hostname": "server1"}, "stack shop")
    assert re.fullmatch(r"/tmp/\.cloudhost-lxd-[0-9a-f]{32}", path)
    assert _progress.watch(Action(), {}, "stack shop")[0] != path
    assert shown.title == "[server1] stack shop" and shown.every == _progress.FAR


@pytest.mark.parametrize("near", [True, False])
def test_a_look_has_what_is_new_and_complete(tmp_path: pathlib.Path, near):
    path = tmp_path / "it is"
    look = _progress._Look(Action(), str(path), near)
    assert look() == []
    path.write_text('{"a": 1}\n{"b": 2}\n{"c"')
    assert look() == ['{"a": 1}', '{"b": 2}'] and look() == []
    with path.open("a") as stream:
        stream.write(': 3}\n{"d": 4}\n')
    assert look() == ['{"c": 3}', '{"d": 4}']


@pytest.mark.parametrize("near", [True, False])
def test_what_another_puts_in_its_place_is_not_read(tmp_path: pathlib.Path, near):
    (tmp_path / "secret").write_text('{"a": 1}\n')
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "pipe")  # to open it would take until somebody writes
    for name in ("link", "pipe"):
        assert _progress._Look(Action(), str(tmp_path / name), near)() == []


@pytest.mark.parametrize(
    ("become", "user", "sudoable"),
    [
        (None, None, False),
        ("sudo", "root", False),
        ("ansible.builtin.sudo", "root", False),
        ("sudo", "lxd-admin", True),
        ("ansible.builtin.su", "root", True),
    ],
)
def test_as_whom_the_file_is_read(tmp_path: pathlib.Path, become, user, sudoable):
    action = Action(become and types.SimpleNamespace(name=become), user)
    look = _progress._Look(action, str(tmp_path / "none"), False)
    look._action = action
    look()
    assert action.sudoable == [sudoable]
