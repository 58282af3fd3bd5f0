"""`make help-pictures`: draws every window of the help patches, as Pure Data shows it, to PNGs.

    draw.py PACKAGE PICTURES

Needs Pure Data with its GUI (puredata-gui), Xvfb, xdotool and ImageMagick; no screen.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

TOOLS = {"pd": "puredata-gui", "Xvfb": "xvfb", "xdotool": "xdotool", "import": "imagemagick"}
PATIENCE = 60.0  # seconds


def windows(patch: Path) -> Iterator[tuple[str, str]]:
    """The patch, and each of its subpatches as a patch of its own: name and content."""
    stack: list[tuple[str, list[str]]] = []
    for line in patch.read_text("utf-8").splitlines():
        if line.startswith("#N canvas"):
            *place, name = line.removeprefix("#N canvas ").rstrip(";").split()[:5]
            head = f"#N canvas {' '.join(place)} 12;"
            stack.append((name if stack else patch.stem, [head]))
            continue
        stack[-1][1].append(line)
        if line.startswith("#X restore"):
            name, content = stack.pop()
            yield name, "\n".join(content[:-1]) + "\n"
            # It stays a box in the window around it.
            stack[-1][1].extend([*content, line][:-1])
    name, content = stack.pop()
    yield name, "\n".join(content) + "\n"


def main() -> None:
    """Takes the package apart into windows, and draws them."""
    package, pictures = (Path(argument).resolve() for argument in sys.argv[1:3])
    if missing := [f"{tool} ({of})" for tool, of in TOOLS.items() if not shutil.which(tool)]:
        sys.exit(f"help-pictures: not found: {', '.join(missing)}; install them, then run it again")
    shutil.rmtree(pictures, ignore_errors=True)
    pictures.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "abstractions").symlink_to(package / "abstractions")
        for model in package.glob("examples/*.ts"):
            (folder / model.name).symlink_to(model)
        files = []
        patches = sorted(package.glob("abstractions/*.pd")) + sorted(package.glob("examples/*.pd"))
        for patch in (package / "nn~-help.pd", *patches):
            for window, content in windows(patch):
                if window in ("strokes", "at-rest", "(subpatch)"):
                    continue
                files.append(folder / f"{window}.pd")
                files[-1].write_text(content, "utf-8")
        draw(package, files, pictures)


def draw(package: Path, files: list[Path], pictures: Path) -> None:
    """Opens all of them in one Pd and takes a picture of each."""
    reading, writing = os.pipe()
    screen = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1600x1200x24", "-nolisten", "tcp"],
        pass_fds=[writing],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    display = os.read(reading, 16).decode().strip()
    environment = os.environ | {"DISPLAY": f":{display}"}
    command = ["pd", "-noaudio", "-nomidi", "-nrt", "-noprefs", "-stderr", "-path", package]
    for file in files:
        command += ["-open", file]
    pd = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for file in files:
            window = find_window(file.name, environment)
            for action in ("windowmap", "windowmove", "windowraise"):
                place = ["40", "40"] if action == "windowmove" else []
                xdotool(environment, action, window, *place)
            time.sleep(0.4)  # for Tk to draw it
            picture = pictures / f"{file.stem}.png"
            subprocess.run(
                ["import", "-window", window, "-colors", "64", picture], env=environment, check=True
            )
            print(picture)
    finally:
        pd.terminate()
        pd.wait()
        screen.terminate()
        screen.wait()


def find_window(title: str, environment: dict[str, str]) -> str:
    """Waits for the window of a patch."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = xdotool(environment, "search", "--name", f"^{re.escape(title)}")
        if found:
            return found.split()[-1]
        time.sleep(0.2)
    sys.exit(f"help-pictures: Pure Data did not open {title}")


def xdotool(environment: dict[str, str], *arguments: str) -> str:
    """What it prints; nothing where it fails."""
    done = subprocess.run(
        ["xdotool", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


if __name__ == "__main__":
    main()
