"""Causal MeanFlow: one-step refinement of a scale, trained against counterfactual stains; and the masks it gives."""
