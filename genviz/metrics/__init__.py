"""Scores of predictions against measurements, each with its interval and its baseline."""

from __future__ import annotations

from genviz._lazy import attach

_NAMES = {
    "ImageSet": "genviz.metrics.image_set",
    "Nearest": "genviz.metrics.memorisation",
    "Score": "genviz.metrics.score",
    "Segmenter": "genviz.metrics.segmenter",
    "StyleNet": "genviz.metrics.style",
    "TissueStandard": "genviz.metrics.tissue",
    "centroid_table": "genviz.metrics.token_scores",
    "codebook_usage": "genviz.metrics.token_scores",
    "downstream": "genviz.metrics.downstream_table",
    "downstream_sets": "genviz.metrics.downstream_table",
    "empty_share": "genviz.metrics.swap_scores",
    "expression": "genviz.metrics.expression_scores",
    "expression_difference": "genviz.metrics.expression_scores",
    "feature_diversity": "genviz.metrics.diversity",
    "images": "genviz.metrics.image_scores",
    "leak_probe": "genviz.metrics.token_leak",
    "lpips_diversity": "genviz.metrics.diversity",
    "mask_agreement": "genviz.metrics.mask_scores",
    "mask_rows": "genviz.metrics.mask_scores",
    "masks": "genviz.metrics.mask_scores",
    "nearest_training": "genviz.metrics.memorisation",
    "psnr": "genviz.metrics.swap_scores",
    "register_extractor": "genviz.metrics.extractors",
    "scores_from_json": "genviz.metrics.score",
    "scores_table": "genviz.metrics.score",
    "scores_to_json": "genviz.metrics.score",
    "style_score": "genviz.metrics.style_scores",
    "swap_ownership": "genviz.metrics.swap_scores",
    "train_segmenter": "genviz.metrics.segmenter",
    "train_style": "genviz.metrics.style",
}

__getattr__, __dir__, __all__ = attach(__name__, _NAMES)
