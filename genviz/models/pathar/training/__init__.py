"""Both stages of a training, from images in memory to a trained model."""
