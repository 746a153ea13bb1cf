"""Files to AnnData and back: readers, slides, tiles, SpatialData, checkpoints, downloads."""

from __future__ import annotations

from genviz._lazy import attach

_NAMES = {
    "Finding": "genviz.io.contract",
    "Slide": "genviz.io.slide_base",
    "concat_sections": "genviz.io.concat",
    "contract_report": "genviz.io.contract",
    "counts_of": "genviz.io.counts",
    "export_nnunet": "genviz.io.nnunet",
    "from_spatialdata": "genviz.io.sdata",
    "open_slide": "genviz.io.slide",
    "read_counts": "genviz.io.st",
    "read_gdc": "genviz.io.gdc",
    "read_gmt": "genviz.io.gmt",
    "read_h5ad": "genviz.io.h5ad",
    "read_hest": "genviz.io.hest",
    "read_image_masks": "genviz.io.image_masks",
    "read_st": "genviz.io.st",
    "read_visium": "genviz.io.visium",
    "slide_of": "genviz.io.slide",
    "slide_pairs": "genviz.io.gdc_slides",
    "tiles": "genviz.io.tile_access",
    "to_spatialdata": "genviz.io.sdata",
    "write_h5ad": "genviz.io.h5ad",
}

__getattr__, __dir__, __all__ = attach(__name__, _NAMES)
