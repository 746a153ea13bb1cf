"""Prediction of any number of rows in bounded memory, on this machine or on a Dask cluster.

Shape legend: N rows, F features.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from genviz._settings import settings
from genviz.io.cluster import active_client, in_order
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
    results = in_order(_summary, (ensemble, level, readouts), jobs, client=active_client())
    parts = []
    with tqdm(total=len(rows), desc="predicting", unit="spot", disable=not settings.progress) as bar:
        for part in results:
            parts.append(part)
            bar.update(len(part.entropy_B))
    return concatenate(parts)


def _summary(
    shared: tuple[Ensemble, float, tuple[str, ...]], rows: Rows, z_NF: NDArray[np.float32], args: SampleArgs
) -> Summary:
    """One chunk."""
    ensemble, level, readouts = shared
    return summarise(ensemble, rows, z_NF, args, level, readouts)
