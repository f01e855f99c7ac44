# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The JSON Schemas for editors: current, satisfied by every example, and not satisfied by what the modules refuse."""

from __future__ import annotations

import json
import pathlib
import re
import runpy

import pytest
import yaml
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.document import Document, make, parse
from jsonschema import Draft202012Validator

ROOT = pathlib.Path(__file__).resolve().parents[3]
STACK, VARIABLES = (
    Draft202012Validator(json.loads((ROOT / "docs" / "schemas" / name).read_text(encoding="utf-8")))
    for name in ("stack.json", "variables.json")
)
DOCUMENTS = sorted(ROOT.glob("inventories/*/stack/*.yml"))
GROUP_VARS = sorted([*ROOT.glob("inventories/*/group_vars/*.yml"), *ROOT.glob("inventories/*/host_vars/*.yml")])
#: The line that editors read (https://github.com/redhat-developer/yaml-language-server).
MODELINE = re.compile(r"^# yaml-language-server: \$schema=(\S+)$", re.M)


class Loader(yaml.SafeLoader):
    """Reads encrypted values as text."""


Loader.add_constructor("!vault", lambda loader, node: loader.construct_scalar(node))


def load(text):
    return yaml.load(text, Loader=Loader)  # noqa: S506 - a safe loader with one tag more


def written_in_docs():
    """The YAML in the documentation that is a document: a dictionary of sections, and nothing else."""
    for path in sorted([ROOT / "README.md", *ROOT.glob("docs/*.md")]):
        for number, block in enumerate(
            re.findall(r"^```yaml\n(.*?)^```", path.read_text(encoding="utf-8"), re.M | re.S)
        ):
            try:
                content = load(block)
            except yaml.YAMLError:
                continue
            if isinstance(content, dict) and set(content) <= {kind.plural() for kind in KINDS.values()}:
                yield pytest.param(content, id=f"{path.name}-{number}")


@pytest.mark.parametrize("validator", [STACK, VARIABLES], ids=["stack", "variables"])
def test_a_schema_is_one(validator):
    validator.check_schema(validator.schema)


def test_they_are_current(capsys):
    main = runpy.run_path(str(ROOT / "scripts" / "schemas.py"))["main"]
    assert main(["--check"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("path", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS])
def test_documents_of_the_examples_pass(path):
    text = path.read_text(encoding="utf-8")
    assert [error.message for error in STACK.iter_errors(load(text))] == []
    assert MODELINE.findall(text) == [STACK.schema["$id"]]


@pytest.mark.parametrize("path", GROUP_VARS, ids=[str(path.relative_to(ROOT)) for path in GROUP_VARS])
def test_variables_of_the_examples_pass(path):
    text = path.read_text(encoding="utf-8")
    assert [error.message for error in VARIABLES.iter_errors(load(text))] == []
    assert MODELINE.findall(text) in ([VARIABLES.schema["$id"]], [])


@pytest.mark.parametrize("content", list(written_in_docs()))
def test_documents_of_the_guide_pass(content):
    assert [error.message for error in STACK.iter_errors(content)] == []


def test_there_are_examples():
    assert len(DOCUMENTS) > 5 and len(GROUP_VARS) > 3 and list(written_in_docs())


@pytest.mark.parametrize(
    "text",
    [
        "instances: [{name: 'w{{ index }}', count: 3, image: debian/12}]",
        "instances: [{name: '{{ item.name }}', loop: '{{ servers }}', state: '{{ item.state }}'}]",
        "profiles: [{name: '{{ item }}', loop: [a, b], devices: '{{ devices }}'}]",
        "instances: [{name: a, ephemeral: '{{ brief }}', config: {limits.cpu: 2, user.a: null, user.b: true}}]",
    ],
)
def test_templates_and_loops_pass(text):
    assert [error.message for error in STACK.iter_errors(load(text))] == []


WRONG = {
    "a list": "- instances",
    "an unknown section": "instance: []",
    "a misspelled section": "profils: []",
    "a section of another module": "cluster_members: [{name: a}]",
    "a section that is a dictionary": "instances: {name: a}",
    "a section that is text": "instances: web1",
    "a preseed of a cluster": "cluster: {enabled: true}",
    "a volume without a pool": "storage_volumes: [{name: a}]",
    "an entry that is text": "instances: [web1]",
    "an entry that is a list": "instances: [[web1]]",
    "no name": "instances: [{image: debian/12}]",
    "an unknown option": "instances: [{name: a, imge: debian/12}]",
    "a misspelled config": "instances: [{name: a, confg: {limits.cpu: 1}}]",
    "an unknown state": "instances: [{name: a, state: running}]",
    "a state that is an event": "instances: [{name: a, state: restarted}]",
    "an entry that is absent": "instances: [{name: a, state: absent}]",
    "a new name": "instances: [{name: a, new_name: b}]",
    "a new project": "instances: [{name: a, new_project: b}]",
    "image and source": "instances: [{name: a, image: b, source: {type: none}}]",
    "config that is a list": "instances: [{name: a, config: [limits.cpu]}]",
    "config that is text": "instances: [{name: a, config: limits.cpu=1}]",
    "a key with a dictionary": "instances: [{name: a, config: {limits: {cpu: 1}}}]",
    "a key with a list": "instances: [{name: a, config: {limits.cpu: [1]}}]",
    "devices that are a list": "instances: [{name: a, devices: [{type: disk}]}]",
    "a device that is text": "instances: [{name: a, devices: {root: disk}}]",
    "a device with a dictionary in it": "instances: [{name: a, devices: {root: {type: {disk: 1}}}}]",
    "profiles that are a dictionary": "instances: [{name: a, profiles: {web: true}}]",
    "a truth value that is none": "instances: [{name: a, ephemeral: maybe}]",
    "an unknown type": "instances: [{name: a, type: vm}]",
    "an unknown condition": "instances: [{name: a, wait_for: [ip]}]",
    "an unknown choice": "instances: [{name: a, restart: always}]",
    "a snapshot of nothing": "instance_snapshots: [{name: a}]",
    "a snapshot with an instance that is a list": "instance_snapshots: [{name: a, instance: [b]}]",
    "a project where there is none": "storage_pools: [{name: a, project: b}]",
    "a target where there is none": "profiles: [{name: a, target: b}]",
    "a pool with devices": "storage_pools: [{name: a, driver: dir, devices: {}}]",
    "members that are a list": "storage_pools: [{name: a, members: [b]}]",
    "a member that is text": "networks: [{name: a, members: {n1: eth0}}]",
    "a certificate with an unknown type": "certificates: [{name: a, certificate: x, type: server}]",
    "neither certificate nor fingerprint": "certificates: [{name: a}]",
    "an image from two places": "images: [{name: a, file: x, remote: y}]",
    "a root file system without an image file": "images: [{name: a, rootfs: x}]",
    "depends_on that is a dictionary": "profiles: [{name: a, depends_on: {profile: b}}]",
    "a server configuration that is a list": "config: [core.https_address]",
    "a server key with a dictionary": "config: {core: {https_address: ':8443'}}",
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_a_wrong_document_is_refused(text, client):
    """By the schema and by the module alike, so that an editor tells no more and no less."""
    assert list(STACK.iter_errors(load(text)))
    entries, errors = parse([Document("a.yml", load(text), {})], KINDS, None)
    if not errors:
        with pytest.raises(InvalidInput):
            make(entries[0], client)


@pytest.mark.parametrize(
    "text",
    [
        "install_produkt: lxd",
        "install_product: docker",
        "init_profile: []",
        "init_profiles: {name: default}",
        "init_profiles: [{nam: default}]",
        "cluster_nam: c",
        "stack_purne: true",
        "stack_state: gone",
        "site_instance: []",
        "evacuate_last: maybe",
        "image_build_packages: {a: b}",
    ],
)
def test_wrong_variables_are_refused(text):
    assert list(VARIABLES.iter_errors(load(text)))


@pytest.mark.parametrize(
    "text", ["ansible_user: root", "install_product: '{{ product }}'", "init_profiles: '{{ a + b }}'", ""]
)
def test_other_variables_and_templates_pass(text):
    assert list(VARIABLES.iter_errors(load(text))) == []
