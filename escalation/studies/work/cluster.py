"""Other machines as an executor: a Dask cluster, which `dask scheduler` and `dask worker` start.

A task whose worker is lost is done again by another. The scheduler and its workers have to have the same packages as
this machine: they import them, and other versions could give other last digits.
"""

import asyncio
import logging
import warnings
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor, ThreadPoolExecutor
from contextlib import contextmanager
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from escalation.errors import ClusterError, MissingPackageError, brief

if TYPE_CHECKING:
    from distributed import Client

PATIENCE = 10
"""Seconds for a scheduler to answer, and for its first worker to be there."""

SAME = ("escalation", "numpy", "scipy", "numba")
"""Packages that numbers depend on, the one that imports the others first."""

LOGGERS = ("distributed", "distributed.client")


@contextmanager
def cluster_executor(address: str | None) -> Iterator[Executor | None]:
    """Connect to the Dask cluster with a scheduler such as `tcp://10.0.0.5:8786` while the block runs.

    Without an address there is no executor, which means this machine. A ClusterError says that the scheduler does not
    answer or has no workers, that they lack a package or have another version, or that all was lost during the work.
    """
    if address is None:
        yield None
        return
    _check_address(address)
    try:
        from distributed import Client, KilledWorker
    except ModuleNotFoundError as missing:
        raise MissingPackageError(f"a cluster needs {missing.name}: pip install 'escalation[cluster]'") from None
    with _quiet():
        _check_scheduler(address)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of versions, which are looked at below
                client = Client(address, timeout=PATIENCE, set_as_default=False)
        except OSError:
            raise ClusterError(f"{address}: no Dask scheduler answers") from None
        with client:
            try:
                _check_packages(address, client)
                yield client.get_executor(pure=False)
            except KilledWorker:
                raise ClusterError(
                    f"{address}: several workers died of one piece of work, for lack of memory as a rule"
                ) from None
            except CancelledError:
                raise ClusterError(f"{address}: the connection to the scheduler was lost") from None


def _check_address(address: str) -> None:
    try:
        parts = urlsplit(address)
        right = parts.scheme in ("tcp", "tls") and bool(parts.hostname) and bool(parts.port)
    except ValueError:
        right = False
    if not right or parts.path or parts.query or parts.fragment or "@" in parts.netloc or not address.isprintable():
        raise ClusterError(
            f"'{brief(address)}': should be the address of a Dask scheduler, such as tcp://10.0.0.5:8786"
        )


def _check_scheduler(address: str) -> None:
    """Ask the scheduler who it is: a client would wait for ever for what accepts a connection and says nothing."""
    from distributed import Security
    from distributed.core import rpc

    async def ask() -> None:
        arguments = Security().get_connection_args("client")
        async with rpc(address, timeout=PATIENCE, connection_args=arguments) as scheduler:
            await scheduler.identity()

    try:
        with ThreadPoolExecutor(1) as thread:  # of its own, where no other loop runs
            thread.submit(lambda: asyncio.run(asyncio.wait_for(ask(), PATIENCE))).result()
    except TypeError as error:  # no certificates
        raise ClusterError(f"{address}: cannot be reached by TLS: {error}") from None
    except (OSError, TimeoutError):
        raise ClusterError(f"{address}: no Dask scheduler answers") from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing from Dask on the screen: what goes wrong is said in one line."""
    before = {name: logging.getLogger(name).level for name in LOGGERS}
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def _check_packages(address: str, client: "Client") -> None:
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError:
        raise ClusterError(f"{address}: the scheduler has no workers: `dask worker {address}` starts one") from None
    for package in SAME:
        name = f"{package}:__version__"
        here = resolve_name(name)
        try:
            # By a function that every Python has, so that a missing package is found out.
            found: Any = client.run_on_scheduler(resolve_name, name)
        except ModuleNotFoundError as missing:
            found = missing
        workers = client.run(resolve_name, name, on_error="return")
        for place, version in {"the scheduler": found, **workers}.items():
            if isinstance(version, Exception):
                raise ClusterError(
                    f"{address}: {place} has no {package}: {version}; the same packages are needed there"
                )
            if version != here:
                raise ClusterError(f"{address}: {place} has {package} {version}, and this machine {here}")
