"""Files that no model file should be: damaged, forged, and of bad manners.

A case is a file made from a seed and a number, the same every time. Each is opened, warmed up and
played in a process that must survive it, must not be held up by it, and must be able to quit; what
comes of it is a model that plays, or exactly one line.

All of the thousand:   python tests/python/hostile_models.py 1000 [SEED]
One of them, in words: python tests/python/hostile_models.py 1000 SEED CASE
"""

import collections
import contextlib
import io
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import model_zoo as zoo
import numpy as np
import torch
from tiny_models import Breaking, Crowd, Endless, Filter, Instrument, Short, Thirds, save

RATE = 44100
#: Seconds that a model's code may take, and that the whole of a case may.
PATIENCE, LIMIT = 2.0, 20.0
#: Bytes of address space: a forged size must meet a refusal, not the machine's memory.
MEMORY = 16 << 30
#: The byte codes of the pickles that torch writes (docs.python.org/3/library/pickletools.html).
OPCODES = b"\x80}q\x00X(K\x01ctuRQbh.]easNJMGQ\x85\x86\x87\x88\x89l0"


@dataclass(frozen=True)
class Outcome:
    """What came of a case: `verdict` is played, refused, failed, crashed, hung or unclear."""

    case: int
    kind: str
    verdict: str
    line: str = ""


def whole_files(folder: Path) -> list[bytes]:
    """Healthy files to damage."""
    models = [Filter(2), Instrument(), zoo.Attributes(), zoo.Draws(), zoo.Nested(), zoo.Coder()]
    return [save(m, folder / "whole.ts", '{"name": "whole"}').read_bytes() for m in models]


# ---- damage ----


def truncated(rng: random.Random, whole: bytes) -> bytes:
    return whole[: rng.randrange(len(whole))]


def flipped(rng: random.Random, whole: bytes) -> bytes:
    damaged = bytearray(whole)
    for _ in range(rng.choice([1, 1, 2, 8, 64])):
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


Members = dict[str, bytes]


def rewritten(change: Callable[[random.Random, Members], None]) -> Callable[..., bytes]:
    """An archive whose members have changed and whose checksums fit."""

    def mutate(rng: random.Random, whole: bytes) -> bytes:
        with zipfile.ZipFile(io.BytesIO(whole)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        change(rng, members)
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as archive:
            for name, content in members.items():
                archive.writestr(zipfile.ZipInfo(name), content)
        return target.getvalue()

    mutate.__name__ = change.__name__
    return mutate


def choose(rng: random.Random, members: Members, *endings: str) -> str:
    return rng.choice([n for n in members if n.endswith(endings or "") and members[n]])


@rewritten
def forged_bits(rng: random.Random, members: Members) -> None:
    name = choose(rng, members)
    members[name] = flipped(rng, members[name])


@rewritten
def swapped_members(rng: random.Random, members: Members) -> None:
    one, other = rng.sample(list(members), 2)
    members[one], members[other] = members[other], members[one]


@rewritten
def removed_members(rng: random.Random, members: Members) -> None:
    for _ in range(rng.randint(1, 3)):
        del members[rng.choice(list(members))]


@rewritten
def garbled_pickle(rng: random.Random, members: Members) -> None:
    name = choose(rng, members, ".pkl")
    content = bytearray(members[name])
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(content))
        end = at + rng.randint(1, 24)
        how = rng.randrange(4)
        if how == 0:
            content[at] = rng.choice(OPCODES)
        elif how == 1:
            content[at:at] = bytes(rng.choice(OPCODES) for _ in range(rng.randint(1, 4)))
        elif how == 2 and len(content) > 32:
            del content[at:end]
        else:
            content[at:at] = content[at:end]
    members[name] = bytes(content)


@rewritten
def forged_numbers(rng: random.Random, members: Members) -> None:
    """Small numbers in a pickle, which are sizes, strides, offsets and counts, become others."""
    name = choose(rng, members, "data.pkl", "constants.pkl")
    content = bytearray(members[name])
    places = [i for i in range(len(content) - 1) if content[i] == ord("K")]
    for at in sorted(rng.sample(places, min(len(places), rng.randint(1, 3))), reverse=True):
        number = rng.choice([-1, 0, 2, 255, 1 << 20, (1 << 31) - 1, -(1 << 31)])
        content[at : at + 2] = b"J" + number.to_bytes(4, "little", signed=True)
    members[name] = bytes(content)


@rewritten
def garbled_code(rng: random.Random, members: Members) -> None:
    name = choose(rng, members, ".py")
    lines = members[name].decode().splitlines()
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(lines))
        how = rng.randrange(5)
        if how == 0:
            del lines[at]
        elif how == 1:
            lines.insert(at, rng.choice(lines))
        elif how == 2:
            words = lines[at].split(" ")
            rng.shuffle(words)
            lines[at] = " ".join(words)
        elif how == 3:
            depth = rng.choice([3, 100, 100_000])
            lines.append("    x = " + "(" * depth + "1" + ")" * depth)
        else:
            lines[at] = lines[at].replace("Tensor", rng.choice(["int", "List[str]", "Nothing"]))
        lines = lines or [""]
    members[name] = "\n".join(lines).encode()


@rewritten
def other_version(rng: random.Random, members: Members) -> None:
    for name in members:
        if name.endswith("version"):
            members[name] = rng.choice(
                [b"", b"0\n", b"11\n", b"99999999999999999999", b"new", b"-3"]
            )


# ---- models that are whole ----


def wrong_params(rng: random.Random, folder: Path) -> bytes:
    length = rng.choice([0, 1, 3, 4, 4, 4, 5, 1000])
    values = [rng.choice([-1, 0, 1, 1, 1, 2, 512, 1 << 21, 1 << 40]) for _ in range(length)]
    dtype = rng.choice([torch.int64, torch.int64, torch.float32, torch.bool, torch.complex64])
    params = torch.tensor(values, dtype=torch.float64).to(dtype)
    if length == 4 and rng.random() < 0.3:
        params = params.reshape(2, 2)
    return save(zoo.Params(params), folder / "made.ts").read_bytes()


def bad_manners(rng: random.Random, folder: Path) -> bytes:
    how = rng.choice(["long", "flat", "nan", "double", "complex", "sparse"])
    others = [zoo.NotATensor(), zoo.Params("text"), zoo.Params(None), Short(), Crowd(), Thirds()]
    others += [zoo.Introduced(h) for h in ("throws", "rubbish", "empty")]
    others += [zoo.Numbered(torch.tensor([1, 1, 1, 1])), Breaking(), zoo.ForOne()]
    model = rng.choice([zoo.BadManners(how), *others])
    return save(model, folder / "made.ts").read_bytes()


def never_returns(rng: random.Random, folder: Path) -> bytes:
    model = rng.choice([zoo.BadManners("endless"), zoo.Introduced("endless"), Endless()])
    return save(model, folder / "made.ts").read_bytes()


DAMAGE = [
    truncated,
    flipped,
    forged_bits,
    swapped_members,
    removed_members,
    garbled_pickle,
    garbled_pickle,
    forged_numbers,
    garbled_code,
    other_version,
]
MADE = [wrong_params, bad_manners]


def make_case(seed: int, case: int, wholes: list[bytes], folder: Path) -> tuple[str, bytes]:
    """The kind of a case and its file."""
    rng = random.Random(f"{seed} {case}")
    if case % 50 == 49:
        return never_returns.__name__, never_returns(rng, folder)
    if case % 6 == 5:
        make = rng.choice(MADE)
        return make.__name__, make(rng, folder)
    damage = DAMAGE[case % len(DAMAGE)]
    return damage.__name__, damage(rng, rng.choice(wholes))


# ---- the process that plays ----


def play(path: Path) -> tuple[str, str]:
    """Opens and plays a file as a host does: the verdict, and the line where there is one."""
    from timbrel.engine import Model, Stream
    from timbrel.errors import UserError

    try:
        model = Model(path)
    except UserError as error:
        line = str(error)
        clear = line.startswith(f"{path.name}: ") and is_one_line(line)
        return ("refused" if clear else "unclear"), line
    verdict, first_line = "played", ""
    for method in list(model.methods)[:3]:
        try:
            stream = Stream(model, method, batch=2)
        except UserError as error:
            verdict, first_line = "refused", first_line or str(error)
            continue
        stream.prepare(RATE, 256)
        channels = 2 * model.methods[method].in_channels
        sound = np.full((channels, 4 * stream.buffer), 0.25, dtype=np.float32)
        # The call of the audio thread never waits, so a pause stands in for the clock.
        for part in np.split(sound, 4, 1):
            if not np.all(np.isfinite(stream.process(part))):
                return "unclear", f"{method} played values that are not finite"
            time.sleep(0.005)
        error_line = stream.poll_error()
        if error_line:
            verdict, first_line = "failed", first_line or error_line
    return (verdict if is_one_line(first_line) or not first_line else "unclear"), first_line


def is_one_line(line: str) -> bool:
    return 0 < len(line) < 512 and not any(unicodedata.category(c) == "Cc" for c in line)


def serve(seed: int, first: int, last: int) -> None:
    """Plays cases and says so on standard output, one line of JSON for each."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wholes = whole_files(folder)
        for case in range(first, last):
            kind, content = make_case(seed, case, wholes, folder)
            path = folder / f"case{case}.ts"
            path.write_bytes(content)
            print(json.dumps([case, kind]), flush=True)
            print(json.dumps(play(path)), flush=True)


# ---- the process that watches ----


def run(seed: int, cases: int, batch: int = 50) -> Iterator[Outcome]:
    """Plays cases in processes that may break, `batch` of them in each that does not."""
    first = 0
    while first < cases:
        last = min(cases, (first // batch + 1) * batch)
        for outcome in watch(seed, first, last):
            yield outcome
            first = outcome.case + 1


def watch(seed: int, first: int, last: int) -> Iterator[Outcome]:
    """Outcomes from `first` on, the last of them a crash or a hang if it came to that."""
    environment = {**os.environ, "TIMBREL_MODEL_TIMEOUT": str(PATIENCE), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--serve", *map(str, (seed, first, last))]
    with tempfile.TemporaryDirectory() as cache, tempfile.TemporaryFile("w+") as output:
        environment["XDG_CACHE_HOME"] = cache
        started = time.monotonic()
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.DEVNULL, env=environment
        )
        try:
            code: int | None = process.wait(timeout=LIMIT * (last - first))
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait() and None
        output.seek(0)
        told = [json.loads(line) for line in output.read().splitlines()]
    del started
    for (case, kind), (verdict, line) in zip(told[0::2], told[1::2], strict=False):
        yield Outcome(case, kind, verdict, line)
    if code == 0 and len(told) == 2 * (last - first):
        return
    broken = "hung" if code is None else "crashed"
    if len(told) % 2:
        case, kind = told[-1]
        yield Outcome(case, kind, broken, f"exit status {code}")
    else:
        # All were played, and the process could not quit; or none, and it could not begin.
        case = told[-2][0] if told else last - 1
        yield Outcome(case, "quitting", broken, f"exit status {code}")


def report(outcomes: list[Outcome]) -> str:
    """Counts per kind and verdict, and every case that should not have been."""
    counts = collections.Counter((o.kind, o.verdict) for o in outcomes)
    verdicts = ["played", "refused", "failed", "crashed", "hung", "unclear"]
    rows = [f"{'':16}" + "".join(f"{v:>9}" for v in verdicts)]
    for kind in sorted({o.kind for o in outcomes}):
        rows.append(f"{kind:16}" + "".join(f"{counts[kind, v]:9}" for v in verdicts))
    rows.append(
        f"{'all':16}" + "".join(f"{sum(o.verdict == v for o in outcomes):9}" for v in verdicts)
    )
    rows += [
        f"case {o.case} ({o.kind}) {o.verdict}: {o.line}"
        for o in outcomes
        if o.verdict in verdicts[3:]
    ]
    return "\n".join(rows)


def main() -> None:
    if sys.argv[1] == "--serve":
        serve(*map(int, sys.argv[2:5]))
        return
    cases, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    if len(sys.argv) > 3:
        case = int(sys.argv[3])
        print(*watch(seed, case, case + 1), sep="\n")
        return
    outcomes = []
    for outcome in run(seed, cases):
        outcomes.append(outcome)
        with contextlib.suppress(BrokenPipeError):
            print(f"\r{len(outcomes)} of {cases}", end="", file=sys.stderr, flush=True)
    print("\n" + report(outcomes))
    sys.exit(any(o.verdict in {"crashed", "hung", "unclear"} for o in outcomes))


if __name__ == "__main__":
    main()
