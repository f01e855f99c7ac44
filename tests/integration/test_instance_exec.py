# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands in instances: once, with their input, output and exit code, whatever becomes of the connection."""

from __future__ import annotations

import json
from typing import Any, Iterator

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs import instance_exec
from integration.modules import ModuleFailed, warnings_of
from lab.proxy import Cut

SECRET = "hunter22-of-the-commands"


@pytest.fixture(scope="module")
def box(server) -> Iterator[tuple[str, str]]:  # type: ignore[no-untyped-def]
    """A container that runs and one that does not."""
    for name, state in (("boxed", "started"), ("boxoff", "present")):
        server.run("instance", name=name, image="busybox", state=state)
    yield "boxed", "boxoff"
    for name in ("boxed", "boxoff"):
        server.run("instance", name=name, state="absent", force=True)


def execute(server, **options: Any) -> dict[str, Any]:  # type: ignore[no-untyped-def]
    done: dict[str, Any] = server.run("instance_exec", instance="boxed", **options)
    return done


def test_what_comes_of_a_command(server, box: tuple[str, str]) -> None:  # type: ignore[no-untyped-def]
    """Both outputs, the exit code, and the words of `command`."""
    done = execute(server, command=["sh", "-c", "echo out; echo err >&2"])
    assert (done["rc"], done["stdout"], done["stderr"], done["changed"]) == (0, "out", "err", True)
    assert (done["stdout_lines"], done["cmd"][0], done["delta"][:2]) == (["out"], "sh", "0:")
    assert done["actions"] == ["run a command in instance boxed"]
    with pytest.raises(ModuleFailed, match="non-zero return code") as failed:
        execute(server, script="echo half\nexit 3")
    told = failed.value.result
    assert (told["rc"], told["stdout"], told["changed"], told["failed"]) == (3, "half", True, True)
    for script, code in (("kill -9 $$", 137), ("exit 127", 127), ("exit 126", 126)):
        with pytest.raises(ModuleFailed) as failed:
            execute(server, script=script)
        assert failed.value.result.get("rc") == code, failed.value.result
    with pytest.raises(ModuleFailed) as failed:
        execute(server, command=["no-such-program"])
    assert failed.value.result.get("rc") is not None, failed.value.result
    assert (failed.value.result["rc"], "not found" in failed.value.result["stderr"].lower()) == (127, True)


def test_its_input_and_surroundings(server, box: tuple[str, str]) -> None:  # type: ignore[no-untyped-def]
    """All of the input and nothing after it, users by name and number, and no directory that is not there."""
    text = "".join(f"{number} ü\n" for number in range(20_000))
    assert execute(server, command=["cat"], stdin=text)["stdout"] == text.rstrip("\n")
    assert execute(server, command=["cat"])["stdout"] == ""
    # past the proxy, which may pass on in another order that the websockets of an ended command are closed
    assert execute(server, command=["true"], stdin=text, url=server.daemon.url)["rc"] == 0
    script = 'id -u; id -g; pwd; echo "$HOME $USER $A"'
    done = execute(server, script=script, user="nobody", cwd="/tmp", environment={"A": 1})
    assert done["stdout_lines"] == ["65534", "65534", "/tmp", "/ nobody 1"]
    done = execute(server, script="id -u; id -g; pwd", user="1000", group="nogroup")
    assert done["stdout_lines"] == ["1000", "65534", "/"]
    assert execute(server, command=["pwd"])["stdout"] == "/root"
    for options, words in (
        ({"cwd": "/nowhere"}, r"cwd: instance boxed has no directory /nowhere\. The command did not run"),
        ({"cwd": "tmp"}, "cwd: 'tmp' is no path"),
        ({"user": "nobdy"}, r"user: 'nobdy' is not in /etc/passwd.*Did you mean 'nobody'"),
        ({"environment": {"A=B": "x"}}, "environment: 'A=B'"),
        ({"environment": {"A": ["x"]}}, r"environment\.A: "),
    ):
        server.proxy.forget()
        with pytest.raises(ModuleFailed, match=words):
            execute(server, command=["pwd"], **options)
        assert server.proxy.writes == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"command": ["ls -l /tmp"]}, r"command: 'ls -l /tmp' is taken .*\[ls, -l, /tmp\]"),
        ({"command": []}, "command: it is a list"),
        ({"script": "x" * 140_000}, "script: 140000 bytes are too long.*stdin"),
        ({}, "command, script"),
        ({"command": ["true"], "script": "true"}, "mutually exclusive"),
        ({"command": ["true"], "instance": "boxxed"}, "there is no 'boxxed'.*Did you mean 'boxed'"),
        ({"command": ["true"], "instance": "boxoff"}, r"not running.*state: started\. The command did not run"),
    ],
    ids=str,
)
def test_what_is_refused(server, box: tuple[str, str], options: dict[str, Any], words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ModuleFailed, match=words):
        server.run("instance_exec", **{"instance": "boxed", **options})


def test_creates_removes_and_check_mode(server, box: tuple[str, str]) -> None:  # type: ignore[no-untyped-def]
    """As with `command`: they decide whether it runs, and check mode sends nothing but GET."""
    task = {"instance": "boxed", "script": "echo x >>/srv/made", "creates": "/srv/made"}
    server.proxy.forget()
    assert server.run("instance_exec", check=True, **task)["changed"] is True
    skipped = server.run("instance_exec", check=True, instance="boxed", command=["true"])
    assert (skipped["skipped"], skipped["changed"], skipped["rc"]) == (True, False, 0)
    assert server.proxy.writes == []
    assert server.run("instance_exec", **task)["changed"] is True
    for check in (True, False):
        done = server.run("instance_exec", check=check, **task)
        assert (done["changed"], done["stdout"]) == (False, "skipped, since /srv/made exists")
    assert execute(server, command=["cat", "/srv/made"])["stdout"] == "x"
    gone = {"command": ["rm", "/srv/made"], "removes": "/srv/made"}
    assert [execute(server, **gone)["changed"] for _time in range(2)] == [True, False]
    for name, words in (("boxoff", "is stopped"), ("to-come", "there is no 'to-come'")):
        done = server.run("instance_exec", check=True, **{**task, "instance": name})
        assert done["changed"] is True and words in warnings_of(done)[0]


@pytest.mark.parametrize("when", ["before", "mid", "after"])
def test_a_connection_that_breaks(server, box: tuple[str, str], when: str) -> None:  # type: ignore[no-untyped-def]
    """Nothing runs twice, and the error says what is known of it."""
    count = {"command": ["sh", "-c", "echo x >>/srv/count; sleep 0.2"]}
    server.proxy.forget()
    server.proxy.cut = Cut("POST .*/exec", when)
    with pytest.raises(ModuleFailed, match="The command did not run"):
        execute(server, **count)
    assert len(server.proxy.writes) == 1
    server.proxy.cut = Cut("GET .*/wait", when)
    execute(server, **count)  # to wait again runs nothing again
    assert execute(server, script="wc -l </srv/count; rm /srv/count")["stdout"] == "1"


def test_input_that_is_lost(server, box: tuple[str, str]) -> None:  # type: ignore[no-untyped-def]
    """A command that got a part of its input has not succeeded, though it cannot know."""
    server.proxy.cut_tunnel = b"(?s).{5000}"
    with pytest.raises(ModuleFailed, match="lost the input of the command.*may have run"):
        execute(server, command=["sh", "-c", "cat >/srv/part"], stdin="z" * 3_000_000)
    assert server.proxy.cut_tunnel is None


def test_commands_that_do_not_end(server, box: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    """They are killed at the end of the time, and when they write too much."""
    with pytest.raises(ModuleFailed, match="did not end within the timeout of 5 s, and was killed"):
        execute(server, command=["sleep", "4321"], timeout=5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(instance_exec, "MOST", 2 << 20)
        with pytest.raises(ModuleFailed, match="wrote more than 2 MiB, and was killed"):
            execute(server, command=["yes"])
    script = "i=0; while ps | grep -E 'sleep 432[1]|[y]es$'; do sleep 0.1; i=$((i+1)); [ $i -lt 100 ] || exit 1; done"
    execute(server, script=script)
    assert execute(server, script="sleep 5432 >/dev/null 2>&1 & echo begun")["stdout"] == "begun"


def test_secrets(server, box: tuple[str, str]) -> None:  # type: ignore[no-untyped-def]
    """Not in the arguments that callbacks show, and not in the output if they are registered or named so."""
    done = execute(server, command=["cat"], stdin=SECRET)
    assert SECRET not in json.dumps(done["invocation"]) and done["stdout"] == SECRET
    done = execute(server, script="echo $DB_PASSWORD", environment={"DB_PASSWORD": SECRET})
    assert SECRET not in json.dumps(done)
    done = execute(server, command=["cat"], stdin=SECRET, _secrets={"anywhere": [SECRET], "alone": []})
    assert SECRET not in json.dumps(done)
    assert [one for one in server.query("/1.0/instances/boxed/logs") if "exec" in one] == []
