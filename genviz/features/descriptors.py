"""From window means of maps to descriptors: deviations, skewness, coherence, per-nucleus means.

Every descriptor is a smooth function of window means, so windows of any size cost the same.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from genviz.features.nuclei import AREA_EDGES
from genviz.features.texture import EDGE_SCALES

Array = NDArray[np.float64]

_MOMENTS = {f"{name}{order}" for name in ("r", "g", "b", "h", "e") for order in (2, 3)} | {"he"}
_FEW_NUCLEI = 2e-3 / 64  # per pixel; per-nucleus means fade to 0 below this density


def describe(names: tuple[str, ...], means: Array) -> tuple[list[str], Array]:
    """Turn window means into descriptors.

    Parameters
    ----------
    names
        Map names, as `pixel_maps` returns them.
    means
        (n, M) window means.

    Returns
    -------
    Descriptor names and values (n, d).
    """
    value = dict(zip(names, means.T, strict=True))
    described: dict[str, Array] = {
        name: column
        for name, column in value.items()
        if not (name in _MOMENTS or _tensor(name) or name.startswith("nuclei"))
    }
    described |= _spreads(value) | _coherences(value) | _nuclei(value)
    return list(described), np.stack(list(described.values()), axis=1)


def _tensor(name: str) -> bool:
    return name[1:4] in ("_xx", "_yy", "_xy")


def _spreads(value: dict[str, Array]) -> dict[str, Array]:
    """Standard deviations of colours and stains, skewness of stains, correlation of the two stains."""
    result = {
        f"{c}_sd": np.sqrt(np.maximum(value[f"{c}2"] - value[c] ** 2, 0)) for c in ("r", "g", "b", "h", "e")
    }
    covariance = value["he"] - value["h"] * value["e"]
    result["he_correlation"] = covariance / (result["h_sd"] * result["e_sd"] + 1e-3)
    for s in ("h", "e"):
        result[f"{s}_skew"] = np.cbrt(value[f"{s}3"] - 3 * value[s] * value[f"{s}2"] + 2 * value[s] ** 3)
    return result


def _coherences(value: dict[str, Array]) -> dict[str, Array]:
    """Anisotropy of edges, 0 (no direction) to 1 (parallel fibres): structure-tensor coherence."""
    result = {}
    for stain in ("h", "e"):
        for scale in EDGE_SCALES:
            xx, yy, xy = (value[f"{stain}_{part}{scale}"] for part in ("xx", "yy", "xy"))
            result[f"{stain}_coherence{scale}"] = np.sqrt((xx - yy) ** 2 + 4 * xy**2) / (xx + yy + 1e-6)
    return result


def _nuclei(value: dict[str, Array]) -> dict[str, Array]:
    """Nuclear density, densities by size and shape, and means over nuclei."""
    density = value["nuclei"]
    result = {"nuclei_density": np.sqrt(density)}
    trust = density / (density + _FEW_NUCLEI)
    kinds = [f"nuclei_area{edge}" for edge in AREA_EDGES] + ["nuclei_long", "nuclei_round"]
    means = ["nuclei_size", "nuclei_size2", "nuclei_eccentricity", "nuclei_darkness", "nuclei_chromatin"]
    for name in (*means, *kinds):
        result[f"{name}_mean"] = value[name] / (density + 1e-6) * trust
    for name in kinds:
        result[f"{name}_density"] = np.sqrt(value[name])
    return result
