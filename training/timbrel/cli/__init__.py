"""The `timbrel` command: one module per command, collected here.

A command's module defines a function that typer can read; the work itself lives in the library,
which the function imports when it is called, so that `timbrel --help` does not wait for torch.
"""

import errno
import io
import os
import sys
from typing import Annotated, NoReturn

import typer
from typer.exceptions import TyperException

from timbrel import __version__
from timbrel.cli import (
    bench,
    compare,
    datasets,
    doctor,
    evaluate,
    export,
    info,
    preprocess,
    render,
    script,
    train,
)
from timbrel.errors import InterruptionError, UserError

INTERRUPTED = 130
"""Exit status of a command that Ctrl-C ended, as shells count it (128 + SIGINT)."""

app = typer.Typer(
    name="timbrel",
    help="Turns a folder of recordings into a neural instrument for Pure Data and Max.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog="Example: [bold]timbrel preprocess ~/recordings my-dataset[/bold], then "
    "[bold]timbrel train my-dataset runs/first --preset tiny[/bold]",
    context_settings={"help_option_names": ["-h", "--help"]},
)

# Every command with an example, in the order in which a newcomer meets them.
for _name, _command, _example in (
    ("preprocess", preprocess.preprocess, "~/recordings my-dataset --rate 48000 --channels 2"),
    ("doctor", doctor.doctor, "my-dataset --preset v1"),
    ("train", train.train, "my-dataset runs/first --preset tiny"),
    ("export", export.export, "runs/first my-model.ts --license CC0-1.0"),
    ("script", script.script, "saturator.py -o saturator.ts"),
    ("evaluate", evaluate.evaluate, "runs/first violin.wav"),
    ("compare", compare.compare, "runs/first runs/second --out comparison"),
    ("render", render.render, "my-model.ts ~/recordings --out rendered"),
    ("info", info.info, "my-model.ts --json"),
    ("bench", bench.bench, "my-model.ts --rate 48000"),
):
    app.command(_name, epilog=f"Example: [bold]timbrel {_name} {_example}[/bold]")(_command)
app.add_typer(datasets.app, name="datasets")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"timbrel {__version__}")
        raise typer.Exit()


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and exit.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Turns a folder of recordings into a neural instrument for Pure Data and Max."""
    if context.invoked_subcommand is None:
        print(context.get_help())


_IN_THE_WAY = ("a file or folder of that name is in the way", "choose another name")
_FORBIDDEN = ("no permission", "choose a folder that you may read and write")
_MEANINGS = {
    errno.ENOSPC: ("no space left on the disk", "free some and run the same command again"),
    errno.EDQUOT: ("your disk quota is used up", "free some and run the same command again"),
    errno.EFBIG: (
        "a file grew larger than the disk's format or a limit (ulimit -f) allows",
        "choose another disk, or raise the limit",
    ),
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.EEXIST: _IN_THE_WAY,
    errno.ENOTDIR: _IN_THE_WAY,
    errno.EISDIR: _IN_THE_WAY,
    errno.EROFS: ("the disk is read-only", "choose another output folder"),
}
"""What an error of the operating system means to someone who has never seen an errno."""


def _one_line(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    if error.errno not in _MEANINGS:
        return f"{error.strerror or error}{where}"
    meaning, remedy = _MEANINGS[error.errno]
    return f"{meaning}{where}; {remedy}"


def main() -> None:
    """Run the command line; whatever a user can mend ends as one line on stderr."""
    for stream in (sys.stdout, sys.stderr):
        # A file's name may hold signs that this terminal's encoding has not.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        # Without its standalone mode typer leaves errors to us, and returns an exit status instead
        # of raising it (130 for Ctrl-C, which it catches itself).
        status = app(prog_name="timbrel", standalone_mode=False)
    except InterruptionError as error:
        _fail(str(error), INTERRUPTED)
    except UserError as error:
        _fail(str(error))
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    except TyperException as error:
        # A command line that makes no sense: exit status 2, as every Unix tool has it.
        message = getattr(error, "format_message", error.__str__)().rstrip(".")
        status = getattr(error, "exit_code", 2)
        if message:  # it is empty where the help was printed instead
            _fail(f"{message} (see --help)", status)
    except BrokenPipeError:
        # The reader of our output (a `head`, say) has gone; Python must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        _fail(_one_line(error))
    if status == INTERRUPTED:
        _fail("interrupted; run the same command again to go on", INTERRUPTED)
    sys.exit(status)


def _fail(message: str, status: int = 1) -> NoReturn:
    print("timbrel:", " ".join(message.split()), file=sys.stderr)
    sys.exit(status)
