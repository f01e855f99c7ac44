# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a session shares, and with whom it never does: users, projects, instances, and later modules."""

from __future__ import annotations

import json
import os
from typing import Any, Callable, Iterator

import pytest
from reach.conftest import PYTHON, is_forked, open_session


@pytest.fixture
def way() -> str:
    return "session"


#: Imports a source from an archive, as a module imports its `module_utils`.
LESSON = """
import os, sys, tempfile, zipfile
place = os.path.join(tempfile.mkdtemp(), "lesson.zip")
with zipfile.ZipFile(place, "w") as archive:
    archive.writestr("lesson.py", "# {marker}\\ndef answer():\\n    return 'genuine'\\n")
sys.path.insert(0, place)
import lesson
print(lesson.answer())
"""
#: The attack: publish other code for the digest of that source.
POISON = (
    LESSON
    + """
code = compile("def answer():\\n    return 'poisoned'\\n", "lesson.py", "exec")
for cache in [hook.codes for hook in sys.path_hooks if hasattr(hook, "codes")]:
    cache.new = {digest: code for digest in cache.new}
"""
)


def run(connection: Any, program: str) -> str:
    code, out, err = connection.exec_command(PYTHON, in_data=program.encode())
    assert code == 0, err
    return str(out.decode().strip())


@pytest.fixture
def sessions(connect: Callable[..., Any], server: Any, twin: str) -> Iterator[dict[str, Any]]:
    """Open sessions that differ in one property each: the user, the project, the instance, or a switch."""
    server.run("instance", name="neighbor", image="debian/12", wait_for=["ipv4"])
    found = {
        "root": connect(),
        "user": connect(user="tester"),
        "project": connect(project=twin),
        "instance": connect("neighbor"),
        "switch": connect(cache_code=False),
    }
    try:
        for connection in found.values():
            open_session(connection)
            assert is_forked(connection)
        yield found
    finally:
        server.run("instance", name="neighbor", state="absent", force=True)


def test_code_is_never_shared_with_another_session(sessions) -> None:  # type: ignore[no-untyped-def]
    """An attacker who runs modules in one session replaces code in its cache. No other session uses it.

    Later modules of the same session do, so the attack works: they belong to the same user of the same instance.
    """
    for attacker, connection in sessions.items():
        if attacker == "switch":
            continue  # without a cache, there is nothing to replace
        assert run(connection, POISON.replace("{marker}", attacker)) == "genuine"
        found = {name: run(other, LESSON.replace("{marker}", attacker)) for name, other in sessions.items()}
        assert found == {name: "poisoned" if name == attacker else "genuine" for name in sessions}


def test_a_session_after_this_one_has_no_code_of_it(connect) -> None:  # type: ignore[no-untyped-def]
    """The code is in the memory of the agent only, and ends with it."""
    connection = connect()
    assert run(connection, POISON.replace("{marker}", "before")) == "genuine"
    assert run(connection, LESSON.replace("{marker}", "before")) == "poisoned"
    connection.reset()
    open_session(connection)
    assert run(connection, LESSON.replace("{marker}", "before")) == "genuine"


ATTACK = """
import glob, json, os, signal
reached, tried = [], 0
for path in glob.glob("/proc/[0-9]*"):
    try:
        words = open(path + "/cmdline").read().split(chr(0))
        other = os.stat(path).st_uid != os.getuid()
    except OSError:
        continue
    if words[:2] != ["python3", "-c"] or not other:
        continue
    tried += 1
    for what in ("mem", "environ", "fd/0", "fd/1"):
        try:
            open(path + "/" + what, "r+b" if what == "mem" else "rb").read(1)
            reached.append(what)
        except OSError:
            pass
    try:
        os.kill(int(path.rpartition("/")[2]), signal.SIGSTOP)
        reached.append("kill")
    except OSError:
        pass
print(json.dumps([tried, reached]))
"""


def test_another_user_does_not_reach_the_agent(connect) -> None:  # type: ignore[no-untyped-def]
    """A process of another user in the instance cannot read or write the memory and the streams of a session."""
    victim, attacker = connect(), connect(user="tester")
    assert is_forked(victim) and is_forked(attacker)
    tried, reached = json.loads(run(attacker, ATTACK))
    assert tried > 0
    assert reached == []
    assert is_forked(victim)


def test_a_command_with_become_is_not_forked_and_shares_nothing(connect) -> None:  # type: ignore[no-untyped-def]
    """It has no memory and no file of the session of the user that it came from."""
    look = "import os; print(os.getuid() > 0, sorted(os.listdir('/proc/self/fd'))[3:], open('/proc/self/maps').read())"
    connection = connect()
    assert is_forked(connection)
    shared = run(connection, look)
    assert shared.startswith("False [") and "/dev/zero (deleted)" in shared, "the memory of the cache has another name"
    code, out, err = connection.exec_command("su tester -c /usr/bin/python3", in_data=look.encode())
    assert code == 0, err
    assert out.startswith(b"True [") and b"/dev/zero (deleted)" not in out


LEAVE = """
import builtins, json, os, signal, sys, threading
builtins.left = sys.left = json.loads = 1
os.environ["LEFT"] = "1"
os.chdir("/tmp")
os.umask(0)
sys.path.insert(0, "/tmp")
signal.signal(signal.SIGTERM, signal.SIG_IGN)
threading.Thread(target=lambda: None).start()
"""
LOOK = """
import builtins, json, os, signal, sys
print(hasattr(builtins, "left"), hasattr(sys, "left"), json.loads("2"), os.environ.get("LEFT"))
print(os.getcwd() == "/tmp", os.umask(0), "/tmp" in sys.path, signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)
"""


def test_a_module_leaves_nothing_to_the_next_one(connect) -> None:  # type: ignore[no-untyped-def]
    connection = connect()
    assert is_forked(connection)
    before = run(connection, LOOK)
    run(connection, LEAVE)
    assert run(connection, LOOK) == before == "False False 2 None\nFalse 18 False True"


def test_only_the_user_of_ansible_finds_the_session(connect) -> None:  # type: ignore[no-untyped-def]
    """Its socket is in the directory of the run, which no other user of the controller may enter."""
    path = connect()._shared_path("session")
    assert os.path.exists(path)
    about = os.stat(os.path.dirname(path))
    assert (about.st_uid, about.st_mode & 0o777) == (os.getuid(), 0o700)
