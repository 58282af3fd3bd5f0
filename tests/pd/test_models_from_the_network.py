"""download, print_available_models and remove, against a server on this machine."""

import hashlib
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pure_data import PACKAGE, Patch, Rendering, run
from spoken_models import Level
from tiny_models import save


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder that is served, with an index of two models; and the index's address."""
    folder = tmp_path / "site"
    (folder / "ircam" / "rave").mkdir(parents=True)
    save(Level(0.5), folder / "half.ts")
    save(Level(0.25), folder / "ircam" / "rave" / "für élise.ts")
    index(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}/SHA256SUMS"
    server.shutdown()
    thread.join()
    server.server_close()


def index(folder: Path) -> None:
    lines = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(folder)}\n"
        for file in sorted(folder.rglob("*.ts"))
    ]
    (folder / "SHA256SUMS").write_text("".join(lines))


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package whose models folder the tests may change."""
    folder = tmp_path / "package"
    folder.mkdir()
    for file in PACKAGE.iterdir():
        if file.name != "models":
            (folder / file.name).symlink_to(file)
    # What an external is loaded from is where its package is.
    for name in ("nn~.pd_linux", "libtimbrel_engine.so"):
        (folder / name).unlink()
        shutil.copy(PACKAGE / name, folder / name)
    (folder / "models").mkdir()
    return folder


def say(tmp_path: Path, package: Path, address: str, *messages: str, last: str) -> Rendering:
    """Sends messages, each when the one before has been answered, until `last` is answered."""
    patch = Patch()
    box, report = patch.add("nn~ void"), patch.add("print report")
    patch.connect(box, 0 + 1, report)
    route = patch.add("route downloaded removed available error")
    patch.connect(box, 1, route)
    start = patch.add("loadbang")
    counter = patch.add("f 0")
    more = patch.add("+ 1")
    step = patch.add("t b")
    # Every answer counts, also where two come at once.
    answered, wait = patch.add("t b"), patch.add("pipe 20")
    patch.connect(start, 0, step)
    for outlet in range(4):
        patch.connect(route, outlet, answered)
    patch.connect(answered, 0, wait)
    patch.connect(wait, 0, step)
    patch.connect(step, 0, counter)
    patch.connect(counter, 0, more)
    patch.connect(more, 0, counter, 1)
    choose = patch.add(f"sel {' '.join(str(i) for i in range(len(messages) + 1))}")
    patch.connect(counter, 0, choose)
    for i, message in enumerate([*messages, "; pd quit"]):
        number = patch.add(message, "msg")
        patch.connect(choose, i, number)
        if i < len(messages):
            patch.connect(number, 0, box)
    patch.write(tmp_path / "patch.pd")
    environment = {"TIMBREL_MODEL_INDEX": address} if address else {}
    console = run(tmp_path / "patch.pd", environment, batch=False, patience=60, package=package)
    heard = Rendering(None, console)
    assert heard.reports()[-1].startswith(last)
    return heard


def files(package: Path) -> list[str]:
    return sorted(str(file.relative_to(package)) for file in (package / "models").rglob("*"))


def test_what_the_index_lists_is_printed(
    tmp_path: Path, package: Path, site: tuple[Path, str]
) -> None:
    heard = say(tmp_path, package, site[1], "print_available_models", last="available")
    assert heard.reports() == ["available half ircam/rave/für\\ élise"]
    assert heard.posts() == ["nn~: available half", "nn~: available ircam/rave/für élise"]
    assert files(package) == []


def test_a_download_is_whole_and_plays(
    tmp_path: Path, package: Path, site: tuple[Path, str]
) -> None:
    say(tmp_path, package, site[1], "download half", last="downloaded half.ts")
    assert files(package) == ["models/half.ts"]
    assert (package / "models" / "half.ts").read_bytes() == (site[0] / "half.ts").read_bytes()
    heard = say(tmp_path, package, site[1], "download half", "remove half", last="removed half")
    assert heard.errors() == []
    assert files(package) == []


def test_a_model_comes_under_another_name_or_the_last_part_of_its_own(
    tmp_path: Path, package: Path, site: tuple[Path, str]
) -> None:
    name = "ircam/rave/für\\ élise"
    say(tmp_path, package, site[1], f"download {name}", f"download {name} mine", last="downloaded")
    assert files(package) == ["models/für élise.ts", "models/mine.ts"]


def test_a_wrong_checksum_is_refused_and_what_was_there_stays(
    tmp_path: Path, package: Path, site: tuple[Path, str]
) -> None:
    (package / "models" / "half.ts").write_bytes(b"the old one")
    content = bytearray((site[0] / "half.ts").read_bytes())
    content[100] ^= 1
    (site[0] / "half.ts").write_bytes(content)
    heard = say(tmp_path, package, site[1], "download half", last="error")
    (error,) = heard.errors()
    assert "checksum differs" in error
    assert files(package) == ["models/half.ts"]
    assert (package / "models" / "half.ts").read_bytes() == b"the old one"


@pytest.mark.parametrize(
    "message",
    [
        "download half ../half",
        "download half .half",
        "download half a/b",
        "remove ../package/nn~",
        "remove /etc/hostname",
        "remove ..",
    ],
)
def test_nothing_outside_the_models_folder_is_touched(
    tmp_path: Path, package: Path, site: tuple[Path, str], message: str
) -> None:
    heard = say(tmp_path, package, site[1], message, last="error")
    (error,) = heard.errors()
    assert "is no name for a file" in error
    assert files(package) == []
    assert not (tmp_path / "half.ts").exists()


def test_an_index_that_names_files_elsewhere_cannot_put_them_there(
    tmp_path: Path, package: Path, site: tuple[Path, str]
) -> None:
    digest = hashlib.sha256((site[0] / "half.ts").read_bytes()).hexdigest()
    (site[0] / "SHA256SUMS").write_text(f"{digest}  ../../half.ts\n{digest}  ...ts\n")
    say(tmp_path, package, site[1], "download ../../half", "download ..", last="error")
    assert set(files(package)) <= {"models/half.ts"}
    assert not (package / "half.ts").exists()


@pytest.mark.parametrize(
    ("address", "line"),
    [
        ("", "no index of models is known; write its address into "),
        ("http://127.0.0.1:9/SHA256SUMS", "http://127.0.0.1:9/SHA256SUMS: curl: (7)"),
        ("SITE/missing", "SITE/missing: curl: (22)"),
        ("SITE/half.ts", "SITE/half.ts lists no models"),
        ("ftp://127.0.0.1/SHA256SUMS", "ftp://127.0.0.1/SHA256SUMS: curl: (1)"),
    ],
)
def test_an_index_that_cannot_be_read_is_one_line(
    tmp_path: Path, package: Path, site: tuple[Path, str], address: str, line: str
) -> None:
    base = site[1].rsplit("/", 1)[0]
    heard = say(tmp_path, package, address.replace("SITE", base), "download half", last="error")
    (error,) = heard.errors()
    assert error.removeprefix("nn~: void: ").startswith(line.replace("SITE", base))
    assert files(package) == []


def test_the_address_may_stand_in_the_models_folder(
    tmp_path: Path, package: Path, site: tuple[Path, str]
) -> None:
    (package / "models" / "index.url").write_text(site[1] + "\n")
    say(tmp_path, package, "", "download half", last="downloaded")
    assert "models/half.ts" in files(package)


def test_a_model_that_is_not_listed_or_not_there(
    tmp_path: Path, package: Path, site: tuple[Path, str]
) -> None:
    heard = say(tmp_path, package, site[1], "download nasa", "remove nasa", last="error")
    missing, gone = heard.errors()
    assert "no model 'nasa' in " in missing
    assert "print_available_models lists those there are" in missing
    assert "no model nasa.ts in " in gone


def test_two_downloads_at_once_both_arrive(
    tmp_path: Path, package: Path, site: tuple[Path, str]
) -> None:
    both = "download half, download half other"
    # Nothing is asked after the first answer, so the second ends it.
    say(tmp_path, package, site[1], both, "", last="downloaded")
    assert files(package) == ["models/half.ts", "models/other.ts"]
