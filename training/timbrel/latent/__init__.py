"""The latent space after training: what is informative in it (paper, section 3.2)."""
