# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documents in files, through ansible-playbook: folders, encryption, and errors with file and line."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from typing import Any

import yaml
from integration.stacks import everything


def play(shop, folder: pathlib.Path, *extra: str, **arguments: Any) -> subprocess.CompletedProcess[str]:  # type: ignore[no-untyped-def]
    tasks = [{"name": "The stack", "cloudhost.lxd.stack": {"url": shop.daemon.url, **arguments}, "register": "shop"}]
    (folder / "play.yml").write_text(
        yaml.safe_dump([{"name": "Play", "hosts": "localhost", "gather_facts": False, "tasks": tasks}])
    )
    command = [
        str(pathlib.Path(sys.executable).with_name("ansible-playbook")),
        "-i",
        "localhost,",
        "-c",
        "local",
        str(folder / "play.yml"),
        *extra,
    ]
    return subprocess.run(
        [*command, "-e", f"ansible_python_interpreter={sys.executable}"],
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


BASE = """# of the shop
profiles:
  - name: shop-web
    config:
      limits.cpu: 1
instances:
  - name: shop-1
    source: {type: none}
    state: stopped
    profiles: [default, shop-web]
"""


def test_documents_in_files(shop, tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "10-base.yml").write_text(BASE)
    (folder / "20-more.yaml").write_text(
        "instance_snapshots:\n  - {instance: shop-1, name: s, expires_at: 2039-01-01T00:00:00Z}\n"
    )
    (folder / "ignored.txt").write_text("{")
    planned = play(shop, tmp_path, "--check", "--diff", name="shop", src="shop")
    assert planned.returncode == 0 and "changed=1" in planned.stdout and '+"profile shop-web":' in planned.stdout, (
        planned.stdout
    )
    assert shop.daemon.query("/1.0/profiles/shop-web", check=False) is None
    assert "changed=1" in play(shop, tmp_path, name="shop", src=["shop"]).stdout
    assert (
        "changed=0"
        in play(shop, tmp_path, name="shop", src=["shop/10-base.yml", "shop/20-more.yaml"], prune=True).stdout
    )


def test_what_is_encrypted_is_shown_nowhere(shop, tmp_path: pathlib.Path) -> None:
    """A whole file, a value of a file, and a variable that is part of a value: under keys that do not speak of secrets,
    and when the values change.
    """
    (tmp_path / "password").write_text("open sesame")
    vault = str(pathlib.Path(sys.executable).with_name("ansible-vault"))
    options = ["--vault-password-file", str(tmp_path / "password")]

    def written(*secrets: str) -> None:
        whole, value, variable = secrets
        (tmp_path / "whole.yml").write_text(
            f"profiles:\n  - name: shop-secret\n    description: {whole}\n    config: {{user.note: '{whole} 2', "
            f"user.on: 77}}\n"
        )
        subprocess.run([vault, "encrypt", *options, str(tmp_path / "whole.yml")], check=True, capture_output=True)
        for name, text, indent in (("value.yml", value, 8), ("vars.yml", variable, 2)):
            block = subprocess.run(
                [vault, "encrypt_string", *options, text], stdout=subprocess.PIPE, text=True, check=True
            ).stdout.split("\n")[1:]
            head = (
                "profiles:\n  - name: shop-inner\n    config:\n      user.note: !vault |\n"
                if name == "value.yml"
                else "note: !vault |\n"
            )
            (tmp_path / name).write_text(head + "".join(f"{' ' * indent}{line.strip()}\n" for line in block if line))

    definition = {"profiles": [{"name": "shop-part", "config": {"user.note": "it is {{ note }}!"}}]}
    old, new = ("whole-tulip", "value-tulip", "variable-tulip"), ("whole-rose", "value-rose", "variable-rose")
    for secrets, action in ((old, "+"), (new, "~")):
        written(*secrets)
        told = play(
            shop,
            tmp_path,
            *options,
            "-e",
            f"@{tmp_path}/vars.yml",
            "-vvv",
            "--diff",
            name="shop",
            src=["whole.yml", "value.yml"],
            definition=definition,
        )
        text = told.stdout + told.stderr
        assert told.returncode == 0 and all(
            f"{action} profile shop-{name}" in text for name in ("secret", "inner", "part")
        ), text
        assert "tulip" not in text and "rose" not in text and '"77"' not in text, text
        assert (
            shop.query("/1.0/profiles/shop-secret")["config"].items()
            >= {"user.note": f"{secrets[0]} 2", "user.on": "77"}.items()
        )
        assert shop.query("/1.0/profiles/shop-inner")["config"]["user.note"] == secrets[1]
        assert shop.query("/1.0/profiles/shop-part")["config"]["user.note"] == f"it is {secrets[2]}!"
    assert text.count("******** (changed)") >= 3


TEXT = """profiles:
  - name: shop-text
    config:
      cloud-init.user-data: |
        #cloud-config
        packages: [{package}]
        runcmd: [echo hello]
      user.proxy: http://joe:{login}@proxy:3128
      user.vendor-data: |
        chpasswd: {{list: 'root:{package}-word'}}
"""


def test_text_is_told_by_its_lines_unless_something_in_it_looks_secret(shop, tmp_path: pathlib.Path) -> None:
    (tmp_path / "text.yml").write_text(TEXT.format(package="nginx", login="tulip"))
    assert "changed=1" in play(shop, tmp_path, name="shop", src="text.yml").stdout
    (tmp_path / "text.yml").write_text(TEXT.format(package="caddy", login="rose"))
    for options, word in (({}, False), ({"show_text": True}, True)):
        text = play(shop, tmp_path, "--check", "-v", name="shop", src="text.yml", **options).stdout
        assert r"- packages: [nginx]\n" in text and r"+ packages: [caddy]\n" in text, text
        assert ("caddy-word" in text) is word and "tulip" not in text and "rose" not in text, text
        assert word or '******** (changed, 1 line)"' in text, text


WRONG = """profiles:
  - name: shop-web
    confg: {}
instances:
  - name: shop-1
    image: debian/21
  - name: shop-2
    source: {type: none}
    depends_on: [instance/shop-3]
  - name: shop-3
    source: {type: none}
    depends_on: [instance/shop-2]
instnaces: []
"""


def test_all_errors_with_file_and_line(shop, tmp_path: pathlib.Path) -> None:
    (tmp_path / "base.yml").write_text(BASE)
    (tmp_path / "wrong.yml").write_text(WRONG)
    (tmp_path / "twice.yml").write_text("profiles: []\nprofiles: []\n")
    (tmp_path / "broken.yml").write_text("profiles:\n  - [\n")
    before = everything(shop)
    told = play(shop, tmp_path, name="shop", src=["base.yml", "wrong.yml"]).stdout
    for words in (
        "wrong.yml:2: profiles[0] 'shop-web': profile shop-web is claimed twice, here and by base.yml:3",
        "wrong.yml:3: profiles[0] 'shop-web': confg: there is no such key. Did you mean 'config'?",
        "wrong.yml:5: instances[0] 'shop-1': instance shop-1 is claimed twice",
        "wrong.yml:7: instances[1] 'shop-2': what depends on each other cannot be ordered: instance shop-2 -> "
        "instance shop-3 -> instance shop-2",
        "wrong.yml:13: instnaces: there is no such section. Did you mean 'instances'?",
    ):
        assert words in told, told
    assert (
        "twice.yml:2: the key 'profiles' is written twice" in play(shop, tmp_path, name="shop", src="twice.yml").stdout
    )
    assert "broken.yml:3: this is not YAML" in play(shop, tmp_path, name="shop", src="broken.yml").stdout
    assert everything(shop) == before


LOOPS = """
profiles:
  - name: "shop-{{ item.name }}"
    config:
      limits.cpu: "{{ item.cpus }}"
      user.password: "{{ password }}"
    loop: "{{ sizes }}"
instances:
  - name: "shop-{{ index }}"
    source: {type: none}
    state: stopped
    profiles: [default, "shop-{{ 'small' if index == 1 else 'large' }}"]
    count: "{{ sizes | length }}"
"""


def test_templates_and_loops(shop, tmp_path: pathlib.Path) -> None:
    (tmp_path / "loops.yml").write_text(LOOPS)
    (tmp_path / "pass").write_text("geheim")
    sizes = [{"name": "small", "cpus": 1}, {"name": "large", "cpus": 2}]
    vault = [str(pathlib.Path(sys.executable).with_name("ansible-vault")), "encrypt_string"]
    vault += [f"--vault-password-file={tmp_path / 'pass'}", "swordfish-4711"]
    encrypted = subprocess.run(vault, check=True, capture_output=True, text=True).stdout.partition("\n")[2]
    host = tmp_path / "host_vars" / "localhost.yml"
    host.parent.mkdir()
    lines = "".join(f"    {line.strip()}\n" for line in encrypted.splitlines() if line.strip())
    host.write_text(f"sizes: {sizes}\npassword: !vault |\n{lines}")
    more = (f"--vault-password-file={tmp_path / 'pass'}", "--diff", "-vvv")
    done = play(shop, tmp_path, *more, name="shop", src="loops.yml", template=True)
    assert "changed=1" in done.stdout and "swordfish" not in done.stdout + done.stderr
    profile = shop.query("/1.0/profiles/shop-large")
    assert profile["config"]["limits.cpu"] == "2" and profile["config"]["user.password"] == "swordfish-4711"
    assert shop.query("/1.0/instances/shop-2")["profiles"] == ["default", "shop-large"]
    assert "changed=0" in play(shop, tmp_path, *more, name="shop", src="loops.yml", template=True).stdout
    plain = play(shop, tmp_path, *more, name="shop", src="loops.yml").stdout
    assert "loops.yml:7: profiles[0]" in plain and "loop: it needs src and template: true" in plain
    host.write_text(f"sizes: {sizes}\n")
    assert "loops.yml:6: profiles[0].config.user.password: the template cannot" in (
        play(shop, tmp_path, *more, name="shop", src="loops.yml", template=True).stdout
    )
