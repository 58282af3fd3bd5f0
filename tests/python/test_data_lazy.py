"""A lazy dataset reads, from the recordings themselves, what a converted one has stored."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from timbrel.data import AudioDataset
from timbrel.data.excerpt import excerpt
from timbrel.data.preprocess import preprocess
from timbrel.errors import UserError

RATE = 44_100
KINDS = {
    "a.wav": (44_100, 1, None),
    "b.flac": (48_000, 2, None),
    "c.ogg": (44_100, 2, None),
    "d.mp3": (22_050, 1, None),
    "e.aiff": (96_000, 3, "PCM_24"),
    "f.wav": (8_000, 1, "ULAW"),
    "g.wav": (44_056, 1, "FLOAT"),
    "h.opus": (48_000, 1, None),
}


def music(seconds: float, rate: int, channels: int, seed: int) -> np.ndarray:
    """Loud noise that runs over full scale here and there."""
    rng = np.random.default_rng(seed)
    return np.clip(0.35 * rng.standard_normal((round(seconds * rate), channels)), -1.2, 1.2)


def write(path: Path, samples: np.ndarray, rate: int, subtype: str | None) -> None:
    """In pieces: libsndfile's Vorbis encoder needs stack for all that it is given at once."""
    form = "OGG" if path.suffix == ".opus" else None
    subtype = "OPUS" if path.suffix == ".opus" else subtype
    with soundfile.SoundFile(path, "w", rate, samples.shape[1], subtype, format=form) as file:
        for start in range(0, len(samples), 4096):
            file.write(samples[start : start + 4096])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lazy")
    (root / "in/deeper").mkdir(parents=True)
    for index, (name, (rate, channels, subtype)) in enumerate(KINDS.items()):
        folder = root / ("in/deeper" if index % 2 else "in")
        write(folder / name, music(9 + index, rate, channels, index), rate, subtype)
    for channels in (1, 2):
        for lazy in (False, True):
            preprocess(root / "in", root / f"{channels}{lazy}", channels=channels, lazy=lazy)
    return root


@pytest.mark.parametrize("channels", [1, 2])
def test_both_know_the_same_of_the_recordings(place, channels):
    lazy, converted = (
        AudioDataset.open(place / f"{channels}{kind}").manifest for kind in (True, False)
    )
    assert {entry.path for entry in lazy.files} == {entry.path for entry in converted.files}
    for name in ("files", "frames", "notes", "clipped_files", "silent_seconds", "skipped"):
        assert getattr(lazy, name) == getattr(converted, name), name
    # Measured before the rates are converted, when the noise of 96 kHz is still there.
    assert lazy.rms_dbfs == pytest.approx(converted.rms_dbfs, abs=0.5)
    assert {path.name for path in (place / f"{channels}True").iterdir()} == {"dataset.json"}


@pytest.mark.parametrize("channels", [1, 2])
@settings(max_examples=20, deadline=None)
@given(start=st.integers(0, 10**7), frames=st.integers(1, 200_000))
def test_any_crop_is_the_same_to_two_steps_of_16_bits(place, channels, start, frames):
    lazy, converted = (
        AudioDataset.open(place / f"{channels}{kind}").read_channels("train", start, frames)
        for kind in (True, False)
    )
    assert lazy.dtype == np.float32
    assert lazy.shape == (channels, frames)
    assert np.abs(lazy - converted).max() <= 2.01 / 32768


@pytest.mark.parametrize("name", KINDS)
def test_every_part_of_a_recording_is_found_to_its_last_frame(place, name):
    """Also in the last page of an Ogg file, in which libsndfile seeks to a wrong place."""
    tolerance = 1e-4 if name == "g.wav" else 2e-6  # 44,056 Hz: no small ratio
    (path,) = (place / "in").rglob(name)
    whole = excerpt(path, RATE, 1, 0, 20 * RATE)
    end = round(soundfile.info(path).frames * RATE / KINDS[name][0])
    assert not whole[end:].any()
    for start in (0, 1, 7_777, end // 2, end - 200_000, end - 70_001, end - 5_000, end - 1):
        np.testing.assert_allclose(
            excerpt(path, RATE, 1, start, 3_000), whole[start : start + 3_000], atol=tolerance
        )


def test_a_pickled_lazy_dataset_reads_the_same(place):
    dataset = AudioDataset.open(place / "1True")
    again = pickle.loads(pickle.dumps(dataset))
    np.testing.assert_array_equal(again.read("train", 5, 100), dataset.read("train", 5, 100))


def test_the_fingerprint_is_that_of_the_sound_its_rate_and_channels(place, tmp_path):
    shutil.copytree(place / "in", tmp_path / "moved")
    moved = preprocess(tmp_path / "moved", tmp_path / "out", lazy=True).manifest
    same = AudioDataset.open(place / "1True")
    assert moved.fingerprint == same.fingerprint
    others = [
        AudioDataset.open(place / "2True").fingerprint,
        AudioDataset.open(place / "1False").fingerprint,
        preprocess(
            place / "in", tmp_path / "rate", lazy=True, sample_rate=48_000
        ).manifest.fingerprint,
    ]
    assert len({same.fingerprint, *others}) == 4


def test_recordings_that_have_gone_or_changed_are_named_before_training(place, tmp_path):
    shutil.copytree(place / "in", tmp_path / "in")
    preprocess(tmp_path / "in", tmp_path / "out", lazy=True)
    opened = AudioDataset.open(tmp_path / "out")
    with (tmp_path / "in/a.wav").open("ab") as file:
        file.write(b"more")
    with pytest.raises(UserError, match=r"a\.wav has changed since .*--lazy --overwrite again"):
        AudioDataset.open(tmp_path / "out")
    (tmp_path / "in/a.wav").unlink()
    with pytest.raises(UserError, match=r"where a\.wav is not found .*put it back"):
        AudioDataset.open(tmp_path / "out")
    split = next(entry.split for entry in opened.manifest.files if entry.path == "a.wav")
    with pytest.raises(UserError, match=r"a\.wav can no longer be read"):
        opened.read(split, 0, opened.split_frames(split))


def test_what_cannot_be_read_from_its_middle_is_left_out_of_a_lazy_dataset_only(tmp_path, record):
    record(tmp_path / "in/good.wav", seconds=5)
    path = record(tmp_path / "in/stream.flac", seconds=6.0, seed=1)
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0  # a FLAC that does not know its length
    content[22:26] = bytes(4)
    path.write_bytes(content)
    (skipped,) = preprocess(tmp_path / "in", tmp_path / "lazy", lazy=True).manifest.skipped
    assert skipped.path == "stream.flac"
    assert "cannot be read from its middle" in skipped.reason
    assert not preprocess(tmp_path / "in", tmp_path / "out").manifest.skipped


def test_lazy_on_the_command_line(timbrel, place, tmp_path):
    result = timbrel("preprocess", place / "in", tmp_path / "out", "--lazy", "--channels", 2)
    assert result.returncode == 0, result.stderr
    assert f"the sound stays in {place / 'in'}" in result.stdout
    assert "minutes in stereo at 44100 Hz from 8 recordings" in result.stdout
    assert "an index only" in result.stderr
    again = timbrel("preprocess", place / "in", tmp_path / "out", "--lazy", "--channels", 2)
    assert "already there" in again.stdout
