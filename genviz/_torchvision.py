"""One guard for torchvision on CPU builds of torch.

PyPI's torchvision is linked against CUDA. Beside a CPU build of torch its compiled operators cannot be loaded,
and importing it fails with "operator torchvision::nms does not exist"; with it fail torch_fidelity, timm and
torchmetrics, hence lightning. Declaring the two operators lets everything import; calling them still fails,
and genviz never does.
"""

from __future__ import annotations

from typing import Any

_libraries: list[Any] = []  # torch forgets a library's operators when its handle is collected


def guard_torchvision() -> None:
    """Make torchvision importable beside a CPU build of torch; elsewhere do nothing.

    Call it before the first import of torchvision, torch_fidelity, timm or lightning.
    """
    import sys

    import torch

    if torch.version.cuda is not None or _libraries or "torchvision" in sys.modules:
        return
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _libraries.append(library)
