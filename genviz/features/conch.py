"""CONCH's image tower, by way of its authors' package.

timm alone cannot build it: the published file holds a vision transformer, an attention pooler and a text
tower under CONCH's own names, and the features meant for use come out of the pooler.
"""

from __future__ import annotations

import importlib
from typing import Any

from torch import Tensor, nn

from genviz._errors import MissingDependencyError
from genviz._torchvision import guard_torchvision
from genviz.features.hub_errors import explained
from genviz.features.timm_models import TimmModel

ARCHITECTURE = "conch_ViT-B-16"
# CONCH standardises its input as OpenAI's CLIP does.
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


class ConchImageTower(nn.Module):
    """Features before the projection that compares them with text, as its authors advise for other uses.

    Parameters
    ----------
    model
        What ``conch.open_clip_custom.create_model_from_pretrained`` returns.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.visual = model.visual

    def forward(self, tiles_B3HW: Tensor) -> Tensor:
        """(B, 512) of standardised tiles (B, 3, 448, 448)."""
        features: Tensor = self.visual.forward_no_head(tiles_B3HW, normalize=False)
        return features


def load_conch(name: str, model: TimmModel) -> nn.Module:
    """Get the image tower with its released weights.

    Raises
    ------
    MissingDependencyError
        Without the package ``conch``, which is not on PyPI.
    GenvizError, DownloadError
        When the weights are refused or cannot be had.
    """
    guard_torchvision()
    try:
        create = importlib.import_module("conch.open_clip_custom").create_model_from_pretrained
    except ImportError as err:
        raise MissingDependencyError(
            f"Expected the authors' package for encoder {name!r}, because timm cannot build CONCH; importing "
            f"it failed ({err}). Run `pip install git+https://github.com/mahmoodlab/CONCH.git` (licence CC "
            "BY-NC-ND 4.0), or use encoder='uni' or encoder='morphology'."
        ) from err
    with explained(name, model):
        whole = create(ARCHITECTURE, f"hf_hub:{model.repository}", return_transform=False)
    return ConchImageTower(whole)
