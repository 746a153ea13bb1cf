"""Prediction of any number of rows in bounded memory, on this machine or on a Dask cluster.

Shape legend: N rows, F features.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from genviz._settings import settings
from genviz.models.genar.ensemble import Ensemble, SampleArgs
from genviz.models.genar.rows import Rows
from genviz.models.genar.summary import Summary, concatenate, summarise

CHUNK = 256  # rows whose samples are held at once: 256 x 256 samples x 253 groups of int32 are 66 MB


def predict_rows(
    ensemble: Ensemble, rows: Rows, args: SampleArgs, level: float, readouts: tuple[str, ...]
) -> Summary:
    """Sample and summarise rows chunk by chunk.

    With an active `dask.distributed.Client` chunks are computed there; the result is the same to the bit on
    machines of one kind, because a row's randomness is keyed and its arithmetic has one fixed size.
    """
    z_NF = ensemble.scaler.apply(rows.features_NF, rows.libraries)
    jobs = [
        (rows.take(index), z_NF[index], args.take(index))
        for index in (np.arange(start, min(start + CHUNK, len(rows))) for start in range(0, len(rows), CHUNK))
    ]
    client = active_client()
    results = (
        (summarise(ensemble, *job, level, readouts) for job in jobs)
        if client is None
        else _on_cluster(client, ensemble, jobs, level, readouts)
    )
    parts = []
    with tqdm(total=len(rows), desc="predicting", unit="spot", disable=not settings.progress) as bar:
        for part in results:
            parts.append(part)
            bar.update(len(part.entropy_B))
    return concatenate(parts)


def active_client() -> Any | None:
    """The Dask client of this session, if the user started one."""
    if "distributed" not in sys.modules:
        return None  # nobody can have started one
    from distributed import default_client

    try:
        return default_client()
    except ValueError:
        return None


def _on_cluster(
    client: Any,
    ensemble: Ensemble,
    jobs: list[tuple[Rows, NDArray[np.float32], SampleArgs]],
    level: float,
    readouts: tuple[str, ...],
) -> Iterator[Summary]:
    """Chunks in order, computed by the workers; the networks travel once."""
    model = client.scatter(ensemble, broadcast=True)
    futures = [client.submit(summarise, model, *job, level, readouts, pure=False) for job in jobs]
    try:
        for future in futures:
            yield future.result()
    finally:
        client.cancel(futures)
