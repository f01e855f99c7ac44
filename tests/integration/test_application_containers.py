# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers of images of a registry (OCI), on a daemon that has them: Incus 7."""

from __future__ import annotations

import sys
from typing import Iterator

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.images import _source
from integration.conftest import Server
from integration.modules import ModuleFailed, warnings_of
from lab.registry import NAME, TAG, Registry

IMAGE = f"docker:{NAME}:{TAG}"
ASK = "import socket,sys; print(socket.create_connection((sys.argv[1], 80), 5).makefile().read(), end='')"


@pytest.fixture(scope="module")
def registry(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    registry = Registry(server.daemon, tmp_path_factory.mktemp("registry"))
    yield registry
    registry.stop()


@pytest.fixture
def apps(api: Server, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server for which the remote `docker` is the registry of the lab."""
    monkeypatch.setitem(_source.REMOTES["incus"], "docker", registry.url)
    return api


def started(server: Server, name: str) -> str:
    """What the process of a container was started with."""
    return server.daemon.cli("exec", name, "--", "cat", "/tmp/started").strip()


def greeting(server: Server, address: str) -> str:
    return server.daemon.inside(sys.executable, "-c", ASK, address).stdout.strip()


def test_an_application(apps: Server) -> None:
    """Made of an image of a registry, with its environment and its command as the task and the image say."""
    task = {"name": "greeter", "image": IMAGE, "config": {"environment.GREETING": "welcome", "limits.memory": "64MiB"}}
    done = apps.converges("instance", **task, wait_for=["ipv4"])
    assert done["actions"] == [f"create instance greeter from image {IMAGE}", "start instance greeter"]
    config = done["instance"]["config"]
    assert (config["oci.entrypoint"], config["oci.cwd"]) == ("/bin/greet care", "/srv")
    assert started(apps, "greeter") == "welcome from /srv with care"
    assert greeting(apps, done["instance"]["addresses"][0]) == "welcome"
    # what the image brought is not the task's to take away
    apps.unchanged("instance", **task, purge_config=True)
    # nothing reaches a process that runs
    change = {"config": {"oci.entrypoint": "/bin/greet friends", "oci.cwd": "/tmp", "environment.GREETING": "hi"}}
    (warning,) = warnings_of(apps.run("instance", name="greeter", **change))
    assert "environment.GREETING, oci.cwd, oci.entrypoint takes effect at its next start" in warning
    assert started(apps, "greeter") == "welcome from /srv with care"
    apps.run("instance", name="greeter", state="restarted")
    assert started(apps, "greeter") == "hi from /tmp with friends"
    again = {"config": {"oci.entrypoint": "/bin/greet all"}}
    apps.converges("instance", name="greeter", **again, restart="if_required")
    assert started(apps, "greeter") == "hi from /tmp with all"
    apps.converges("instance", name="greeter", state="stopped")
    apps.converges("instance", name="greeter", state="absent")


def test_an_image_of_a_registry(apps: Server, registry: Registry) -> None:
    task = {"name": "greeter/1", "remote": IMAGE}
    done = apps.converges("image", **task, auto_update=True)
    source = done["image"]["update_source"]
    assert [source[key] for key in ("server", "protocol", "alias")] == [registry.url, "oci", f"{NAME}:{TAG}"]
    made = apps.converges("instance", name="greeter", image="greeter/1", state="present")
    assert made["instance"]["config"]["volatile.container.oci"] == "true"
    written = {"type": "image", "mode": "pull", "server": registry.url, "protocol": "oci", "alias": f"{NAME}:{TAG}"}
    made = apps.converges("instance", name="greeter2", source=written, state="present")
    assert made["instance"]["config"]["volatile.base_image"] == done["image"]["fingerprint"]


def test_a_stack_with_an_application(apps: Server) -> None:
    entry = {"name": "greeter", "image": IMAGE, "config": {"environment.GREETING": "welcome"}, "state": "stopped"}
    assert apps.run("stack", definition={"instances": [entry]})["changed"] is True
    assert apps.run("stack", definition={"instances": [entry]})["changed"] is False
    assert apps.run("stack", definition={"instances": [{**entry, "exact": True}]})["changed"] is False
    exported = apps.run("stack_export", kinds=["instance"])["definition"]
    assert apps.run("stack", definition=exported)["changed"] is False
    before = apps.query("/1.0/instances/greeter")["config"]
    apps.run("instance", name="greeter", state="absent")
    assert apps.run("stack", definition=exported)["changed"] is True
    after = apps.query("/1.0/instances/greeter")["config"]
    assert {key: value for key, value in after.items() if not key.startswith("volatile.")} == {
        key: value for key, value in before.items() if not key.startswith("volatile.")
    }


def test_what_is_wrong_is_said(apps: Server, registry: Registry) -> None:
    for image in (f"{NAME}:2.0", "suite/nobody:1.0"):
        with pytest.raises(ModuleFailed) as failed:
            apps.run("instance", name="greeter", image=f"docker:{image}")
        assert image in str(failed.value) and registry.address in str(failed.value), str(failed.value)
    message = apps.fails("instance", name="greeter", image=IMAGE, type="virtual-machine")
    assert "an image of a registry (OCI) becomes a container" in message
    source = {"type": "image", "mode": "pull", "server": registry.url, "protocol": "oci", "alias": f"{NAME}:{TAG}"}
    message = apps.fails("image", name="greeter", source={**source, "certificate": "…"})
    assert "source.certificate" in message and "/etc/containers/certs.d" in message
    assert "Did you mean 'docker'?" in apps.fails("instance", name="greeter", image=f"dokcer:{NAME}")
