# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules in a session: they are forked, and find and do what they would if Python were started."""

from __future__ import annotations

import pytest
from reach.conftest import PYTHON, in_session, is_forked


@pytest.fixture
def way() -> str:
    return "session"


LOOK = b"""
import gc, json, locale, os, signal, sys, threading
status = [line for line in open("/proc/self/status") if line.startswith(("Sig", "Cap", "Groups", "Threads", "Umask"))]
print(json.dumps({
    "process": [status, sorted(os.listdir("/proc/self/fd")), os.getcwd(), threading.active_count()],
    "signals": [str(signal.getsignal(number)) for number in sorted(signal.valid_signals())],
    "python": [sys.argv, sys.path, str(sys.flags), sys.executable, sys.prefix, __name__, __file__],
    "state": [gc.isenabled(), locale.getlocale(), sys.stdin.read()],
    "files": [str(stream) for stream in (sys.stdin, sys.stdout, sys.stderr)],
    "environment": dict(os.environ),
}, sort_keys=True, indent=1))
"""


@pytest.mark.parametrize("user", ["root", "tester"])
@pytest.mark.parametrize("versioned", [False, True], ids=["python3", "python3.x"])
def test_what_a_program_of_python_finds_is_the_same(connect, user, versioned) -> None:  # type: ignore[no-untyped-def]
    session, alone = connect(user=user), connect(user=user, keep_open=False)
    name = alone.exec_command("readlink /usr/bin/python3")[1].decode().strip() if versioned else "python3"
    assert is_forked(session, f"/usr/bin/{name}") and not is_forked(alone, f"/usr/bin/{name}")
    found = [connection.exec_command(f"/bin/sh -c /usr/bin/{name}", in_data=LOOK) for connection in (session, alone)]
    assert found[0][0] == 0, found[0]
    assert found[0][1].decode() == found[1][1].decode()


@pytest.mark.parametrize(
    "program",
    [
        b"raise SystemExit(7)",
        b"import sys; sys.exit('some words')",
        b"import os; os._exit(3)",
        b"import atexit; atexit.register(print, 'at the end'); print('a lot of it ' * 100000)",
        b"import threading, time; threading.Thread(target=lambda: (time.sleep(0.3), print('a thread'))).start()",
        b"import subprocess; subprocess.run(['sh', '-c', 'echo out; echo err >&2; exit 4'], check=False)",
    ],
)
def test_how_a_program_of_python_ends_is_the_same(connect, program) -> None:  # type: ignore[no-untyped-def]
    assert connect().exec_command(PYTHON, in_data=program) == connect(keep_open=False).exec_command(
        PYTHON, in_data=program
    )


def test_a_program_of_python_that_fails(connect) -> None:  # type: ignore[no-untyped-def]
    code, out, err = connect().exec_command(PYTHON, in_data=b"print('before', flush=True)\n1/0")
    assert (code, out, err.splitlines()[-1]) == (1, b"before\n", b"ZeroDivisionError: division by zero")
    assert connect().exec_command(PYTHON, in_data=b"import os; os.kill(os.getpid(), 9)")[0] == 137


ARCHIVE = b"""
import sys, zipfile, zipimport
with zipfile.ZipFile("/root/{name}.zip", "w") as archive:
    archive.writestr("lesson.py", "{source}" + "# and so on\\n" * 9)
sys.path.insert(0, "/root/{name}.zip")
import lesson
caches = [hook.codes for hook in sys.path_hooks if hasattr(hook, "codes")]
print(lesson.answer(), lesson.answer.__code__.co_filename, len(caches[0].new) if caches else "not cached")
{end}
"""


def test_a_source_in_an_archive_is_compiled_once(connect) -> None:  # type: ignore[no-untyped-def]
    """As the `module_utils` that each module brings.

    The same source in another archive is not compiled again. Another source in the same archive is.
    """
    connection = connect()
    assert is_forked(connection)

    def imported(name: str, number: int, end: str = "") -> tuple[int, str]:
        text = (
            ARCHIVE.decode()
            .replace("{name}", name)
            .replace("{source}", f"def answer():\\n return {number}\\n")
            .replace("{end}", end)
        )
        code, out, _err = connection.exec_command(PYTHON, in_data=text.encode())
        return code, out.decode().strip()

    assert imported("first", 1, "import os; os._exit(0)")[0] == 0  # it publishes nothing
    assert imported("first", 1, "sys.exit(3)") == (3, "1 /root/first.zip/lesson.py 1")
    assert imported("second", 1) == (0, "1 /root/second.zip/lesson.py 0")
    assert imported("second", 2, "raise ValueError") == (1, "2 /root/second.zip/lesson.py 1")
    assert imported("first", 2) == (0, "2 /root/first.zip/lesson.py 0")
    code, _out, err = connection.exec_command(
        PYTHON, in_data=b"import sys; sys.path.insert(0, '/root/second.zip'); import lesson; lesson.answer(1)"
    )
    assert code == 1 and b"takes 0 positional arguments" in err


def test_another_python(connect) -> None:  # type: ignore[no-untyped-def]
    """Of a virtual environment, and one whose libraries have changed since the session was opened."""
    connection = connect()
    assert is_forked(connection)
    connection.exec_command(
        "mkdir -p /venv/bin; ln -s /usr/bin/python3 /venv/bin/python3; echo home = /usr/bin >/venv/pyvenv.cfg"
    )
    assert not is_forked(connection, "/venv/bin/python3")
    assert (
        connection.exec_command("/bin/sh -c /venv/bin/python3", in_data=b"import sys; print(sys.prefix)")[1]
        == b"/venv\n"
    )
    libraries = "$(python3 -c 'import site; print(site.getsitepackages()[0])')"
    connection.exec_command(f"echo answer = 42 >{libraries}/meanwhile.py")
    try:
        assert not is_forked(connection)
        assert connection.exec_command(PYTHON, in_data=b"import meanwhile; print(meanwhile.answer)")[1] == b"42\n"
    finally:
        connection.exec_command(f"rm {libraries}/meanwhile.py; rm -r /venv")


def test_a_home_that_was_removed(connect) -> None:  # type: ignore[no-untyped-def]
    connection = connect(user="tester")
    connect().exec_command("mv /home/tester /home/away; mkdir /home/tester; chown tester: /home/tester")
    connect().exec_command("rm -r /home/away")
    assert in_session(connection)
    assert connection.exec_command(PYTHON, in_data=b"print('on')") == (0, b"on\n", b"")


def test_a_time_zone_that_is_set_meanwhile(connect) -> None:  # type: ignore[no-untyped-def]
    write = b"""
import struct
head = b"TZif" + bytes(16) + struct.pack(">6L", 0, 0, 0, 0, 1, 4)
with open("/etc/localtime", "wb") as stream:
    stream.write(head + struct.pack(">lBB", 9 * 3600, 0, 0) + b"JST" + bytes(1))
"""
    ask = b"import time; print(time.tzname[0])"
    connection = connect()
    assert connection.exec_command(PYTHON, in_data=ask)[1] == b"UTC\n"
    try:
        connection.exec_command("mv /etc/localtime /etc/localtime.before")
        assert connection.exec_command(PYTHON, in_data=write) == (0, b"", b"")
        assert is_forked(connection)
        assert connection.exec_command(PYTHON, in_data=ask)[1] == b"JST\n"
    finally:
        connection.exec_command("rm /etc/localtime; mv /etc/localtime.before /etc/localtime")


def test_without_the_switches(connect) -> None:  # type: ignore[no-untyped-def]
    """`fork_modules` and `cache_code` turn off what they name, each in a session of its own."""
    ask = b"import sys; print(any(hasattr(hook, 'codes') for hook in sys.path_hooks))"
    for fork, cache, expected in ((True, True, b"True"), (True, False, b"False"), (False, True, b"False")):
        connection = connect(fork_modules=fork, cache_code=cache)
        assert is_forked(connection) is fork
        assert in_session(connection)
        assert connection.exec_command(PYTHON, in_data=ask)[1].strip() == expected


LAYOUTS = b"""
import marshal, os, sys, zipfile
with zipfile.ZipFile("/root/layouts.zip", "w") as archive:
    archive.writestr("top/__init__.py", "value = 1\\r\\nfrom .inner import name\\r\\n")
    archive.writestr("top/inner.py", "name = [__name__, __file__, __spec__.origin, __loader__.archive]\\n")
    archive.writestr("spaces/", "")
    archive.writestr("spaces/part.py", "# -*- coding: latin-1 -*-\\nname = '\\u00e9'\\n".encode("latin-1"))
    deep = "def f():\\n    return (lambda: 0).__code__.co_filename, f.__code__.co_filename\\n"
    archive.writestr("prefix/deep.py", deep)
sys.path[:0] = ["/root/layouts.zip", "/root/layouts.zip/prefix"]
import deep, pkgutil, runpy, spaces.part, top
import importlib.util
print(top.__file__, top.__path__, top.name, top.value, spaces.part.name, list(spaces.__path__), deep.f())
print(pkgutil.get_data("top", "inner.py"), [found.name for found in pkgutil.iter_modules(["/root/layouts.zip"])])
print(importlib.util.find_spec("nothing"), deep.__loader__.get_source("deep"))
print(runpy.run_module("deep", run_name="x")["__file__"])
try:
    import top.nothing
except ImportError as exc:
    print(exc.name)
"""


def test_imports_from_archives_are_the_same(connect) -> None:  # type: ignore[no-untyped-def]
    """Packages, namespaces, other encodings and ends of lines, compiled for the first time and from the cache."""
    started = connect(keep_open=False).exec_command(PYTHON, in_data=LAYOUTS)
    assert started[0] == 0, started
    for _time in range(2):
        assert connect().exec_command(PYTHON, in_data=LAYOUTS) == started
