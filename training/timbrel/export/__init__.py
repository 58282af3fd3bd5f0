"""From a trained network to a model file that plays in a patch, checked before it is written."""
