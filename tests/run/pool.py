# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the sessions of noxfile.py that plan.py names, several at a time, the longest first, and say what became of them.

Usage: pool.py FOLDER [--fast | --all]

FOLDER gets a report, a log, times and the cost of each session. What a session said is shown where it failed.
"""

from __future__ import annotations

import concurrent.futures
import os
import pathlib
import platform
import shutil
import signal
import subprocess
import sys
import threading
import time

import plan
import summary
import unchanged

ROOT = pathlib.Path(__file__).resolve().parents[2]
MEASURED = pathlib.Path(__file__).with_name("measured.py")
NOX = pathlib.Path(sys.executable).with_name("nox")
CORES = os.cpu_count() or 1
#: How many jobs run at a time. Those with daemons wait a lot, so there are two more of them than there are cores;
#: beside them run patient ones.
SLOTS, PATIENT_SLOTS = CORES + 2, CORES


class Pool:
    def __init__(self, folder: pathlib.Path, tree: unchanged.Tree, **environ: str) -> None:
        self.folder, self.tree = folder, tree
        self.shared = folder / "run"  # what one session makes for others too
        self.environ = {**os.environ, "CLOUDHOST_TEST_RUN": str(self.shared), **environ}
        self.files: dict[str, list[str]] = {}  # what a session shall look at, where that is not all
        self.processes: list[subprocess.Popen[bytes]] = []
        self.stopping = threading.Event()

    def run(self, jobs: list[plan.Job]) -> dict[str, bool]:
        """Whether each job passed. A job is not run, and has not passed, where one that it comes after has not."""
        waiting = sorted(jobs, key=lambda job: (job.last, job.patient, -plan.remaining(job, jobs)))
        passed: dict[str, bool] = {}
        running: dict[concurrent.futures.Future[bool], plan.Job] = {}
        with concurrent.futures.ThreadPoolExecutor(SLOTS + PATIENT_SLOTS) as threads:
            while waiting or running:
                for job in [job for job in waiting if not all(passed.get(name, True) for name in job.after)]:
                    waiting.remove(job)
                    passed[job.name] = False
                    say(f"{job.name} was not run, because a session before it failed")
                for job in list(waiting):
                    beside = [other for other in running.values() if other.patient is job.patient]
                    free = len(beside) < (PATIENT_SLOTS if job.patient else SLOTS)
                    alone = not running and job is waiting[0]
                    if all(name in passed for name in job.after) and (alone if job.last else free):
                        waiting.remove(job)
                        running[threads.submit(self._job, job)] = job
                for future in concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED).done:
                    passed[running.pop(future).name] = future.result()
        return passed

    def _job(self, job: plan.Job) -> bool:
        if self.stopping.is_set():
            return False
        place = {
            what: str(self.folder / f"{job.name}.{what}")
            for what in (summary.LOG, summary.REPORT, summary.COST, summary.TIMES)
        }
        command = ["nice", "-n", "10"] if job.patient else []
        command += [sys.executable, str(MEASURED), place[summary.COST], *(["--leaves"] if job.leaves else [])]
        command += [str(NOX), "--error-on-missing-interpreters", "--report", place[summary.REPORT], "-s", job.name]
        command += ["--", *self.files[job.name]] if job.name in self.files else []
        begin = time.monotonic()
        say(f"{job.name} …")
        with open(place[summary.LOG], "wb") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**self.environ, "CLOUDHOST_TEST_TIMES": place[summary.TIMES]},
            )
            self.processes.append(process)
            passed = process.wait() == 0
        if passed:
            self.tree.keep(job.name, job.reads)
            shutil.rmtree(self.folder / f"{job.name}.{summary.DAEMONS}", ignore_errors=True)
        said = "" if passed else "\n" + pathlib.Path(place[summary.LOG]).read_text(errors="replace")
        say(f"{job.name}: {'passed' if passed else 'FAILED'} in {time.monotonic() - begin:.0f} s{said}")
        return passed

    def due(self, jobs: list[plan.Job]) -> list[plan.Job]:
        """Those whose files have changed since they passed in this clone; some look only at what has changed."""
        found = []
        for job in jobs:
            changed = self.tree.changed(job.name, job.reads)
            if changed or changed is None:
                found.append(job)
            if (
                changed
                and job.wide is not None
                and not self.tree.read_by(job.wide).keys() & changed
                and changed <= self.tree.hashes.keys()
            ):
                self.files[job.name] = sorted(changed)
        return found

    def stop(self, number: int, _frame: object) -> None:
        """End the jobs, which end their daemons."""
        self.stopping.set()
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)


def _left_out(jobs: list[plan.Job], files: dict[str, list[str]]) -> list[str]:
    """What the fast tier did not do, so that nobody takes it for a whole run."""
    remarks = [
        "Left out: everything that needs a daemon, ansible-core 2.19, and of generated examples all but "
        f"{plan.FEW} a test."
    ]
    same = [job.name for job in plan.FAST if job not in jobs]
    if same:
        remarks.append(
            "Not run again, because none of their files has changed since they passed in this clone: "
            f"{', '.join(same)}."
        )
    return remarks + [
        f"{name} looked at what has changed since it passed in this clone: {', '.join(names)}."
        for name, names in files.items()
    ]


def say(words: str) -> None:
    sys.stdout.write(f"== {words}\n")  # with its end, or lines of two threads mix
    sys.stdout.flush()


def main() -> int:
    folder, option = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2] if len(sys.argv) > 2 else ""
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()
    whole = list(plan.PRODUCTS) if option == "--all" else [plan.chosen(commit)]
    fast = option == "--fast"
    pool = Pool(
        folder,
        unchanged.Tree(ROOT),
        CLOUDHOST_TEST_SHARED=" ".join(whole),
        # in a whole run other sessions are beside them, so a second process for a session would only load Ansible again
        **({"CLOUDHOST_EXAMPLES": plan.FEW} if fast else {"CLOUDHOST_TEST_PROCESSES": "0"}),
    )
    jobs = pool.due(plan.FAST) if fast else plan.full(whole)
    untried = not fast and platform.freedesktop_os_release().get("VERSION_CODENAME") not in plan.CLOUDS
    if untried:
        jobs = [job for job in jobs if not job.name.startswith("cloud-")]
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, pool.stop)
    begin = time.monotonic()
    try:
        pool.run(jobs)
    finally:
        shutil.rmtree(pool.shared, ignore_errors=True)
    if fast and not jobs:
        say("Nothing has changed")
    others = [product for product in plan.PRODUCTS if product not in whole]
    remarks = _left_out(jobs, pool.files) if fast else []
    if untried:
        remarks.append(f"Left out: tests/cloud, which has only been tried on {' and '.join(plan.CLOUDS)} yet.")
    if others and not fast:
        shared = ", ".join(plan.SHARED)
        remarks += [
            f"Left out: on {others[0]}, the tests of {shared} that do not carry the marker 'both', and the examples of "
            f"modules in processes of their own (commit {commit[:7]}; ./test.sh --all has them)."
        ]
    names = [job.name for job in jobs]
    return 0 if summary.tell(folder, names, time.monotonic() - begin, CORES, remarks) else 1


if __name__ == "__main__":
    sys.exit(main())
