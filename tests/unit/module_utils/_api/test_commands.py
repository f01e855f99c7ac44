# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The streams of a command, against a server that does with them what a test wants."""

from __future__ import annotations

import socket
import threading
from types import SimpleNamespace

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api import commands, upgrade, websocket
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.commands import CONTROL, STDERR, STDIN, STDOUT
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import DeadlineExceeded, Interrupted
from ansible_collections.cloudhost.lxd.tests.unit.module_utils._api.test_websocket import frame, unmasked

END = frame(1, b"")


class Daemon:
    """The other ends of the four websockets of a command."""

    def __init__(self, seconds=20.0):
        pairs = {name: socket.socketpair() for name in commands.STREAMS}
        self.ends = {name: theirs for name, (_ours, theirs) in pairs.items()}
        for _ours, theirs in pairs.values():
            theirs.settimeout(60.0)
        self.streams = {
            name: websocket.WebSocket(upgrade.Upgraded(ours, b"", {})) for name, (ours, _theirs) in pairs.items()
        }
        self.client = SimpleNamespace(label="lxd at x", deadline=Deadline(seconds))
        self.got = b""

    def talk(self, data=b"", most=1 << 20):
        try:
            return commands._Talk(self.client, self.streams, data, most).run()
        finally:
            for stream in self.streams.values():
                stream.close()

    def read_input(self, size):
        """Read until the frames of an input of some bytes are there, with its end."""
        while len(self.got) < size or not self.got[:-4].endswith(b"\x81\x80"):
            piece = self.ends[STDIN].recv(1 << 16)
            if not piece:
                return
            self.got += piece

    def finish(self):
        """As the daemon ends a command: the websocket for signals, the outputs, the input."""
        self.ends[CONTROL].close()
        for name in (STDOUT, STDERR):
            self.ends[name].sendall(END)
        for name in (STDOUT, STDERR, STDIN):
            self.ends[name].close()

    def behave(self, work):
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        return thread


def test_a_large_input_does_not_wait_for_anything_else():
    """A command that writes nothing meanwhile gets all of it at once."""
    daemon, data = Daemon(seconds=8.0), bytes(range(256)) * 3_000  # select waits ten seconds at most

    def work():
        daemon.read_input(len(data))
        daemon.ends[STDIN].sendall(frame(10, b"all"))
        daemon.finish()

    thread = daemon.behave(work)
    assert daemon.talk(data) == (b"", b"")
    thread.join()
    frames = unmasked(daemon.got)
    assert b"".join(payload for kind, payload in frames if kind == 2) == data
    assert frames[-2:] == [(9, b"all"), (1, b"")]


def test_both_outputs():
    daemon = Daemon()

    def work():
        daemon.ends[STDERR].sendall(frame(2, b"err"))
        daemon.ends[STDOUT].sendall(frame(9, b"keepalive") + frame(2, b"o", 0) + frame(0, b"ut"))
        daemon.finish()

    daemon.behave(work)
    assert daemon.talk() == (b"out", b"err")


def test_a_command_that_does_not_read_its_input():
    """It ends as always: nobody knows what it needed."""
    daemon = Daemon()
    daemon.behave(daemon.finish)
    assert daemon.talk(b"x" * 1_000_000) == (b"", b"")


def test_a_command_that_has_ended_before_all_is_connected():
    """Then there is no websocket for signals, and what it has left is there."""
    daemon = Daemon()
    daemon.streams.pop(CONTROL).close()
    daemon.ends[STDOUT].sendall(frame(2, b"out"))
    daemon.finish()
    assert daemon.talk(b"x") == (b"out", b"")


def test_input_that_breaks_before_the_command_ends():
    daemon = Daemon()
    daemon.behave(lambda: (daemon.ends[STDIN].recv(1000), daemon.ends[STDIN].close()))
    with pytest.raises(Interrupted, match="lost the input.*may have run"):
        daemon.talk(b"x" * 1_000_000)


def test_outputs_that_break():
    daemon = Daemon()
    daemon.behave(lambda: [daemon.ends[name].close() for name in (STDOUT, STDERR)])
    with pytest.raises(Interrupted, match="broke the streams.*may have run"):
        daemon.talk()


def test_too_much_output():
    daemon = Daemon()

    def work():
        for _time in range(100):
            try:
                daemon.ends[STDOUT].sendall(frame(2, b"y" * 10_000))
            except OSError:
                return

    daemon.behave(work)
    with pytest.raises(commands.TooMuch, match="wrote more than"):
        daemon.talk(most=100_000)


def test_a_command_that_does_not_end():
    daemon = Daemon(seconds=0.2)
    with pytest.raises(DeadlineExceeded, match=r"timeout of 0\.2 s, and was killed"):
        daemon.talk()
