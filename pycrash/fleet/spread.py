"""Who reads the dumps: processes of this machine, or the workers of a dask cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from pycrash.errors import CrashError
from pycrash.fleet.attempts import Children, read_dump
from pycrash.fleet.facts import Facts, Failure, Job, Reading

#: Seconds that the scheduler of a cluster is waited for.
PATIENCE = 20

#: Reads jobs, and hands out each reading as it is done, in any order.
Runner = Callable[[Sequence[Job]], Iterator[tuple[Job, Reading]]]


def by_processes(at_once: int = 0) -> Runner:
    """Readers on this machine, so many at once; 0: as many as there are processors."""
    processors = os.cpu_count() or 1
    count = at_once or processors

    def run(jobs: Sequence[Job]) -> Iterator[tuple[Job, Reading]]:
        children, threads = Children(), max(1, processors // count)
        # A thread does nothing but wait for its reader.
        with ThreadPoolExecutor(count, "fleet") as pool:
            waiting = {pool.submit(read_dump, job, children, threads): job for job in jobs}
            try:
                for done in as_completed(waiting):
                    yield waiting[done], done.result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
                children.stop()

    return run


def by_dask(address: str) -> Runner:
    """Readers on the workers of the dask cluster whose scheduler has that address. Raises
    CrashError where dask.distributed is not there or the cluster cannot be reached."""
    try:
        from distributed import Client
        from distributed import as_completed as completed
    except ImportError:
        raise CrashError(
            "a dask cluster needs a package: pip install 'pycrash-shell[fleet]'"
        ) from None

    def run(jobs: Sequence[Job]) -> Iterator[tuple[Job, Reading]]:
        try:
            client = Client(address, timeout=PATIENCE)
        except (OSError, ValueError) as error:
            raise CrashError(f"{address}: no dask scheduler answers: {error}") from error
        with client:
            # A reading is not a pure function of its job: it may come to a limit today.
            waiting = {client.submit(read_dump, job, pure=False): job for job in jobs}
            for done in completed(waiting):
                job, failed = waiting[done], done.exception()
                yield job, done.result() if failed is None else _lost(job, failed)

    return run


def _lost(job: Job, error: BaseException) -> Reading:
    """What became of a dump whose worker failed."""
    failure = Failure("plain", "death", f"its worker failed: {type(error).__name__}: {error}")
    return Reading(None, Facts(), (failure,), 0, None, job.limits)
