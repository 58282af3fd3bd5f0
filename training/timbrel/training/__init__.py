"""Training: losses, crops, stages, runs."""
