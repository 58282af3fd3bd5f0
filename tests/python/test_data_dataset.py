"""Reading a dataset: frames by their place in a split, and one line where it is damaged."""

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from timbrel.data import AudioDataset
from timbrel.data.preprocess import preprocess
from timbrel.errors import UserError

RATE = 8_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("dataset")
    (root / "in").mkdir()
    rng = np.random.default_rng(0)
    for index in range(12):
        noise = rng.uniform(-0.5, 0.5, 4_000 + 100 * index)
        soundfile.write(root / f"in/{index:02d}.wav", noise, RATE)
    preprocess(root / "in", root / "out", sample_rate=RATE)
    return root / "out"


@pytest.fixture
def broken(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "broken"))


def concatenation(folder: Path, split: str) -> np.ndarray:
    audio = np.fromfile(folder / "audio.i16", dtype="<i2").astype(np.float32) / 32768
    entries = json.loads((folder / "dataset.json").read_text())["files"]
    parts = [e for e in entries if e["split"] == split]
    return np.concatenate([audio[e["start"] : e["start"] + e["frames"]] for e in parts])


def test_a_dataset_knows_its_size(folder):
    dataset = AudioDataset.open(folder)
    assert dataset.sample_rate == RATE
    assert dataset.split_frames("train") + dataset.split_frames("validation") == dataset.frames
    assert len(dataset.fingerprint) == 64


@pytest.mark.parametrize("split", ["train", "validation"])
@given(start=st.integers(0, 200_000), frames=st.integers(0, 150_000))
def test_reading_equals_the_concatenation_and_wraps_past_its_end(folder, split, start, frames):
    dataset = AudioDataset.open(folder)
    whole = concatenation(folder, split)
    expected = whole[(start + np.arange(frames)) % len(whole)]
    read = dataset.read(split, start, frames)
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, expected)


def test_a_pickled_dataset_reopens_the_file_instead_of_carrying_it(folder):
    dataset = AudioDataset.open(folder)
    pickled = pickle.dumps(dataset)
    assert len(pickled) < 20_000
    again = pickle.loads(pickled)
    np.testing.assert_array_equal(again.read("train", 5, 100), dataset.read("train", 5, 100))


def test_a_folder_that_is_no_dataset_says_how_to_make_one(tmp_path):
    with pytest.raises(UserError, match="there is no such folder"):
        AudioDataset.open(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"is not a dataset .*timbrel preprocess"):
        AudioDataset.open(tmp_path)


def edit(folder: Path, **changes: object) -> None:
    path = folder / "dataset.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_damage_is_named(broken):
    audio = broken / "audio.i16"
    whole = audio.read_bytes()
    audio.write_bytes(whole[:-2])
    with pytest.raises(UserError, match=r"damaged: audio\.i16 has \d+ bytes, \d+ expected"):
        AudioDataset.open(broken)
    audio.unlink()
    with pytest.raises(UserError, match=r"damaged: audio\.i16 is missing"):
        AudioDataset.open(broken)
    audio.write_bytes(whole)
    edit(broken, sample_rate="fast")
    with pytest.raises(UserError, match="is invalid in sample_rate"):
        AudioDataset.open(broken)
    edit(broken, sample_rate=RATE, format_version=99)
    with pytest.raises(UserError, match="has format 99"):
        AudioDataset.open(broken)
    (broken / "dataset.json").write_text('{"format_version": 1, ')
    with pytest.raises(UserError, match=r"dataset\.json is invalid"):
        AudioDataset.open(broken)


def test_a_file_outside_of_the_audio_is_damage(broken):
    entry = {"path": "x.wav", "start": 0, "frames": 10**9, "split": "train"}
    edit(broken, files=[entry])
    with pytest.raises(UserError, match=r"x\.wav lies outside"):
        AudioDataset.open(broken)


def test_a_split_without_recordings_is_a_users_error(broken):
    manifest = json.loads((broken / "dataset.json").read_text())
    edit(broken, files=[e for e in manifest["files"] if e["split"] == "train"])
    with pytest.raises(UserError, match="no validation recordings"):
        AudioDataset.open(broken).read("validation", 0, 10)
