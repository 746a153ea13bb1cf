"""What every slide view calls its panels, in the notebook and in napari."""

from __future__ import annotations

from genviz.controllers.slide.values import ERROR, MEASURED, PREDICTED, UNCERTAINTY

TITLES = {MEASURED: "Measured", PREDICTED: "Predicted", ERROR: "Error", UNCERTAINTY: "Uncertainty"}
UNITS = {
    MEASURED: "log2(1+count)",
    PREDICTED: "log2(1+count)",
    ERROR: "log2 units",
    UNCERTAINTY: "log2 units",
}
HINTS = {
    MEASURED: "What was counted at each spot. 1 more is twice as many molecules.",
    PREDICTED: "What the model expects from the image. Same colours as measured.",
    ERROR: "Predicted minus measured: blue too low, orange too high, white right.",
    UNCERTAINTY: "Width of the interval around the prediction: where it is wide, do not lean on the colour.",
}
