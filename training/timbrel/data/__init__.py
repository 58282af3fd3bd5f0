"""From recordings on a disk to frames that a network can be trained on."""
