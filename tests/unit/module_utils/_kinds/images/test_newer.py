# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which image of an index an alias names, and an index that is broken or hostile."""

from __future__ import annotations

import copy
import hashlib

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.images import _newer
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.images._kept_index import forget_index

A, B, C = ("a" * 64, "b" * 64, "c" * 64)
LXD, INCUS = _newer._METADATA["lxd"], _newer._METADATA["incus"]


def version(fingerprint, root="squashfs", key="combined_squashfs_sha256", names=("lxd.tar.xz", "incus.tar.xz")):
    items = {name: {"ftype": name, key: fingerprint} for name in names}
    return {"items": {**items, root: {"ftype": root, "sha256": C}}}


def product(**versions):
    return {"aliases": "debian/12,debian/bookworm", "arch": "amd64", "versions": versions}


def test_the_newest_version_counts():
    found = product(**{"20260101_0000": version(A), "20260102_0000": version(B), "20251231_0000": version(C)})
    assert _newer._newest(found, "container", LXD) == _newer._newest(found, "container", INCUS) == B


def test_each_product_has_names_of_its_own_for_metadata():
    found = product(**{"20260101_0000": version(A), "20260102_0000": version(B, names=("incus.tar.xz",))})
    assert (_newer._newest(found, "container", LXD), _newer._newest(found, "container", INCUS)) == (A, B)


def test_the_type_decides():
    disk = version(B, "disk-kvm.img", "combined_disk-kvm-img_sha256")
    found = product(**{"20260101_0000": version(A), "20260102_0000": disk})
    assert _newer._newest(found, "container", LXD) == A
    assert _newer._newest(found, "virtual-machine", LXD) == B
    assert _newer._newest(product(**{"20260101_0000": version(A)}), "virtual-machine", LXD) == ""


def test_a_unified_image():
    items = {name: {"ftype": name, "sha256": A} for name in ("lxd_combined.tar.gz", "incus_combined.tar.gz")}
    found = product(**{"20260101_0000": {"items": items}})
    assert _newer._newest(found, "container", INCUS) == A
    assert _newer._newest(found, "virtual-machine", INCUS) == ""


def test_a_root_file_system_as_a_tarball():
    found = product(**{"20260101_0000": version(A, "root.tar.xz", "combined_sha256")})
    assert _newer._newest(found, "container", LXD) == A


@pytest.mark.parametrize("fingerprint", ["../../etc", "A" * 64, "a" * 63, 1, None])
def test_a_fingerprint_that_is_none(fingerprint):
    found = product(**{"20260101_0000": version(fingerprint)})
    if fingerprint is None:
        assert _newer._newest(found, "container", LXD) == ""
        return
    with pytest.raises((ValueError, TypeError)):
        _newer._newest(found, "container", LXD)


INDEX = {"index": {"images": {"datatype": "image-downloads", "path": "streams/v1/images.json", "products": ["x"]}}}


def read_with(path):
    index = copy.deepcopy(INDEX)
    index["index"]["images"]["path"] = path
    asked = []

    def read(one):
        asked.append(one)
        return index if one == "streams/v1/index.json" else {"products": {"x": product()}}

    return _newer._products(read), asked


def test_an_index():
    products, asked = read_with("streams/v1/images.json")
    assert products == [product()] and asked == ["streams/v1/index.json", "streams/v1/images.json"]


@pytest.mark.parametrize(
    "path", ["../secret", "/etc/passwd", "https://elsewhere/x", "a//b", "a/../b", "", "a b", "x\r\ny"]
)
def test_a_path_that_leads_elsewhere(path):
    with pytest.raises(ValueError, match="leads elsewhere"):
        read_with(path)


def test_the_kept_index_of_a_daemon_goes(tmp_path):
    place = tmp_path / "cache" / hashlib.sha256(b"https://images.example.net").hexdigest()
    place.mkdir(parents=True)
    (place / "index.json").write_text("{}")
    other = tmp_path / "cache" / "other"
    other.mkdir()
    (other / "index.json").write_text("{}")
    assert not forget_index("https://lxd1:8443", "https://images.example.net")
    assert (place / "index.json").exists()
    assert forget_index(f"unix://{tmp_path}/unix.socket", "https://images.example.net/")
    assert not (place / "index.json").exists() and (other / "index.json").exists()
    assert not forget_index(f"unix://{tmp_path}/unix.socket", "https://nowhere")
