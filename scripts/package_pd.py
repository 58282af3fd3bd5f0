"""`make package-pd`: the package for Pure Data as an archive that Pd's own installer (deken) takes.

    package_pd.py FOLDER PLACE

FOLDER is what a build left, libraries as links; PLACE is where the archive goes, with its checksum
and its list of objects beside it.
"""

import hashlib
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

OBJECTS = {"nn~": "play neural audio models (RAVE and others) live"}
STRIPPED = ("Linux",)
"""Systems whose libraries are stripped; on others that would break their signatures."""


def version(folder: Path) -> str:
    """As the package's own metadata says it."""
    for line in (folder / "timbrel-meta.pd").read_text("utf-8").splitlines():
        if " VERSION " in line:
            return line.rstrip(";").split(" VERSION ")[1]
    sys.exit(f"package-pd: {folder}/timbrel-meta.pd does not state a version")


def architectures(folder: Path) -> list[str]:
    """As deken writes them, of both precisions: `nn~.linux-amd64-64.so` says which system it is."""
    doubles = [path.name.split(".")[1].split("-") for path in folder.glob("nn~.*-64.*")]
    singles = {"pd_linux": "linux", "pd_darwin": "darwin", "m_amd64": "windows"}
    of_single = {singles.get(path.name.split(".")[1]) for path in folder.glob("nn~.*")}
    return [
        f"{system.capitalize()}-{processor}-{bits}"
        for system, processor, _ in doubles
        for bits in ("32", "64")
        if bits == "64" or system in of_single
    ]


def collect(folder: Path, to: Path, strip: bool) -> None:
    """A copy that stands alone: links become files, and symbols that only a debugger reads go."""
    shutil.copytree(folder, to, ignore=shutil.ignore_patterns(".*"))
    if strip:
        for library in [*to.glob("lib/*.so*"), *to.glob("*.so")]:
            subprocess.run(["strip", "--strip-unneeded", library], check=True)


def archive(folder: Path, file: Path) -> None:
    """One folder at the top, files by name, so that the same files give the same archive."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as target:
        for path in sorted(folder.rglob("*")):
            if path.is_dir():
                continue
            entry = zipfile.ZipInfo(str(path.relative_to(folder.parent)), (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            mode = 0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644
            entry.external_attr = (stat.S_IFREG | mode) << 16
            entry.create_system = 3  # Unix, whose modes these are
            with path.open("rb") as source, target.open(entry, "w") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)


def main() -> None:
    """Writes the archive, and says how large it is."""
    folder, place = Path(sys.argv[1]), Path(sys.argv[2])
    if not (folder / "nn~-help.pd").is_file():
        sys.exit(f"package-pd: {folder} is no package; run make build")
    kinds = architectures(folder)
    place.mkdir(parents=True, exist_ok=True)
    file = place / f"{folder.name}[v{version(folder)}]{''.join(f'({kind})' for kind in kinds)}.dek"
    with tempfile.TemporaryDirectory(dir=place) as name:
        collected = Path(name) / folder.name
        collect(folder, collected, all(kind.startswith(STRIPPED) for kind in kinds))
        installed = sum(path.stat().st_size for path in collected.rglob("*") if path.is_file())
        archive(collected, file)
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    # Nothing but the number: deken takes the whole file for it.
    Path(f"{file}.sha256").write_text(digest, "utf-8")
    lines = "".join(f"{name}\t{does}\n" for name, does in OBJECTS.items())
    Path(f"{file}.txt").write_text(lines, "utf-8")
    print(f"{file}: {file.stat().st_size / 1e6:.0f} MB, installed {installed / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
