"""What the help of both hosts says."""

# An example for every message of the engine's table, which says what each does.
EXAMPLES = {
    "load": ["load tabla"],
    "reload": ["reload"],
    "method": ["method forward"],
    "buffer": ["buffer 4096", "buffer 0"],
    "bufsize": ["bufsize 2048"],
    "slack": ["slack 20", "slack"],
    "enable": ["enable 0", "enable 1"],
    "bypass": ["bypass 1", "bypass 0"],
    "set": ["set NAME 0.5"],
    "get": ["get NAME"],
    "latents": ["latents"],
    "latent": ["latent bias 0 1 200", "latent freeze 1", "latent freeze 0", "latent get"],
    "gpu": ["gpu 1", "gpu 0"],
    "device": ["device cpu"],
    "precision": ["precision float32"],
    "resample": ["resample 1", "resample 0"],
    "reset": ["reset"],
    "seed": ["seed 1", "seed"],
    "offline": ["offline 1", "offline auto"],
    "get_methods": ["get_methods"],
    "get_attributes": ["get_attributes"],
    "bang": ["bang"],
    "stats": ["stats"],
    "latency": ["latency"],
    "dump": ["dump"],
}

LATENT_MOVES = [
    ("latent bias all 1 500", "added, over 500 ms"),
    ("latent bias all 0 500", ""),
    ("latent scale all 2 50", "wilder"),
    ("latent scale all 1 50", ""),
    ("latent noise all 0.7", "wandering"),
    ("latent noise all 0", ""),
    ("latent freeze 1", "what is there stays"),
    ("latent freeze 0", ""),
    ("latent set 0 2 100", "one latent, by hand"),
    ("latent release all 100", "the sound's again"),
    ("latents", "all the sound's again"),
    ("latent get", "report them"),
]

SWAPS = [
    ("load tabla", "another model: its name, as in the box. Inlets and outlets stay as they are"),
    ("reload", "the same file, after you have exported it anew"),
    ("method forward", "another method of the model"),
    ("buffer 4096", "another size of block; latency tells what it costs"),
    ("buffer 2048", ""),
    (
        "load tabla, method forward, buffer 8192",
        "what follows a load is meant for the model that it brings",
    ),
    ("enable 0", "silence, without a click; the model rests"),
    ("enable 1", ""),
    ("bypass 1", "what goes in, as late as what comes out"),
    ("bypass 0", ""),
]


def figures(host: str) -> list[tuple[str, str]]:
    """What `stats` reports, explained."""
    return [
        (
            "latency",
            f"""a block of samples is collected, computed by another thread while {host} goes on,
            and then played: that takes the buffer, less what buffer and vector share, plus the time
            that the computation is given (another buffer, unless slack says otherwise), plus what
            the model itself is late.""",
        ),
        (
            "late",
            """blocks that were not ready. The sound fades and comes back without a click, a latent
            holds.""",
        ),
        ("load", "inference as a part of what a block lasts. Near 1 the model is too large."),
        ("skipped", "blocks that were never computed, because too many waited."),
        ("failed", "blocks in which the model raised an error, which is said once."),
        ("nonfinite", "samples that were no numbers, and became zero."),
    ]
