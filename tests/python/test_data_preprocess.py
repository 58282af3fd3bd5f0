"""Any folder of recordings becomes a dataset, whole or not at all."""

import hashlib
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from timbrel.data import AudioDataset
from timbrel.data import preprocess as module
from timbrel.data.conversion import Progress
from timbrel.data.preprocess import preprocess
from timbrel.data.split import assign_splits
from timbrel.errors import UserError


def stored(folder: Path) -> np.ndarray:
    return np.fromfile(folder / "audio.i16", dtype="<i2")


def reasons(folder: Path) -> dict[str, str]:
    return {entry.path: entry.reason for entry in AudioDataset.open(folder).manifest.skipped}


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_frames_are_kept_bit_for_bit_where_nothing_has_to_be_changed(tmp_path, record):
    path = record(tmp_path / "in/a.wav", seconds=4.0)
    preprocess(tmp_path / "in", tmp_path / "out")
    expected, _ = soundfile.read(path, dtype="int16")
    np.testing.assert_array_equal(stored(tmp_path / "out"), expected)


def test_channels_are_mixed_and_rates_converted(tmp_path):
    """A sine stays a sine of its frequency and level, whatever it was recorded at."""
    (tmp_path / "in").mkdir()
    for rate, channels in ((48_000, 2), (22_050, 1), (96_000, 6)):
        time = np.arange(4 * rate) / rate
        sine = 0.5 * np.sin(2 * np.pi * 441 * time)
        soundfile.write(tmp_path / f"in/{rate}.wav", np.stack([sine] * channels, 1), rate, "FLOAT")
    preprocess(tmp_path / "in", tmp_path / "out")
    dataset = AudioDataset.open(tmp_path / "out")
    assert {entry.path for entry in dataset.manifest.files} == {
        "22050.wav",
        "48000.wav",
        "96000.wav",
    }
    assert dataset.frames == 3 * 4 * 44_100
    for part in stored(tmp_path / "out").reshape(3, -1) / 32768:
        middle = part[44_100 : 3 * 44_100]
        time = np.arange(44_100, 3 * 44_100) / 44_100
        difference = middle - 0.5 * np.sin(2 * np.pi * 441 * time)
        assert np.sqrt(np.mean(difference**2)) < 1e-4


def test_an_odd_length_resamples_to_its_length_within_one_frame(tmp_path, record):
    record(tmp_path / "in/a.wav", seconds=200_003 / 48_000, rate=48_000)
    outcome = preprocess(tmp_path / "in", tmp_path / "out")
    assert abs(outcome.manifest.frames - 200_003 * 44_100 / 48_000) <= 1


def test_a_messy_folder_gives_what_can_be_used_and_says_why_the_rest_cannot(tmp_path, record):
    folder = tmp_path / "in"
    record(folder / "good.wav", seconds=2, seed=1)
    record(folder / "deep/er/stereo.flac", seconds=2, rate=48_000, channels=2, seed=2)
    record(folder / "tape.aiff", seconds=2, rate=32_000, seed=3)
    record(folder / "song.ogg", seconds=2, seed=4)
    record(folder / "no_suffix.wav", seconds=2, seed=5).rename(folder / "no_suffix")
    (folder / "copy.wav").write_bytes((folder / "good.wav").read_bytes())
    (folder / "words.wav").write_text("this is no sound\n" * 100)
    (folder / "empty.wav").touch()
    record(folder / "header_only.wav", seconds=0)
    (folder / "readme.txt").write_text("hello")
    (folder / "cover.png").write_bytes(b"\x89PNG")
    (folder / ".hidden.wav").write_text("of the file system's own")
    (folder / "film.m4a").write_bytes(b"\0\0\0 ftypM4A ")
    soundfile.write(folder / "silence.wav", np.zeros(44_100), 44_100)
    soundfile.write(folder / "nan.wav", np.full(44_100, np.nan), 44_100, "FLOAT")
    cut = record(tmp_path / "whole.flac", seconds=2, seed=6).read_bytes()
    (folder / "cut.flac").write_bytes(cut[: len(cut) // 2])

    outcome = preprocess(folder, tmp_path / "out")
    used = [entry.path for entry in outcome.manifest.files if entry.split == "train"]
    validating = [entry.path for entry in outcome.manifest.files if entry.split == "validation"]
    everything = {"copy.wav", "deep/er/stereo.flac", "no_suffix", "song.ogg", "tape.aiff"}
    assert set(used) | set(validating) == everything
    skipped = reasons(tmp_path / "out")
    assert skipped.keys() == {
        "good.wav",
        "words.wav",
        "empty.wav",
        "header_only.wav",
        "film.m4a",
        "silence.wav",
        "nan.wav",
        "cut.flac",
    }
    assert skipped["good.wav"] == "same contents as copy.wav"
    assert skipped["words.wav"].startswith("not readable as audio: ")
    assert skipped["empty.wav"] == "empty file"
    assert skipped["header_only.wav"] == "holds no sound (0 frames)"
    assert "ffmpeg -i film.m4a film.wav" in skipped["film.m4a"]
    assert skipped["silence.wav"] == "only silence"
    assert "NaN" in skipped["nan.wav"]
    assert skipped["cut.flac"].startswith("damaged: ")
    assert outcome.manifest.ignored_files == 2
    assert len(stored(tmp_path / "out")) == outcome.manifest.frames


def test_what_is_there_of_a_truncated_wav_is_used_and_noted(tmp_path, record):
    record(tmp_path / "in/good.wav", seconds=3)
    whole = record(tmp_path / "whole.wav", seconds=2, seed=1).read_bytes()
    (tmp_path / "in/cut.wav").write_bytes(whole[: len(whole) // 2])
    outcome = preprocess(tmp_path / "in", tmp_path / "out")
    assert [(note.path, note.note) for note in outcome.manifest.notes] == [
        ("cut.wav", "cut short: 1.0 s of 2.0 s are there, and are used")
    ]
    assert outcome.manifest.seconds == pytest.approx(4.0, abs=0.01)


def test_a_wav_from_a_streaming_recorder_is_whole(tmp_path, record):
    path = record(tmp_path / "in/streamed.wav", seconds=4)
    data = bytearray(path.read_bytes())
    data[4:8] = data[40:44] = struct.pack("<I", 0xFFFFFFFF)
    path.write_bytes(data)
    outcome = preprocess(tmp_path / "in", tmp_path / "out")
    assert outcome.manifest.frames == 4 * 44_100
    assert not outcome.manifest.notes


def test_a_flac_that_does_not_know_its_length_is_read_to_its_end(tmp_path, record):
    path = record(tmp_path / "in" / "stream.flac", seconds=6.0)
    whole, _ = soundfile.read(path, dtype="int16")
    content = bytearray(path.read_bytes())
    # STREAMINFO's count of samples, 36 bits from the middle of byte 21: zero is "unknown", as
    # encoders that write to a pipe leave it.
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path.write_bytes(content)
    manifest = preprocess(tmp_path / "in", tmp_path / "out", sample_rate=44_100).manifest
    assert manifest.frames == len(whole)
    assert not manifest.notes


def test_levels_and_clipping_are_reported(tmp_path, record):
    record(tmp_path / "in/quiet.wav", seconds=3, level=0.25, seed=1)
    loud = 2.0 * np.sin(np.arange(132_300) * 0.05)
    soundfile.write(tmp_path / "in/loud.wav", np.clip(loud, -1, 1), 44_100)
    manifest = preprocess(tmp_path / "in", tmp_path / "out").manifest
    frames = stored(tmp_path / "out") / 32768
    assert manifest.rms_dbfs == pytest.approx(20 * np.log10(np.sqrt(np.mean(frames**2))), abs=0.01)
    assert manifest.peak_dbfs == pytest.approx(0.0, abs=0.01)
    (clipped,) = manifest.clipped_files
    assert clipped.path == "loud.wav"
    assert clipped.samples == pytest.approx(np.count_nonzero(np.abs(loud) >= 1), rel=0.01)


def test_a_float_recording_beyond_full_scale_is_limited_and_not_wrapped(tmp_path):
    (tmp_path / "in").mkdir()
    loud = 1.5 * np.sin(np.arange(4 * 44_100) * 0.05)
    soundfile.write(tmp_path / "in/loud.wav", loud, 44_100, "FLOAT")
    preprocess(tmp_path / "in", tmp_path / "out")
    expected = np.clip(np.rint(loud.astype(np.float32) * 32768), -32768, 32767)
    assert np.abs(stored(tmp_path / "out") - expected).max() <= 1


def test_the_fingerprint_is_that_of_the_sound(tmp_path, record):
    record(tmp_path / "in/a.wav", seconds=4)
    one = preprocess(tmp_path / "in", tmp_path / "one").manifest
    expected = hashlib.sha256((tmp_path / "one/audio.i16").read_bytes() + b"44100").hexdigest()
    assert one.fingerprint == expected
    (tmp_path / "in/a.wav").rename(tmp_path / "in/b.wav")
    renamed = preprocess(tmp_path / "in", tmp_path / "two").manifest
    assert renamed.fingerprint == one.fingerprint
    assert renamed.source != one.source


def test_the_same_recordings_are_converted_once(tmp_path, record):
    record(tmp_path / "in/a.wav", seconds=4)
    assert not preprocess(tmp_path / "in", tmp_path / "out").was_there
    before = (tmp_path / "out/audio.i16").stat().st_mtime_ns
    assert preprocess(tmp_path / "in", tmp_path / "out").was_there
    assert (tmp_path / "out/audio.i16").stat().st_mtime_ns == before


def test_other_recordings_replace_a_dataset_only_on_request(tmp_path, record):
    record(tmp_path / "in/a.wav", seconds=4)
    preprocess(tmp_path / "in", tmp_path / "out")
    record(tmp_path / "in/b.wav", seconds=4, seed=1)
    with pytest.raises(UserError, match="--overwrite"):
        preprocess(tmp_path / "in", tmp_path / "out")
    assert AudioDataset.open(tmp_path / "out").frames == 4 * 44_100
    preprocess(tmp_path / "in", tmp_path / "out", overwrite=True)
    assert AudioDataset.open(tmp_path / "out").frames == 8 * 44_100
    assert not leftovers(tmp_path)


def test_overwrite_never_replaces_what_is_no_dataset(tmp_path, record):
    record(tmp_path / "in/a.wav", seconds=4)
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match="is not empty"):
        preprocess(tmp_path / "in", tmp_path / "precious", overwrite=True)
    assert (tmp_path / "precious/thesis.tex").read_text() == "years of work"


def test_a_dataset_inside_its_recordings_is_not_read_as_one_of_them(tmp_path, record):
    record(tmp_path / "in/a.wav", seconds=4)
    assert preprocess(tmp_path / "in", tmp_path / "in/out").manifest.ignored_files == 0
    assert preprocess(tmp_path / "in", tmp_path / "in/out").was_there


def test_links_that_lead_back_are_followed_once(tmp_path, record):
    record(tmp_path / "in/sub/a.wav", seconds=4)
    (tmp_path / "in/sub/loop").symlink_to(tmp_path / "in")
    manifest = preprocess(tmp_path / "in", tmp_path / "out").manifest
    assert manifest.frames == 4 * 44_100
    assert not manifest.skipped


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "the folder is empty"), (1.2, r"1\.2 s in 1 file, at least 3 s are needed")],
)
def test_too_little_is_refused_with_figures(tmp_path, record, seconds, words):
    (tmp_path / "in").mkdir()
    if seconds:
        record(tmp_path / "in/a.wav", seconds=seconds)
    with pytest.raises(UserError, match=words):
        preprocess(tmp_path / "in", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not leftovers(tmp_path)


def test_only_silence_is_refused_and_leaves_nothing(tmp_path):
    (tmp_path / "in").mkdir()
    soundfile.write(tmp_path / "in/silence.wav", np.zeros(441_000), 44_100)
    with pytest.raises(UserError, match=r"too little sound .*silence.wav: only silence"):
        preprocess(tmp_path / "in", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not leftovers(tmp_path)


def test_a_full_disk_is_noticed_before_the_work(tmp_path, record, monkeypatch):
    record(tmp_path / "in/a.wav", seconds=4)
    usage = type(module.shutil.disk_usage(tmp_path))(1000, 900, 100)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(UserError, match="the dataset needs"):
        preprocess(tmp_path / "in", tmp_path / "out")


class Suicide(Progress):
    """Kills its process as hard as can be done, in the middle of the second recording."""

    def converted(self, seconds: float, total: float) -> None:
        self.heard = getattr(self, "heard", 0.0) + seconds
        if self.heard > 5.0:
            os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_run_leaves_nothing_that_passes_for_a_dataset(tmp_path, record):
    for index in range(3):
        record(tmp_path / f"in/{index}.wav", seconds=4, seed=index)
    child = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; sys.path.insert(0, sys.argv[1])\n"
            "from pathlib import Path; from test_data_preprocess import Suicide\n"
            "from timbrel.data.preprocess import preprocess\n"
            "preprocess(Path('in'), Path('out'), progress=Suicide())",
            str(Path(__file__).parent),
        ],
        cwd=tmp_path,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL
    assert sorted(leftovers(tmp_path)) == [".out.lock", ".out.partial"]
    for path in (tmp_path / "out", tmp_path / ".out.partial"):
        with pytest.raises(UserError):
            AudioDataset.open(path)
    # The next run clears away what the killed one left, and is complete.
    preprocess(tmp_path / "in", tmp_path / "out")
    assert AudioDataset.open(tmp_path / "out").frames == 12 * 44_100
    assert not leftovers(tmp_path)


def test_an_error_or_ctrl_c_leaves_nothing(tmp_path, record):
    class Interrupt(Progress):
        def converted(self, seconds: float, total: float) -> None:
            raise KeyboardInterrupt

    record(tmp_path / "in/a.wav", seconds=4)
    with pytest.raises(KeyboardInterrupt):
        preprocess(tmp_path / "in", tmp_path / "out", progress=Interrupt())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


def test_two_runs_into_one_folder_do_not_mix(tmp_path, record):
    class Second(Progress):
        def converted(self, seconds: float, total: float) -> None:
            with pytest.raises(UserError, match="another timbrel is writing"):
                preprocess(tmp_path / "in", tmp_path / "out")

    record(tmp_path / "in/a.wav", seconds=4)
    preprocess(tmp_path / "in", tmp_path / "out", progress=Second())
    assert AudioDataset.open(tmp_path / "out").frames == 4 * 44_100


FILES = st.lists(st.tuples(st.binary(max_size=8), st.integers(100, 10**7)), min_size=1, max_size=40)


@given(FILES)
def test_splits_cover_every_frame_once_and_both_sides_have_some(files):
    named = [
        (f"{index}.wav", hashlib.sha256(content + bytes([index])).hexdigest(), frames)
        for index, (content, frames) in enumerate(files)
    ]
    entries = assign_splits(named)
    position = 0
    for entry in entries:
        assert entry.start == position
        assert entry.frames > 0
        position += entry.frames
    total = sum(frames for _, _, frames in named)
    assert position == total
    validating = sum(entry.frames for entry in entries if entry.split == "validation")
    assert 0 < validating <= 0.3 * total


def test_a_recordings_side_depends_on_its_contents_alone():
    files = [(f"{i}.wav", hashlib.sha256(bytes([i])).hexdigest(), 1000) for i in range(200)]

    def validating(chosen: list[tuple[str, str, int]]) -> set[str]:
        return {entry.path for entry in assign_splits(chosen) if entry.split == "validation"}

    every = validating(files)
    assert 0.05 < len(every) / 200 < 0.15
    assert validating(files[:100]) == every & {name for name, _, _ in files[:100]}
    assert validating(files[::-1]) == every
