"""From recordings on a disk to frames that a network can be trained on."""

from timbrel.data.dataset import AudioDataset
from timbrel.data.manifest import Manifest

__all__ = ["AudioDataset", "Manifest"]
