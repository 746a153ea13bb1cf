"""What a transcriptome becomes before it steers anything: beta-VAE, principal components, a class, or a linear map."""
