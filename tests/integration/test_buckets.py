# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Buckets as an S3 client sees them, on a daemon that serves them itself: Incus 7."""

from __future__ import annotations

import pathlib
import re
from typing import Any, Iterator

import pytest
from integration.conftest import Server

ADDRESS = "127.0.0.1:18448"
BUCKET = {"pool": "default", "bucket": "files"}
#: The statuses of answers that deny something: 400 is what Incus 7.0 answers to a write with a key that may only read.
DENIED = (400, 403)


@pytest.fixture
def s3(api: Server) -> Iterator[Server]:
    """A server that serves the bucket `files`."""
    api.converges("server", config={"core.storage_buckets_address": ADDRESS})
    made = api.converges("storage_bucket", pool="default", name="files", config={"size": "64MiB"})
    assert made["storage_bucket"]["s3_url"] == f"https://{ADDRESS}/files"
    yield api
    api.run("storage_bucket", pool="default", name="files", state="absent")
    api.converges("server", config={"core.storage_buckets_address": None})


class Client:
    """s3cmd with a key. It verifies the server by its certificate."""

    def __init__(self, server: Server, folder: pathlib.Path, key: dict[str, Any]) -> None:
        self.server, self.folder = server, folder
        self.config = folder / f"{key['access_key']}.cfg"
        given = {
            "access_key": key["access_key"],
            "secret_key": key["secret_key"],
            "host_base": ADDRESS,
            "host_bucket": ADDRESS,
            "ca_certs_file": server.daemon.folder / "server.crt",
            "max_retries": 1,
        }
        self.config.write_text("[default]\n" + "".join(f"{name} = {value}\n" for name, value in given.items()))

    def run(self, *arguments: str) -> int:
        """The status that the server refused it with; 0 if it did not."""
        enter = ("nsenter", "--mount", f"--target={self.server.daemon.keeper.pid}", "env", "-u", "PYTHONPATH")
        done = self.server.daemon.inside(*enter, "s3cmd", f"--config={self.config}", "--no-progress", *arguments)
        refusal = re.search(r"S3 error: (\d+)", done.stderr)
        assert bool(refusal) == bool(done.returncode), done.stderr
        return int(refusal[1]) if refusal else 0

    def put(self, name: str, content: str) -> int:
        path = self.folder / "sent"
        path.write_text(content)
        return self.run("put", str(path), f"s3://files/{name}")

    def get(self, name: str) -> str | int:
        """The content of an object, or the status of a refusal."""
        path = self.folder / "received"
        return self.run("get", "--force", f"s3://files/{name}", str(path)) or path.read_text()


def test_keys_open_a_bucket_as_their_role_says(s3: Server, tmp_path: pathlib.Path) -> None:
    def key(name: str, **options: Any) -> dict[str, Any]:
        done = s3.converges("storage_bucket_key", **BUCKET, name=name, **options)["storage_bucket_key"]
        return {**done, **options}  # Ansible hides the secrets that a task writes

    writer = Client(s3, tmp_path, key("writer", role="admin"))
    reader = Client(s3, tmp_path, key("reader", access_key="READERREADERREADER20", secret_key="r" * 40))
    assert (writer.put("greeting", "hello"), writer.get("greeting")) == (0, "hello")
    assert reader.get("greeting") == "hello" and reader.put("greeting", "bye") in DENIED
    assert writer.get("greeting") == "hello", "a key that is read-only wrote"
    # each change of a key counts at once
    key("reader", role="admin")
    assert (reader.put("greeting", "bye"), writer.get("greeting")) == (0, "bye")
    (tmp_path / "renewed").mkdir()
    renewed = Client(s3, tmp_path / "renewed", key("writer", secret_key="w" * 40))
    assert renewed.get("greeting") == "bye" and writer.get("greeting") in DENIED
    s3.converges("storage_bucket_key", **BUCKET, name="reader", state="absent")
    assert reader.get("greeting") in DENIED
