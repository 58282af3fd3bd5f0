"""Datasets of one channel, of two and of many."""

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from timbrel.data import AudioDataset
from timbrel.data.channels import fold
from timbrel.data.preprocess import preprocess
from timbrel.errors import UserError


@given(st.integers(1, 32), st.integers(1, 32), st.integers(0, 50), st.integers(0, 2**32))
def test_folding_is_the_mean_of_channels_that_are_equal_modulo(present, wanted, frames, seed):
    source = np.random.default_rng(seed).uniform(-1, 1, (frames, present)).astype(np.float32)
    folded = fold(source, wanted)
    assert (folded.shape, folded.dtype) == ((frames, wanted), np.float32)
    for channel in range(wanted):
        expected = (
            source[:, channel % present :: wanted]
            if present > wanted
            else source[:, [channel % present]]
        )
        np.testing.assert_allclose(folded[:, channel], expected.mean(axis=1), atol=1e-6)


@pytest.fixture
def quad(tmp_path):
    """Four seconds each: mono, stereo and quadraphonic, every channel another sine."""
    (tmp_path / "in").mkdir()
    time = np.arange(4 * 44_100) / 44_100
    tones = 0.5 * np.sin(2 * np.pi * np.outer(time, (300, 500, 700, 1_100)))
    for channels in (1, 2, 4):
        soundfile.write(tmp_path / f"in/{channels}.wav", tones[:, :channels], 44_100, "FLOAT")
    return tmp_path, np.rint(tones * 32768) / 32768


def parts(dataset: AudioDataset, name: str) -> np.ndarray:
    """All of a recording, ``(channels, frames)``, whichever split it is in."""
    found = []
    for split in ("train", "validation"):
        position = 0
        for entry in dataset.manifest.files:
            if entry.split == split:
                if entry.path == name:
                    found.append(dataset.read_channels(split, position, entry.frames))
                position += entry.frames
    return np.concatenate(found, axis=1)


@pytest.mark.parametrize("lazy", [False, True], ids=["converted", "lazy"])
def test_stereo_stays_stereo_mono_is_doubled_and_four_are_folded(quad, lazy):
    place, tones = quad
    outcome = preprocess(place / "in", place / "out", channels=2, lazy=lazy)
    dataset = AudioDataset.open(place / "out")
    assert dataset.channels == outcome.manifest.channels == 2
    step = 1.01 / 32768
    np.testing.assert_allclose(parts(dataset, "1.wav"), tones[:, [0, 0]].T, atol=step)
    np.testing.assert_allclose(parts(dataset, "2.wav"), tones[:, :2].T, atol=step)
    folded = np.stack([tones[:, [0, 2]].mean(axis=1), tones[:, [1, 3]].mean(axis=1)])
    np.testing.assert_allclose(parts(dataset, "4.wav"), folded, atol=step)


def test_every_channel_keeps_its_own_sound_through_a_conversion_of_rate(quad):
    place, _ = quad
    preprocess(place / "in", place / "out", channels=4, sample_rate=32_000)
    found = parts(AudioDataset.open(place / "out"), "4.wav")
    assert found.shape == (4, 4 * 32_000)
    for channel, frequency in zip(found, (300, 500, 700, 1_100), strict=True):
        spectrum = np.abs(np.fft.rfft(channel * np.hanning(len(channel))))
        assert np.argmax(spectrum) * 32_000 / len(channel) == pytest.approx(frequency, abs=0.5)


def test_one_channel_is_read_as_the_mix_of_all(quad):
    place, _ = quad
    preprocess(place / "in", place / "out", channels=4)
    dataset = AudioDataset.open(place / "out")
    every = dataset.read_channels("train", 100, 5_000)
    assert every.shape == (4, 5_000)
    mixed = dataset.read("train", 100, 5_000)
    assert (mixed.shape, mixed.dtype) == ((5_000,), np.float32)
    np.testing.assert_allclose(mixed, every.mean(axis=0), atol=1e-6)


def test_the_split_does_not_depend_on_rate_channels_or_laziness(tmp_path, record):
    for index in range(30):
        record(tmp_path / f"in/{index}.wav", seconds=0.5, channels=2, seed=index)
    splits = [
        {
            (entry.path, entry.split)
            for entry in preprocess(tmp_path / "in", tmp_path / f"{i}", **options).manifest.files
        }
        for i, options in enumerate(
            ({}, {"channels": 2}, {"sample_rate": 16_000}, {"lazy": True, "channels": 5})
        )
    ]
    assert splits[0] == splits[1] == splits[2] == splits[3]
    assert {split for _, split in splits[0]} == {"train", "validation"}


def test_the_same_sound_in_another_format_is_a_duplicate(tmp_path, record):
    """And so it stays on its side of the split."""
    path = record(tmp_path / "in/a.wav", seconds=4, channels=2)
    samples, rate = soundfile.read(path, dtype="int16")
    soundfile.write(tmp_path / "in/b.flac", samples, rate)
    with soundfile.SoundFile(tmp_path / "in/c.wav", "w", rate, 2) as tagged:
        tagged.title = "the same, with a title"
        tagged.write(samples)
    manifest = preprocess(tmp_path / "in", tmp_path / "out").manifest
    assert {(entry.path, entry.reason) for entry in manifest.skipped} == {
        ("b.flac", "same sound as a.wav"),
        ("c.wav", "same sound as a.wav"),
    }


def test_silence_is_measured_and_told(timbrel, tmp_path):
    (tmp_path / "in").mkdir()
    rng = np.random.default_rng(0)
    for name, loud, silent in (("half.wav", 2, 3), ("full.wav", 5, 0)):
        samples = np.concatenate(
            [0.1 * rng.standard_normal(loud * 44_100), np.zeros(silent * 44_100)]
        )
        soundfile.write(tmp_path / "in" / name, samples, 44_100)
    result = timbrel("preprocess", tmp_path / "in", tmp_path / "out")
    assert "half.wav: 3.0 s of 5.0 s are silence" in result.stdout
    assert "30 % of it is silence" in result.stdout
    manifest = AudioDataset.open(tmp_path / "out").manifest
    assert manifest.silent_seconds == pytest.approx(3.0, abs=0.11)
    assert [note.path for note in manifest.notes] == ["half.wav"]


def test_short_recordings_are_joined_to_one_stream(timbrel, tmp_path, record):
    for index in range(30):
        record(tmp_path / f"in/{index:02d}.wav", seconds=0.2, seed=index)
    result = timbrel("preprocess", tmp_path / "in", tmp_path / "out")
    assert "30 recordings are shorter than 3 s: they are joined" in result.stdout
    dataset = AudioDataset.open(tmp_path / "out")
    assert dataset.frames == 30 * 8_820
    crop = dataset.read("train", 0, 131_072)
    assert np.abs(crop.reshape(-1, 1_024)).max(axis=1).min() > 0.05


@pytest.mark.parametrize("channels", [0, 65])
def test_an_impossible_number_of_channels(tmp_path, record, channels):
    record(tmp_path / "in/a.wav", seconds=4)
    with pytest.raises(UserError, match=f"--channels is {channels}; choose from 1 to 64"):
        preprocess(tmp_path / "in", tmp_path / "out", channels=channels)
