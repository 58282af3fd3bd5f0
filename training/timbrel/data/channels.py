"""How a recording's channels become a dataset's."""

import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.float32]
"""``(frames, channels)``, as sound files have it."""

MOST = 64
"""Channels of a dataset."""


def fold(frames: Frames, channels: int) -> Frames:
    """The same sound ``(frames, n)`` in another number of channels.

    Channel j of fewer is the mean of those whose number is j modulo `channels`, so that one is the
    mix of all; more repeat what is there from its beginning, as `nn~` fills its inlets.
    """
    present = frames.shape[1]
    if present == channels:
        return frames
    if present < channels:
        return np.ascontiguousarray(frames[:, np.arange(channels) % present])
    folded = np.empty((len(frames), channels), np.float32)
    for channel in range(channels):
        members = range(channel, present, channels)
        # Column by column: numpy's mean along so short an axis takes as long as decoding FLAC.
        total = frames[:, members[0]].copy()
        for member in members[1:]:
            total += frames[:, member]
        folded[:, channel] = total / np.float32(len(members))
    return folded
