"""What Max knows of boxes: how many inlets, which outlets, and how wide a text is."""

from __future__ import annotations

# Inlets and the outlets' types of what our patches use. "" is any message.
_FIXED: dict[str, tuple[int, list[str]]] = {
    # what is drawn
    "comment": (1, []),
    "panel": (1, []),
    "message": (2, [""]),
    "toggle": (1, ["int"]),
    "button": (1, ["bang"]),
    "number": (1, ["", "bang"]),
    "flonum": (1, ["", "bang"]),
    "slider": (1, [""]),
    "multislider": (1, ["", ""]),
    "gain~": (2, ["signal", ""]),
    "ezdac~": (2, []),
    "mc.ezdac~": (1, []),
    "scope~": (2, []),
    "attrui": (1, [""]),
    "inlet": (0, [""]),
    "outlet": (1, []),
    "dict.view": (1, []),
    # what is typed
    "+": (2, ["int"]),
    "*": (2, ["int"]),
    "*~": (2, ["signal"]),
    "+~": (2, ["signal"]),
    "mc.*~": (2, ["multichannelsignal"]),
    "mc.+~": (2, ["multichannelsignal"]),
    "mc.sig~": (1, ["multichannelsignal"]),
    "mc.cycle~": (2, ["multichannelsignal"]),
    "mc.mixdown~": (2, ["multichannelsignal"]),
    "buffer~": (1, ["float", "bang"]),
    "clip~": (3, ["signal"]),
    "coll": (1, ["", "", "", ""]),
    "cycle~": (2, ["signal"]),
    "deferlow": (1, [""]),
    "dict": (2, ["dictionary", "", "", ""]),
    "gate": (2, [""]),
    "i": (2, ["int"]),
    "line~": (2, ["signal", "bang"]),
    "listfunnel": (1, ["list"]),
    "loadbang": (1, ["bang"]),
    "loadmess": (1, [""]),
    "metro": (2, ["bang"]),
    "noise~": (1, ["signal"]),
    "prepend": (1, [""]),
    "print": (1, []),
    "r": (0, [""]),
    "random": (2, [""]),
    "s": (1, []),
    "sig~": (1, ["signal"]),
    "snapshot~": (2, ["float"]),
    "zl.join": (2, ["", ""]),
    "zl.len": (2, ["", ""]),
    "nn.info": (1, [""] * 6),
}

# Channels in and out of the methods of the model that the patches play; a test compares them with
# the file.
METHODS = {"tabla": {"forward": (1, 1), "encode": (1, 16), "decode": (16, 1)}}

_LETTERS = {"b": "bang", "i": "int", "f": "float", "l": ""}


def ports(text: str) -> tuple[int, list[str]]:
    """Inlets and the outlets' types of a box with a text; KeyError where the object is unknown."""
    name, *arguments = text.split("@", maxsplit=1)[0].split()
    if name in {"nn~", "mc.nn~", "mcs.nn~"}:
        return _of_ours(name, arguments)
    count = len(arguments)
    by_arguments: dict[str, tuple[int, list[str]]] = {
        "t": (1, [_LETTERS.get(letter, "") for letter in arguments]),
        "unpack": (1, [_LETTERS.get(letter, "") for letter in arguments]),
        "route": (count + 1, [""] * (count + 1)),
        "sel": (max(2, count + 1), ["bang"] * count + [""]),
        "pack": (count, [""]),
        "pak": (count, [""]),
        "sprintf": (max(1, text.count("%")), [""]),
    }
    if name in by_arguments:
        return by_arguments[name]
    if name == "mc.pack~":
        return int(arguments[0]), ["multichannelsignal"]
    if name == "mc.unpack~":
        return 1, ["signal"] * int(arguments[0])
    inlets, outlets = _FIXED[name]
    return inlets, list(outlets)


def _of_ours(name: str, arguments: list[str]) -> tuple[int, list[str]]:
    """As externals/host/arguments.cpp reads them. The last outlet reports."""
    kind = "signal" if name == "nn~" else "multichannelsignal"
    model = arguments[0] if arguments else "void"
    numbers = [int(word) for word in arguments if word.isdigit()]
    if name == "mcs.nn~":
        examples = numbers[0] if numbers else 1
        return examples, [kind] * examples + [""]
    if model == "void":
        inlets, outlets = [*numbers, 1, 1][:2] if len(numbers) > 1 else (1, 1)
    else:
        words = [word for word in arguments[1:] if not word.isdigit()]
        inlets, outlets = METHODS[model][words[0] if words else "forward"]
    return inlets, [kind] * outlets + [""]


# Thousandths of the font's size, for Arial; what is not listed is a small letter.
_WIDTHS = {
    **dict.fromkeys(" .,:;!|/\\'fIijlt[]()-", 300),
    **dict.fromkeys("ijl'|", 222),
    **dict.fromkeys("rt", 320),
    **dict.fromkeys("mM", 833),
    **dict.fromkeys("wW@%", 860),
    **dict.fromkeys("ABCDEGHKNOPQRSUVXYZ&", 690),
    **dict.fromkeys("cksvxyz", 500),
    **dict.fromkeys("~+=<>", 584),
}


def text_width(text: str, size: float = 12.0) -> float:
    """Pixels, rather too many than too few."""
    return sum(_WIDTHS.get(letter, 560) for letter in text) * size / 1000


def wrapped(text: str, width: float, size: float = 12.0) -> list[str]:
    """Lines that fit into a width, as Max breaks a comment."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines or [""]
