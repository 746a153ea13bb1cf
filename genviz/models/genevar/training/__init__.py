"""Training of GeneVAR, stage by stage: condition, tokenizer, flow, prior."""
