"""Every message and flag that [nn~] says it understands has a test that sends it.

What there is, the object itself tells (`help`); a message or flag that is added there, and has no
test, fails here.
"""

import inspect
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import test_flags as flags
import test_messages as sent
import test_models_from_the_network as network
import test_multichannel as multichannel
from pure_data import VECTOR, render

SHOWN_BY: dict[str, list[Callable[..., None]]] = {
    "load": [sent.test_load_goes_over_into_the_other_model],
    "reload": [sent.test_reload_keeps_what_was_set],
    "method": [sent.test_method_plays_another],
    "buffer": [sent.test_buffer_0_computes_inside_the_call],
    "bufsize": [sent.test_buffer_and_bufsize_change_the_block],
    "slack": [sent.test_slack_is_time_for_inference],
    "enable": [sent.test_enable_0_is_silence_and_enable_1_is_not],
    "bypass": [sent.test_bypass_is_the_input_as_late_as_the_model],
    "set": [
        sent.test_set_and_get_every_type_of_attribute,
        sent.test_an_array_goes_to_the_model_with_its_content,
    ],
    "get": [sent.test_set_and_get_every_type_of_attribute],
    "latents": [sent.test_latents_plays_all_of_them_by_hand],
    "latent set": [sent.test_latent_moves_one_or_all],
    "latent bias": [sent.test_latent_moves_one_or_all],
    "latent scale": [sent.test_latent_moves_one_or_all],
    "latent noise": [sent.test_latent_release_noise_and_freeze],
    "latent release": [sent.test_latent_release_noise_and_freeze],
    "latent freeze": [sent.test_latent_release_noise_and_freeze],
    "latent get": [sent.test_latents_plays_all_of_them_by_hand],
    "gpu": [
        sent.test_a_device_that_is_not_there_is_refused_with_those_that_are,
        sent.test_device_and_gpu_0_are_the_processor,
    ],
    "device": [sent.test_a_device_that_is_not_there_is_refused_with_those_that_are],
    "precision": [sent.test_precision_computes_with_fewer_bits],
    "resample": [sent.test_resample_1_plays_at_the_models_rate],
    "reset": [sent.test_reset_forgets_what_was_heard],
    "seed": [sent.test_seed_repeats_the_noise],
    "offline": [sent.test_offline_1_waits_in_real_time, sent.test_offline_0_1_and_auto],
    "get_methods": [sent.test_reports_leave_by_the_right_outlet],
    "get_attributes": [sent.test_reports_leave_by_the_right_outlet],
    "bang": [sent.test_reports_leave_by_the_right_outlet],
    "stats": [sent.test_reports_leave_by_the_right_outlet],
    "latency": [sent.test_reports_leave_by_the_right_outlet],
    "dump": [sent.test_reports_leave_by_the_right_outlet],
    "help": [sent.test_every_message_of_the_table_and_every_flag_is_printed_by_help],
    "print_available_models": [network.test_what_the_index_lists_is_printed],
    "download": [network.test_a_download_is_whole_and_plays],
    "remove": [network.test_a_download_is_whole_and_plays],
    "-m": [
        multichannel.test_the_channels_of_the_cable_are_the_models,
        flags.test_m_on_an_old_pd_is_said_and_makes_inlets,
    ],
    "-gpu": [flags.test_gpu_is_refused_with_what_there_is_and_the_model_plays],
    "-g": [flags.test_gpu_is_refused_with_what_there_is_and_the_model_plays],
    "-d": [flags.test_d_begins_disabled],
}


def forms(line: str) -> list[str]:
    """Of a line of `help`: the message, or each way to begin it where there are several."""
    if flag := re.match(r"nn~: \[nn~ (-\w+)", line):
        return [flag[1]]
    name, _, takes = line.removeprefix("nn~: ").partition(":")[0].partition(" ")
    ways = [way.split()[0] for way in takes.split(", ") if way]
    if len(ways) == 1:
        return [name]
    return [f"{name} {word}" for way in ways for word in way.split("/")] or [name]


def test_each_has_a_test(tmp_path: Path, every_pd: Path) -> None:
    silence = np.zeros((1, 100 * VECTOR), dtype=np.float32)
    heard = render(tmp_path, ["nn~"], silence, 1, {1: "help"}, every_pd)
    assert sorted(form for line in heard.posts() for form in forms(line)) == sorted(SHOWN_BY)


@pytest.mark.parametrize("form", SHOWN_BY)
def test_its_test_sends_it(form: str) -> None:
    sends = re.compile(rf"""["',;{{]\s*(nn~\s)?{re.escape(form)}["'\s,}}]""")
    for test in SHOWN_BY[form]:
        assert test.__name__.startswith("test_")
        assert sends.search(inspect.getsource(test)), f"{test.__name__} does not send '{form}'"
