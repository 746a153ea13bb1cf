"""What synthetic data are worth in training: folds by patient, groups, mixtures."""
