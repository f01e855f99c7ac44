# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection plugin with several addresses of a server, some of which do not answer."""

from __future__ import annotations

import os
import pathlib
from typing import Any, Iterator

import pytest
from ansible.errors import AnsibleConnectionFailure
from lab.proxy import Cut, Proxy

pytestmark = pytest.mark.both  # it depends on what the daemon does with commands and files


@pytest.fixture
def proxy(server) -> Iterator[Proxy]:  # type: ignore[no-untyped-def]
    proxy = Proxy(str(server.daemon.folder.parent / "address"), str(server.daemon.socket))
    yield proxy
    proxy.close()
    pathlib.Path(proxy.path).unlink()


def test_the_next_address_is_taken(connect, server, tmp_path) -> None:  # type: ignore[no-untyped-def]
    connection = connect(url=[f"{server.daemon.url}.gone", server.daemon.url])
    assert connection.exec_command("echo there") == (0, b"there\n", b"")
    (tmp_path / "file").write_text("by the second address")
    connection.put_file(str(tmp_path / "file"), "/root/file")
    connection.fetch_file("/root/file", str(tmp_path / "back"))
    assert (tmp_path / "back").read_text() == "by the second address"


def test_no_address_answers(connect, server) -> None:  # type: ignore[no-untyped-def]
    urls = [f"{server.daemon.url}.{number}" for number in (1, 2)]
    with pytest.raises(AnsibleConnectionFailure) as caught:
        connect(name="other", url=urls, timeout=2).exec_command("echo there")
    assert all(f"{url}: there is no such socket" in str(caught.value) for url in urls)


@pytest.mark.parametrize("way", ["exec"])
def test_an_address_that_goes_before_the_streams_of_a_command_are_open(connect, server, proxy) -> None:  # type: ignore[no-untyped-def]
    """Without its streams a command does not start, so it is started at the next address, and runs once."""
    connection = connect(url=[proxy.url, server.daemon.url])
    script = "echo x >>/run/once; cat /run/once"

    def gone() -> Any:
        os.rename(proxy.path, f"{proxy.path}.gone")

    proxy.cut = Cut("POST .*/exec", gone)
    try:
        assert connection.exec_command(script) == (0, b"x\n", b"")
    finally:
        os.rename(f"{proxy.path}.gone", proxy.path)
    assert proxy.cut is None and len(proxy.writes) == 1
    assert connection.exec_command("rm /run/once")[0] == 0
