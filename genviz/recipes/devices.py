"""Rates of devices, for what a run will cost; no package is loaded for them."""

from __future__ import annotations

DEVICES = {
    "cpu": 60e9,
    "rtx4090": 60e12,
    "a6000": 45e12,
    "a100": 110e12,
    "h100": 250e12,
}
"""Device → sustained FLOP/s in training. CPU: one core in fp32, as measured in docs/performance.md; GPUs: bf16 at about
a third of the makers' dense figures, which is what networks of this size reach at best."""

STEP_SECONDS = {"cpu": 4e-3, "gpu": 3e-3}
"""What a step costs beside its arithmetic: loading, launches, the optimiser; most of it where networks are small."""
