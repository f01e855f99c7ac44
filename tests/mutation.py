# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Small changes to the engine that no unit test notices: `nox -s mutation`, with Python 3.12 or newer.

Everything is imported and collected once. Each mutant is a fork of that process in which the code of one function is
exchanged, and the tests that run the changed line are run until one fails. What is no part of a function, such as a
table, is imported again with the change in it. survivors.py keeps the results, so that a run that was interrupted
continues with --resume.
"""

from __future__ import annotations

import argparse
import collections
import gc
import hashlib
import importlib
import importlib.util
import json
import os
import pathlib
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import types
from typing import Any, NamedTuple

sys.path.insert(0, str(pathlib.Path(__file__).parent))
# Before the tests are imported: hypothesis tries the same examples, and few of them.
os.environ.update(CI="true", CLOUDHOST_EXAMPLES="10")

import pytest
from _pytest.runner import runtestprotocol
from mutants import Mutant, mutants_of
from survivors import CACHE, RESULTS, ROOT, SURVIVED, TARGETS, read_results, report, write_result

PACKAGE = "ansible_collections.cloudhost.lxd."
ENGINE = PACKAGE + "plugins.module_utils."
#: Seconds of CPU time for the tests of one mutant. The quickest come first; what is left out then can only spare the
#: mutant.
BUDGET = 3.0
#: Seconds of CPU time after which a mutant is taken to run in a circle, and seconds between two looks at whether it
#: does anything at all.
LIMIT, LOOK = 30, 20
QUIET = ("-s", "-p", "no:cacheprovider", "-p", "no:terminal", "-o", "addopts=--strict-markers", f"--rootdir={ROOT}")
#: Tests that take long: stacks made by chance, and playbooks, which are processes of their own.
LEFT_OUT = ("module_utils/_stack/test_stack_random.py", "plugins/action/test_direct.py")


class Tested(NamedTuple):
    """A test: the seconds it takes, and the lines of the targets that it runs."""

    seconds: float
    lines: dict[str, list[int]]


def code_objects(code: types.CodeType) -> list[types.CodeType]:
    return [
        code,
        *(one for inner in code.co_consts if isinstance(inner, types.CodeType) for one in code_objects(inner)),
    ]


class Runner:
    """A plugin of pytest that runs mutants where pytest would run tests."""

    def __init__(self, options: argparse.Namespace, temporary: pathlib.Path) -> None:
        self.options, self.temporary = options, temporary
        self.modules = {name: importlib.import_module(ENGINE + name) for name in TARGETS}
        self.files = {str(module.__file__): name for name, module in self.modules.items()}
        self.functions: dict[tuple[str, int, str], list[types.FunctionType]] = collections.defaultdict(list)
        for found in gc.get_objects():
            if isinstance(found, types.FunctionType) and found.__code__.co_filename in self.files:
                self.functions[
                    self.files[found.__code__.co_filename], found.__code__.co_firstlineno, found.__name__
                ].append(found)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.items = session.items
        self.tested = self.remembered()
        self.order = sorted(self.items, key=lambda item: self.tested[item.nodeid].seconds)
        known = {line["mutant"]: line for line in read_results()} if self.options.resume else {}
        if not self.options.resume:
            RESULTS.unlink(missing_ok=True)
        wanted = [
            mutant
            for name, module in self.modules.items()
            for mutant in mutants_of(name, pathlib.Path(str(module.__file__)).read_text("utf-8"))
        ]
        names = {mutant.name for mutant in wanted}
        again = (lambda name: known[name]["verdict"] in SURVIVED) if self.options.again else (lambda name: False)
        todo = [one for one in wanted if self.options.k in one.name and (one.name not in known or again(one.name))]
        print(f"{len(wanted)} mutants, {len(todo)} to run, {len(self.items)} tests")
        # the quick ones first, and then as chance has it: a run that is broken off has seen something of everything
        self.run_all(
            sorted(
                todo[:: self.options.every],
                key=lambda one: (one.function is None, hashlib.md5(one.name.encode()).digest()),
            )
        )
        self.status = report(names)
        return True

    # -- which test runs which line -----------------------------------------------------------------------------------

    def remembered(self) -> dict[str, Tested]:
        """What `measure` found, as long as neither the tests nor the targets have changed."""
        texts = [
            path.read_bytes() for path in sorted([*ROOT.glob("tests/unit/**/*.py"), *map(pathlib.Path, self.files)])
        ]
        place = CACHE / f"lines-{hashlib.sha256(b''.join(texts)).hexdigest()[:16]}.json"
        if not place.exists():
            shutil.rmtree(CACHE / "pyc", ignore_errors=True)
            pid = self.start(lambda: self.measure(place), 600, hasty=False)
            os.waitpid(pid, 0)
            said = CACHE / f"child-{pid}" / "said"
            if not place.exists():
                raise SystemExit(
                    "Without any mutation this fails: "
                    f"{said.read_text() if said.exists() else 'see ' + str(said.parent)}"
                )
            shutil.rmtree(said.parent)
        return {name: Tested(*entry) for name, entry in json.loads(place.read_text()).items()}

    def measure(self, place: pathlib.Path) -> str:
        monitoring, seen = sys.monitoring, collections.defaultdict(set)
        monitoring.use_tool_id(monitoring.COVERAGE_ID, "mutation")
        monitoring.register_callback(
            monitoring.COVERAGE_ID,
            monitoring.events.LINE,
            lambda code, line: seen[self.files[code.co_filename]].add(line) or monitoring.DISABLE,
        )
        for function in (one for found in self.functions.values() for one in found):
            for code in code_objects(function.__code__):
                monitoring.set_local_events(monitoring.COVERAGE_ID, code, monitoring.events.LINE)
        tested = {}
        for item in self.items:
            seen.clear()
            monitoring.restart_events()
            began = time.process_time()
            failed = run_tests([item])
            if failed:
                return failed
            tested[item.nodeid] = Tested(
                time.process_time() - began, {name: sorted(lines) for name, lines in seen.items()}
            )
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(tested))
        return ""

    def tests_of(self, mutant: Mutant) -> list[pytest.Item]:
        """Those that run the line, or, for what is run at the import, anything of the module; the quickest first,
        within the budget.
        """
        chosen, left = [], self.options.budget
        for item in self.order:
            tested = self.tested[item.nodeid]
            lines = tested.lines.get(mutant.module, ())
            if any(line in mutant.lines for line in lines) if mutant.function else lines:
                left -= tested.seconds
                if left < 0 and chosen:
                    break
                chosen.append(item)
        return chosen

    # -- running ------------------------------------------------------------------------------------------------------

    def run_all(self, todo: list[Mutant]) -> None:
        """Some at a time, each in a child that writes down what came of it."""
        CACHE.mkdir(parents=True, exist_ok=True)
        running: dict[int, Mutant] = {}
        began = time.monotonic()
        for number, mutant in enumerate([*todo, None]):
            while len(running) >= (self.options.jobs if mutant else 1):
                self.reap(running)
            if mutant is None:
                break
            items = self.tests_of(mutant)
            if not items:
                write_result(mutant, "never run", "")
                continue
            running[self.start(lambda mutant=mutant, items=items: self.try_out(mutant, items), LIMIT)] = mutant
            if number % 100 == 99:
                print(f"{number + 1} of {len(todo)}, {time.monotonic() - began:.0f} s", flush=True)

    def reap(self, running: dict[int, Mutant]) -> None:
        pid, status = os.wait()
        mutant = running.pop(pid, None)
        place = CACHE / f"child-{pid}"
        words = (place / "said").read_text() if (place / "said").exists() else None
        for path in (place, self.temporary / str(pid)):
            shutil.rmtree(path, ignore_errors=True)
        if mutant is not None:
            if os.WIFSIGNALED(status) or words is None:
                write_result(
                    mutant,
                    "killed",
                    f"it does not end (signal {os.WTERMSIG(status)})"
                    if os.WIFSIGNALED(status)
                    else "it breaks the run",
                )
            else:
                write_result(mutant, "killed" if words else "survived", words)

    def start(self, work: Any, seconds: int, hasty: bool = True) -> int:
        """A fork of this process with a folder and limits of its own, in which `work` is done and what it returns is
        written down.

        A hasty one is ended where it does nothing for a while, as tests do that wait for a program.
        """
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            place = CACHE / f"child-{os.getpid()}"
            place.mkdir(parents=True, exist_ok=True)
            own = self.temporary / str(os.getpid())
            own.mkdir()
            # all temporary files, because what ends here does not tidy up
            os.environ["TMPDIR"] = os.environ["PYTEST_DEBUG_TEMPROOT"] = tempfile.tempdir = str(own)
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
            if hasty:
                watch()
            output = os.open(place / "output", os.O_WRONLY | os.O_CREAT)
            os.dup2(output, 1)
            os.dup2(output, 2)
            words = work()
            (place / "said").write_text(words)
            code = 0
        except BaseException:  # whatever it is, this is a fork in the middle of pytest, and must not go on as one
            traceback.print_exc()
        finally:
            os._exit(code)

    def try_out(self, mutant: Mutant, items: list[pytest.Item]) -> str:
        mutated = mutant.compiled(str(self.modules[mutant.module].__file__))
        exchanged = self.exchange(mutant, mutated)
        if exchanged:
            return run_tests(items)
        return self.run_anew(mutant, mutated, items)

    def exchange(self, mutant: Mutant, mutated: types.CodeType) -> bool:
        """Give the function its new code; False where it cannot be done in place."""
        if mutant.function is None:
            return False
        key = (mutant.module, *mutant.key)
        new = [code for code in code_objects(mutated) if (code.co_firstlineno, code.co_name) == mutant.key]
        if len(new) != 1 or not self.functions[key]:
            return False
        try:
            for function in self.functions[key]:
                function.__code__ = new[0]
        except ValueError:  # it has other free variables
            return False
        for name, module in list(sys.modules.items()):
            if name.startswith(ENGINE):
                for value in vars(module).values():
                    if hasattr(value, "cache_clear"):
                        value.cache_clear()
        return True

    def run_anew(self, mutant: Mutant, mutated: types.CodeType, items: list[pytest.Item]) -> str:
        """Import all of the collection again, with the mutant in the place of its module."""
        for name, module in list(sys.modules.items()):
            if name.startswith(PACKAGE) or str(getattr(module, "__file__", None)).startswith(
                str(ROOT / "tests" / "unit")
            ):
                del sys.modules[name]
        sys.meta_path.insert(0, _Instead(ENGINE + mutant.module, mutated))
        chosen = _Chosen([item.nodeid for item in items])
        files = sorted({str(item.path) for item in items})
        pytest.main(["-x", *QUIET, *files], plugins=[chosen])
        return chosen.failed


def watch() -> None:
    """End this process when it waits for what does not come, which a busy machine cannot be taken for: its time on the
    processor or in line for it tells.
    """

    def busy() -> int:
        return sum(
            int(text)
            for place in pathlib.Path("/proc/self/task").glob("*/schedstat")
            for text in place.read_text().split()[:2]
        )

    def look(*_args: Any) -> None:
        now = busy()
        if now - last[0] < LOOK * 1e9 / 10:
            os.kill(os.getpid(), signal.SIGKILL)
        last[0] = now

    last = [busy()]
    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, LOOK, LOOK)


def run_tests(items: list[pytest.Item]) -> str:
    """Until one fails, whose name is returned."""
    for item, following in zip(items, [*items[1:], None]):
        if any(report.failed for report in runtestprotocol(item, nextitem=following, log=False)):
            return item.nodeid
    return ""


class _Chosen:
    """A plugin of pytest that keeps only some tests, in their order, and says which failed."""

    def __init__(self, names: list[str]) -> None:
        self.place = {name: position for position, name in enumerate(names)}
        self.failed = "it cannot be imported"  # unless the tests are run

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self.place), key=lambda item: self.place[item.nodeid]
        )
        self.failed = "" if items else "no test is left"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed = report.nodeid


class _Instead:
    """Imports one module from code that is given."""

    def __init__(self, name: str, code: types.CodeType) -> None:
        self.name, self.code = name, code

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        return importlib.util.spec_from_loader(name, self, origin=self.code.co_filename) if name == self.name else None

    def create_module(self, spec: Any) -> None:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        module.__file__ = self.code.co_filename
        exec(self.code, module.__dict__)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--resume", action="store_true", help="keep the results there are, and run what has none")
    parser.add_argument("--again", action="store_true", help="with --resume: run those that survived, too")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many at a time")
    parser.add_argument(
        "--budget", type=float, default=BUDGET, metavar="SECONDS", help="CPU time for the tests of one mutant"
    )
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth mutant")
    parser.add_argument("-k", default="", metavar="TEXT", help="only mutants with this text in their name")
    options = parser.parse_args()
    sys.dont_write_bytecode = False
    sys.pycache_prefix = str(CACHE / "pyc")
    unit = ROOT / "tests" / "unit"
    # its name is short, because paths of sockets are in it
    with tempfile.TemporaryDirectory(prefix="mu-", ignore_cleanup_errors=True) as temporary:
        runner = Runner(options, pathlib.Path(temporary))
        pytest.main([*QUIET, *(f"--ignore={unit / name}" for name in LEFT_OUT), str(unit)], plugins=[runner])
    return getattr(runner, "status", 1)


if __name__ == "__main__":
    sys.exit(main())
