# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host whose only way out is a proxy, a real one: the role init gives the daemon and its instances what they need,
and what is local goes past it.
"""

from __future__ import annotations

import io
import pathlib
import sys
import tarfile
from typing import Iterator

import pytest
import yaml
from lab import tiny
from lab.daemon import KINDS
from lab.outside import SERVER, Outside
from lab.simplestreams import ALIAS, Trusting
from roles.conftest import Run, ansible

METADATA = b"architecture: x86_64\ncreation_date: 1700000000\nproperties: {os: outside}\n"


@pytest.fixture(params=KINDS)
def daemon(request: pytest.FixtureRequest, lab: pathlib.Path) -> Iterator[Trusting]:
    daemon = Trusting(request.param, lab / "proxy")
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.stop()


@pytest.fixture
def outside(daemon: Trusting, tmp_path: pathlib.Path) -> Iterator[Outside]:
    with tarfile.open(tmp_path / "image.tar.gz", "w:gz") as tar:
        entry = tarfile.TarInfo("metadata.yaml")
        entry.size = len(METADATA)
        tar.addfile(entry, io.BytesIO(METADATA))
        root = tarfile.TarInfo("rootfs")
        root.type, root.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(root)
    (tmp_path / "images").mkdir()
    outside = Outside(daemon, tmp_path, tmp_path / "image.tar.gz")
    try:
        outside.start()
        yield outside
    finally:
        outside.stop()


INIT = {
    "init_minimal": True,
    "init_minimal_driver": "dir",
    "init_minimal_ipv4": "10.158.77.1/24",
    "init_minimal_ipv6": "none",
    "init_proxy_instances": True,
}


def _play(daemon: Trusting, outside: Outside, folder: pathlib.Path, *more: dict[str, object]) -> Run:
    """As the quickstart: a server, an image of an image server, and a container."""
    source = {"type": "image", "server": outside.images.url, "protocol": "simplestreams", "alias": ALIAS}
    tasks = [
        {"ansible.builtin.import_role": {"name": "cloudhost.lxd.init"}, "vars": INIT},
        {"cloudhost.lxd.image": {"name": "from/outside", "source": source, "timeout": 60}},
        {"cloudhost.lxd.image": {"name": tiny.ALIAS, **tiny.files()}},
        {
            "cloudhost.lxd.instance": {"name": "c1", "image": tiny.ALIAS, "wait_for": ["ipv4"], "timeout": 60},
            "register": "c1",
        },
        *more,
    ]
    play = {"hosts": "localhost", "gather_subset": ["env"], "vars": {"lxd_url": daemon.url}, "tasks": tasks}
    book = folder / "play.yml"
    book.write_text(yaml.safe_dump([play]))
    enter = ("nsenter", "--net", f"--target={daemon.keeper.pid}")
    proxies = {"http_proxy": outside.url, "https_proxy": outside.url, "no_proxy": "localhost"}
    python = f"ansible_python_interpreter={sys.executable}"
    return ansible("-i", "localhost,", "-c", "local", "-e", python, str(book), within=enter, **proxies)


@pytest.mark.both
def test_a_proxy_is_the_only_way_out(daemon: Trusting, outside: Outside, tmp_path: pathlib.Path) -> None:
    pull = {"type": "image", "mode": "pull", "server": outside.images.url, "protocol": "simplestreams", "alias": ALIAS}
    with pytest.raises(RuntimeError):
        daemon.query("/1.0/images", "POST", {"source": pull})

    first = _play(daemon, outside, tmp_path)
    assert not first.failed, first.text
    config = daemon.query("/1.0")["config"]
    assert {name: config[f"core.proxy_{name}"] for name in ("http", "https", "ignore_hosts")} == {
        "http": outside.url,
        "https": outside.url,
        "ignore_hosts": "localhost",
    }
    assert f"{SERVER}:18446" in outside.log.read_text(), "the image came another way"

    # A command in the container asks the proxy itself, which answers for this name.
    assert "tinyproxy" in daemon.cli("exec", "c1", "--", "wget", "-q", "-O", "-", "http://tinyproxy.stats/").lower()

    daemon.cli("exec", "c1", "--", "sh", "-c", "echo a page >/srv/index.html && httpd -h /srv")
    page = "http://{{ c1.instance.addresses | first }}/index.html"
    ask = {"ansible.builtin.uri": {"url": page, "use_proxy": False, "return_content": True}, "register": "page"}
    show = {"ansible.builtin.debug": {"var": "page.content"}}
    again = _play(daemon, outside, tmp_path, ask, show)
    assert again.changed == 0, again.text
    assert "a page" in again.text
