# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook backup with a copy in S3, which is a bucket of the server itself: Incus 7. And the way back."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
from typing import Any, Iterator

import pytest
import yaml
from integration.conftest import Server

ADDRESS = "127.0.0.1:18449"
BUCKET = {"pool": "default", "bucket": "offsite"}


@pytest.fixture
def bucket(api: Server) -> Iterator[dict[str, Any]]:
    """A key of a bucket."""
    api.run("server", config={"core.storage_buckets_address": ADDRESS})
    api.run("storage_bucket", pool="default", name="offsite", config={"size": "64MiB"})
    yield api.run("storage_bucket_key", **BUCKET, name="writer", role="admin")["storage_bucket_key"]
    api.run("storage_bucket", pool="default", name="offsite", state="absent")
    api.run("server", config={"core.storage_buckets_address": None})


class Controller:
    """What an operator has: an inventory with the variables of the backup."""

    def __init__(self, api: Server, key: dict[str, Any], folder: pathlib.Path) -> None:
        self.api, self.key, self.folder = api, key, folder
        self.backups = folder / "backups" / "host1"
        self.config = "[s3]\ntype = s3\nprovider = Other\nno_check_bucket = true\n" + "".join(
            f"{name} = {value}\n"
            for name, value in (
                ("access_key_id", key["access_key"]),
                ("secret_access_key", key["secret_key"]),
                ("endpoint", f"https://{ADDRESS}"),
            )
        )
        variables = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "lxd_url": api.daemon.url,
            "backup_directory": str(folder / "backups"),
            "backup_remotes": [{"to": "s3:offsite/lxd", "keep": 1}],
            "backup_rclone_config": self.config,
            "backup_rclone_options": ["--ca-cert", str(api.daemon.folder / "server.crt"), "--retries", "1"],
            "backup_include": ["web*"],
            "backup_images": "none",
        }
        (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {"host1": variables}}}))

    def play(self, playbook: str, *options: str, **extra: Any) -> int:
        """How many tasks changed something."""
        program = pathlib.Path(sys.executable).with_name("ansible-playbook")
        enter = ["nsenter", "--net", f"--target={self.api.daemon.keeper.pid}"]
        command = [*enter, str(program), "-v", "-i", str(self.folder / "hosts.yml"), f"cloudhost.lxd.{playbook}"]
        done = subprocess.run(
            [*command, "-e", json.dumps(extra), *options],
            env={**_environ(), "ANSIBLE_NOCOLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert self.key["secret_key"] not in done.stdout and done.returncode == 0, done.stdout
        return int(re.findall(r"changed=(\d+)", done.stdout)[0])

    def there(self) -> list[str]:
        """The files in the bucket."""
        config = self.folder / "rclone.conf"
        config.write_text(self.config)
        options = ["--config", str(config), "--ca-cert", str(self.api.daemon.folder / "server.crt")]
        unset = ("env", "--unset=AWS_CA_BUNDLE")
        done = self.api.daemon.inside(*unset, "rclone", *options, "lsf", "-R", "--files-only", "s3:offsite/lxd/host1")
        assert done.returncode == 0, done.stderr
        return done.stdout.split()


def _environ() -> dict[str, str]:
    """Without the variable that some machines have for S3, and that rclone 1.60 cannot have beside its own option."""
    return {name: value for name, value in os.environ.items() if name != "AWS_CA_BUNDLE"}


def test_a_backup_goes_to_s3_and_comes_back(api: Server, bucket: dict[str, Any], tmp_path: pathlib.Path) -> None:
    api.run("instance", name="web1", image="busybox", state="stopped")
    controller = Controller(api, bucket, tmp_path)
    assert controller.play("backup")
    (first,) = (path.name for path in controller.backups.glob("2*"))
    assert {f"{first}/manifest.json", f"{first}/instances/default/web1.backup"} <= set(controller.there())
    assert controller.play("backup") == 0
    assert controller.play("backup", backup_max_age="0s", backup_keep=2)
    (second,) = {path.name for path in controller.backups.glob("2*")} - {first}
    assert {name.partition("/")[0] for name in controller.there()} == {second}, "keep: 1"

    shutil.rmtree(tmp_path / "backups")
    fetch = {"restore_host_keys": False, "restore_host_site": False}
    assert controller.play("restore_host", "--tags", "keys", **fetch)
    done = api.run("server_backup", directory=str(controller.backups), state="verified")
    assert done["server_backup"]["run"] == second
    assert [one["name"] for one in done["server_backup"]["exported"]] == ["web1"]
    left = {one["kind"]: one["name"] for one in done["server_backup"]["left_out"]}
    assert left["storage_bucket"] == "default/offsite", "its contents are no part of the backup"
