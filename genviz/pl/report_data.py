"""What the HTML report embeds: spots, counts and pictures, packed small.

Counts travel as uint16 and log2 values as uint16 steps of 1/4096, gene-major, in base64:
a section of 200 spots and 200 genes takes about 400 kB.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import MissingKeyError
from genviz._keys import Layers, Uns
from genviz.core.arguments import check_adata
from genviz.pl.gene_values import interval_level, interval_name
from genviz.pl.section import Section, libraries, section_of

if TYPE_CHECKING:
    from anndata import AnnData

LOG2_STEP = 1.0 / 4096.0


def result_key(adata: AnnData) -> str:
    """The key under which the object holds a prediction.

    Raises
    ------
    MissingKeyError
        No layer ``<key>`` with ``<key>_log2`` beside it.
    """
    check_adata(adata)
    for name in adata.layers:
        if Layers.log2(name) in adata.layers:
            return str(name)
    raise MissingKeyError(
        f"Expected a prediction (layers '<key>' and '<key>_log2'), found layers {sorted(adata.layers)}. "
        "Make one with `genviz predict genar` or model.predict(adata)."
    )


def report_data(adata: AnnData, key: str, genes: list[str]) -> dict[str, Any]:
    """Everything the page draws, as one JSON-able dict.

    Parameters
    ----------
    adata
        A prediction; see `genviz.pl.report`.
    key
        Result key.
    genes
        Genes to embed.
    """
    columns = adata.var_names.get_indexer(genes)
    sections = [section_of(adata, library) for library in libraries(adata)]
    return {
        "log2Step": LOG2_STEP,
        "genes": genes,
        "interval": interval_name(interval_level(adata, key)),
        "geneScores": _gene_scores(adata, key, columns),
        "sections": [_pack_section(adata, key, columns, section) for section in sections],
    }


def provenance_of(adata: AnnData, key: str) -> dict[str, Any]:
    """The provenance of a prediction as plain values; empty when the object carries none."""
    stored = adata.uns.get(Uns.GENVIZ, {}).get(key)
    if stored is None:
        return {}
    return (
        json.loads(stored)
        if isinstance(stored, str)
        else {str(k): _plain(v) for k, v in dict(stored).items()}
    )


def _plain(value: Any) -> Any:
    """Numpy scalars and arrays as Python values; JSON strings opened."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, str) and value[:1] in "{[":
        return json.loads(value)
    return value


def _gene_scores(adata: AnnData, key: str, columns: NDArray[np.intp]) -> list[float | None]:
    """Pearson correlation of each gene in log2(1 + x), mean over sections; None when not measured or constant."""
    if Layers.COUNTS not in adata.layers:
        return [None] * len(columns)
    measured = np.log2(1.0 + _dense(adata.layers[Layers.COUNTS], columns))
    predicted = _dense(adata.layers[Layers.log2(key)], columns)
    found = []
    for library in libraries(adata):
        rows = section_of(adata, library, max_px=8).rows
        a = measured[rows] - measured[rows].mean(axis=0)
        b = predicted[rows] - predicted[rows].mean(axis=0)
        norm = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
        found.append(np.divide((a * b).sum(axis=0), norm, out=np.full(len(columns), np.nan), where=norm > 0))
    mean = np.mean(found, axis=0)
    return [round(float(r), 3) if np.isfinite(r) else None for r in mean]


def _pack_section(adata: AnnData, key: str, columns: NDArray[np.intp], section: Section) -> dict[str, Any]:
    packed: dict[str, Any] = {
        "library": section.library,
        "diameterUm": round(section.diameter_um, 2),
        "mpp": round(section.mpp, 5),
        "names": [str(name) for name in adata.obs_names[section.rows]],
        "xy": _base64(section.xy_um.astype("<f4")),
        "predicted": _pack_log2(adata.layers[Layers.log2(key)], section.rows, columns),
        "image": None,
    }
    if section.backdrop is not None:
        packed["image"] = {
            "uri": section.backdrop.uri,
            "widthUm": section.backdrop.width_um,
            "heightUm": section.backdrop.height_um,
        }
    for name, layer in (
        ("measured", Layers.COUNTS),
        ("mean", Layers.mean(key)),
        ("lower", Layers.lower(key)),
        ("upper", Layers.upper(key)),
    ):
        if layer in adata.layers:
            packed[name] = _pack_counts(adata.layers[layer], section.rows, columns)
    return packed


def _dense(matrix: Any, columns: NDArray[np.intp]) -> NDArray[np.float64]:
    part = matrix[:, columns]
    return np.asarray(part.toarray() if hasattr(part, "toarray") else part, dtype=np.float64)


def _pack_counts(matrix: Any, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> str:
    values = np.rint(_dense(matrix[rows], columns)).clip(0, 65535)
    return _base64(values.T.astype("<u2"))


def _pack_log2(matrix: Any, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> str:
    values = np.rint(_dense(matrix[rows], columns) / LOG2_STEP).clip(0, 65535)
    return _base64(values.T.astype("<u2"))


def _base64(array: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
