# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A simplestreams tree: what is published, what goes, and what is refused."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import pathlib
import tarfile
import time

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput, LXDError
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs import image_tree as _image_tree
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.publish_images import PublishImages

METADATA = "architecture: x86_64\ncreation_date: 1700000000\n"
ROOTS = {"squashfs": b"hsqs", "disk": b"QFI\xfb", "xz": b"\xfd7zXZ\x00\x00"}


class Lab:
    """A directory to publish in, and files to publish."""

    def __init__(self, folder):
        self.tree, self.files = folder / "tree", folder / "files"
        self.tree.mkdir()
        self.files.mkdir()

    def tarball(self, name="metadata.tar.gz", text=METADATA, more=()):
        path = self.files / name
        # without a time in its header, so that it is the same each time
        with gzip.GzipFile(path, "wb", mtime=0) as stream, tarfile.open(fileobj=stream, mode="w") as tar:
            for entry, data in (("metadata.yaml", text.encode()), *((one, b"") for one in more)):
                info = tarfile.TarInfo(entry)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        return str(path)

    def image(self, content="1", sort="squashfs", text=METADATA, **more):
        root = self.files / f"{sort}-{content}"
        root.write_bytes(ROOTS[sort] + content.encode())
        named = {"aliases": ["debian/12"], "os": "Debian", "release": "bookworm", "variant": "default"}
        empty = {"architecture": None, "requirements": {}}
        return {**named, **empty, "file": self.tarball(text=text), "rootfs": str(root), **more}

    def run(self, *images, check=False, keep=2, grace="1d", purge=False):
        options = {"directory": str(self.tree), "images": list(images), "keep": keep, "grace": grace, "purge": purge}
        return PublishImages.run(options, check)

    def publish(self, *images, **options):
        """Check mode predicts it, and a second run changes nothing."""
        before = self.listing()
        predicted = self.run(*images, check=True, **options)
        assert self.listing() == before
        done = self.run(*images, **options)
        assert predicted == done
        again = self.run(*images, **options)
        assert again["changed"] is False and again["actions"] == [] and again["diff"]["before"] == ""
        self.whole()
        return done

    def listing(self):
        found = {}
        for path in sorted(self.tree.rglob("*")):
            found[str(path.relative_to(self.tree))] = path.read_bytes() if path.is_file() else None
        return found

    @property
    def products(self):
        return json.loads((self.tree / "streams/v1/images.json").read_text())["products"]

    def items(self):
        for product in self.products.values():
            for version in product["versions"].values():
                yield from version["items"].values()

    def whole(self):
        """The index names nothing that is not there, or not with its content."""
        index = json.loads((self.tree / "streams/v1/index.json").read_text())
        assert index["index"]["images"]["products"] == sorted(self.products)
        for item in self.items():
            data = (self.tree / item["path"]).read_bytes()
            assert (len(data), hashlib.sha256(data).hexdigest()) == (item["size"], item["sha256"])

    def fingerprints(self, key="debian:bookworm:default:amd64"):
        """Of the versions, the newest first."""
        return _image_tree.fingerprints(self.products[key])


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path)


def fingerprint(image):
    files = [image[option] for option in ("file", "rootfs") if image[option]]
    return hashlib.sha256(b"".join(pathlib.Path(path).read_bytes() for path in files)).hexdigest()


def test_an_image_is_published(lab):
    image = lab.image(aliases=["debian/12", "debian/bookworm", "debian/12"])
    done = lab.publish(image)
    assert done["actions"][-1] == (
        f"publish debian:bookworm:default:amd64 ({fingerprint(image)[:12]}) as debian/12,debian/bookworm"
    )
    assert done["images"][0]["fingerprint"] == fingerprint(image) == lab.fingerprints()[0]
    assert done["images"][0]["aliases"] == ["debian/12", "debian/bookworm"]
    (version,) = lab.products["debian:bookworm:default:amd64"]["versions"].values()
    assert set(version["items"]) == {"lxd.tar.xz", "incus.tar.xz", "squashfs"}
    assert all((lab.tree / item["path"]).stat().st_mode & 0o777 == 0o644 for item in lab.items())


def test_every_sort_of_image(lab):
    unified = lab.image(release="trixie", rootfs=None, file=lab.tarball("u.tar.gz", more=["rootfs/"]))
    tar = lab.image(sort="xz", variant="cloud", aliases=["debian/12/cloud"])
    done = lab.publish(
        lab.image(), lab.image(sort="disk", requirements={"secureboot": False}), {**unified, "aliases": ["t"]}, tar
    )
    assert [image["type"] for image in done["images"]] == ["container", "virtual-machine", "container", "container"]
    assert set(lab.products) == {
        "debian:bookworm:default:amd64",
        "debian:bookworm:default:amd64:vm",
        "debian:trixie:default:amd64",
        "debian:bookworm:cloud:amd64",
    }
    disk = lab.products["debian:bookworm:default:amd64:vm"]
    assert disk["requirements"] == disk["lxd_requirements"] == {"secureboot": "false"}


def test_a_newer_image_is_a_newer_version(lab):
    first, second, third = (lab.image(str(number)) for number in range(3))
    for image in (first, second):
        lab.publish(image)
    assert lab.fingerprints() == [fingerprint(second), fingerprint(first)]
    done = lab.publish(third)
    assert lab.fingerprints() == [fingerprint(third), fingerprint(second)]
    assert f"remove version {fingerprint(first)[:12]} of debian:bookworm:default:amd64" in done["actions"]
    kept = lab.tree / "images" / f"{fingerprint(first)}.squashfs"
    assert kept.exists(), "a client may still have the index that names it"
    lab.publish(lab.image("0"))  # back to the first: it is the newest again
    assert lab.fingerprints() == [fingerprint(first), fingerprint(third)]


def test_files_go_when_no_index_names_them_for_a_while(lab):
    first, second = lab.image("1"), lab.image("2")
    lab.publish(first)
    lab.publish(second, keep=1)
    names = {path.name for path in (lab.tree / "images").iterdir()}
    assert f"{fingerprint(first)}.squashfs" in names
    (lab.tree / "images" / "README").write_text("not ours")
    (lab.tree / "images" / f".{fingerprint(first)}.squashfs.part").write_text("of a run that broke off")
    for path in (lab.tree / "images").iterdir():
        os.utime(path, (time.time() - 7200, time.time() - 7200))
    done = lab.publish(second, keep=1, grace="1h")
    assert len(done["actions"]) == 3 and done["changed"]
    assert {path.name for path in (lab.tree / "images").iterdir()} == {
        "README",
        f"{fingerprint(second)}.squashfs",
        f"{fingerprint(second)}.meta.tar.xz",
    }


def test_what_is_not_written_stays_unless_it_is_purged(lab):
    other = lab.image("2", release="trixie", aliases=["debian/13"])
    lab.publish(lab.image("1"), other)
    lab.publish(lab.image("1"))
    assert "debian:trixie:default:amd64" in lab.products
    done = lab.publish(lab.image("1"), purge=True)
    assert done["actions"] == ["remove debian:trixie:default:amd64 with all versions"]
    assert lab.publish(purge=True)["changed"] and lab.products == {}


def test_a_description_that_changes(lab):
    lab.publish(lab.image())
    done = lab.publish(lab.image(aliases=["debian/12", "stable"]))
    assert done["actions"] == ["change the description of debian:bookworm:default:amd64"]
    assert "stable" in done["diff"]["after"] and "stable" not in done["diff"]["before"]


def test_a_run_that_broke_off_is_continued(lab, monkeypatch):
    """After each file, and between both parts of the index, the tree is one that clients can use."""
    lab.publish(lab.image("1"))
    real = os.replace
    for number in range(4):
        steps = iter(range(100))

        def failing(source, target, stop=number, steps=steps):
            if next(steps) == stop:
                raise OSError(28, "No space left on device")
            real(source, target)

        monkeypatch.setattr(os, "replace", failing)
        image = lab.image(f"new{number}", release=f"r{number}", aliases=[f"r{number}"])
        with pytest.raises(LXDError, match="No space left on device. The next run continues from here"):
            lab.run(image)
        monkeypatch.setattr(os, "replace", real)
        for item in lab.items():
            data = (lab.tree / item["path"]).read_bytes()
            assert hashlib.sha256(data).hexdigest() == item["sha256"]
        assert not list(lab.tree.rglob("*.part"))
        lab.publish(image)


def test_damage_is_mended(lab):
    first, second = lab.image("1"), lab.image("2")
    lab.publish(first)
    lab.publish(second)
    broken = lab.tree / "images" / f"{fingerprint(second)}.squashfs"
    broken.write_bytes(broken.read_bytes()[:-1] + b"x")
    done = lab.publish(second)
    assert len(done["actions"]) == 1 and done["actions"][0].startswith("copy ")
    (lab.tree / "images" / f"{fingerprint(first)}.squashfs").unlink()
    lab.publish(second)
    assert lab.fingerprints() == [fingerprint(second)], "a version without its files is in no index"
    (lab.tree / "streams/v1/index.json").write_text("{")
    assert lab.publish(second)["actions"] == ["write streams/v1/index.json"]


def test_a_file_that_changes_while_it_is_read(lab, monkeypatch):
    image = lab.image()
    real = _image_tree.Tree.add

    def add(self, name, part):
        with open(part.path, "ab") as stream:
            stream.write(b"x")
        real(self, name, part)

    monkeypatch.setattr(_image_tree.Tree, "add", add)
    with pytest.raises(LXDError, match="was changed while it was read. Nothing was published"):
        lab.run(image)
    assert not (lab.tree / "streams").exists()


def test_one_task_at_a_time(lab):
    with _image_tree.Tree(str(lab.tree)).locked(), pytest.raises(LXDError, match="another task is writing"):
        lab.run(lab.image())
    lab.publish(lab.image())


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"products": []}', '{"products": {"x": 1}}', '{"products": {"x": {"versions": {"1": {}}}}}'],
)
def test_an_index_that_is_broken_is_not_written_over(lab, text):
    (lab.tree / "streams/v1").mkdir(parents=True)
    (lab.tree / "streams/v1/images.json").write_text(text)
    with pytest.raises(InvalidInput, match="is no index of images .* If you remove it"):
        lab.run(lab.image())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"os": "../etc"}, "images[0].os: '../etc' cannot be in an index"),
        ({"release": "a:b"}, "images[0].release: 'a:b' cannot be"),
        ({"variant": "a,b"}, "images[0].variant: 'a,b' cannot be"),
        ({"variant": ""}, "images[0].variant: '' cannot be"),
        ({"aliases": []}, "images[0].aliases: '' is no alias"),
        ({"aliases": ["a", "b,c"]}, "images[0].aliases: 'b,c' is no alias"),
        ({"aliases": ["../x"]}, "images[0].aliases: '../x' is no alias"),
        ({"aliases": ["a:b"]}, "images[0].aliases: 'a:b' is no alias"),
        ({"aliases": ["a//b"]}, "images[0].aliases: 'a//b' is no alias"),
        ({"file": "/there/is/none"}, "images[0].file: '/there/is/none' cannot be read"),
        ({"rootfs": "/"}, "images[0].rootfs: '/' cannot be read"),
        ({"architecture": "arm64"}, "'arm64' is written, and the image is for amd64"),
    ],
)
def test_what_is_refused(lab, change, words):
    before = lab.listing()
    for check in (True, False):
        with pytest.raises(InvalidInput) as refused:
            lab.run({**lab.image(), **change}, check=check)
        assert words in str(refused.value)
    assert lab.listing() == before


def test_files_that_are_no_image(lab):
    plain = lab.files / "plain"
    plain.write_bytes(b"plain text")
    for change, words in (
        ({"rootfs": str(plain)}, "is no root file system that image servers have"),
        ({"file": str(plain)}, "is no tarball"),
        ({"file": lab.tarball("n.tar.gz", "name: x\n")}, "has no line with an architecture"),
        ({"file": lab.tarball("a.tar.gz", "architecture: vax\n")}, "'vax' is no architecture of an image"),
        ({"rootfs": None}, "it has no metadata.yaml and a rootfs"),
    ):
        with pytest.raises(InvalidInput) as refused:
            lab.run({**lab.image(), **change})
        assert words in str(refused.value)
    whole = pathlib.Path(lab.image()["file"]).read_bytes()
    (lab.files / "cut").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidInput, match="or not a whole one"):
        lab.run(lab.image(file=str(lab.files / "cut")))


def test_all_errors_at_once(lab):
    with pytest.raises(InvalidInput) as refused:
        lab.run(lab.image(os=""), lab.image(aliases=["/"]))
    assert len(refused.value.each) == 2
    with pytest.raises(InvalidInput, match="two of them are debian:bookworm:default:amd64"):
        lab.run(lab.image(), lab.image("2"))


def test_an_alias_belongs_to_one_product(lab):
    both = (lab.image("1"), lab.image("2", release="trixie"))
    with pytest.raises(InvalidInput, match="the alias 'debian/12' is that of"):
        lab.run(*both)
    lab.publish(both[0])
    with pytest.raises(InvalidInput, match="the alias 'debian/12' is that of"):
        lab.run(both[1])
    lab.publish(both[1], purge=True)


def test_architectures_share_aliases(lab):
    arm = lab.image("2", file=lab.tarball("arm.tar.gz", "name: x\narchitecture: 'aarch64'\n"), architecture="arm64")
    done = lab.publish(lab.image("1"), arm)
    assert [image["architecture"] for image in done["images"]] == ["amd64", "arm64"]
    assert {product["aliases"] for product in lab.products.values()} == {"debian/12"}


def test_an_image_belongs_to_one_product(lab):
    """The daemons find two images for its fingerprint, and take none."""
    first, second = lab.image("1"), lab.image("1", release="trixie", aliases=["debian/13"])
    with pytest.raises(InvalidInput, match="have the same image .*, and clients would take neither"):
        lab.run(first, second)
    lab.publish(first)
    with pytest.raises(
        InvalidInput, match="debian:bookworm:default:amd64 and debian:trixie:default:amd64 have the same"
    ):
        lab.run(second)
    lab.publish(second, purge=True)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"keep": 0}, "keep: 0 is no number of versions"), ({"grace": "soon"}, "grace: 'soon' is not an age")],
)
def test_other_options_that_are_refused(lab, change, words):
    with pytest.raises(InvalidInput, match=words):
        lab.run(lab.image(), **change)


def test_a_directory_that_is_not_there(lab):
    lab.tree.rmdir()
    with pytest.raises(InvalidInput, match="is not a directory on the host"):
        lab.run(lab.image())


def test_an_index_of_another_program_stays_readable(lab):
    """Its products stay as they are, and its files are not removed."""
    lab.publish(lab.image())
    products = json.loads((lab.tree / "streams/v1/images.json").read_text())
    (lab.tree / "images/foreign.tar.xz").write_bytes(b"x")
    items = {
        "incus.tar.xz": {"ftype": "incus.tar.xz", "path": "images/foreign.tar.xz", "combined_squashfs_sha256": "f"}
    }
    foreign = {"aliases": "foreign", "arch": "amd64", "more": 1, "versions": {"20200101_0000": {"items": items}}}
    products["products"]["foreign"] = foreign
    (lab.tree / "streams/v1/images.json").write_text(json.dumps(products))
    lab.run(lab.image("2"), grace="0s")
    assert lab.products["foreign"] == foreign and (lab.tree / "images/foreign.tar.xz").exists()


@pytest.mark.parametrize("newest", ["", "20200101", "20991231_2359", "20991231_235959_1", "99991231"])
def test_a_version_sorts_after_the_newest(newest):
    """Whatever another program has called it, and whatever the clock says; clients read a date at its beginning."""
    name = _image_tree._version(newest)
    assert name > newest and _image_tree._is_dated(name)


def test_versions_that_clients_pass_over():
    assert [
        name for name in ("20261301", "2026", "latest", "20260101x", "99999999") if _image_tree._is_dated(name)
    ] == ["20260101x"]
