"""The package for Max: whole, and every patch in it can be opened as it is meant."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import cords
import pytest
import reference
import torch
from boxes import METHODS, ports

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "build" / "max_package" / "timbrel"
PATCHES = sorted([*PACKAGE.rglob("*.maxhelp"), *PACKAGE.rglob("*.maxpat")])
MESSAGES = re.findall(
    r'^        \{"(\w+)",', (ROOT / "externals/engine/src/object/messages.cpp").read_text(), re.M
)
ATTRIBUTES = re.findall(
    r'^        \{"(\w+)",', (ROOT / "externals/max/attribute_table.cpp").read_text(), re.M
)


def patchers(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """A file's patchers, the outer one first, each with the name of its window."""

    def walk(name: str, patcher: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        yield name, patcher
        for item in patcher["boxes"]:
            if "patcher" in item["box"]:
                yield from walk(f"{name}/{item['box']['text']}", item["box"]["patcher"])

    yield from walk(file.name, json.loads(file.read_text("utf-8"))["patcher"])


WINDOWS = [pytest.param(patcher, id=name) for file in PATCHES for name, patcher in patchers(file)]


def boxes(patcher: dict[str, Any]) -> list[dict[str, Any]]:
    return [item["box"] for item in patcher["boxes"]]


# ---- structure ----


def test_the_package_has_what_max_looks_for() -> None:
    assert {path.name for path in PATCHES if path.suffix == ".maxhelp"} == {
        f"{name}.maxhelp" for name in reference.OBJECTS
    }
    info = json.loads((PACKAGE / "package-info.json").read_text())
    assert info["name"] == PACKAGE.name
    assert list(PACKAGE.rglob(info["homepatcher"]))
    for name in ("icon.png", "License.md", "extras/Timbrel Acceptance.maxpat", "models/tabla.ts"):
        assert (PACKAGE / name).is_file(), name
    assert [path for path in PACKAGE.rglob("*") if path.is_symlink() and not path.exists()] == []


def test_init_names_every_object() -> None:
    lines = (PACKAGE / "init" / "timbrel-objectmappings.txt").read_text().splitlines()
    assert all(re.fullmatch(r"max (objectfile|oblist) \S+ \S+;", line) for line in lines)
    named = {line.rstrip(";").split()[-1] for line in lines}
    assert named == set(reference.OBJECTS)
    externals = {path.stem for path in (PACKAGE / "externals").iterdir()}
    assert named == externals


def test_the_help_of_nn_has_its_tabs() -> None:
    root = json.loads((PACKAGE / "help" / "nn~.maxhelp").read_text())["patcher"]
    assert root["showrootpatcherontab"] == 0
    tabs = [box["text"].removeprefix("p ") for box in boxes(root)]
    assert tabs[:7] == [
        "basic", "latents", "multichannel", "attributes", "buffers", "swapping", "statistics"
    ]  # fmt: skip
    assert all(box["patcher"]["showontab"] == 1 for box in boxes(root))


# ---- every window ----


@pytest.mark.parametrize("patcher", WINDOWS)
def test_a_window_has_the_form_of_maxs_files(patcher: dict[str, Any]) -> None:
    assert patcher["fileversion"] == 1
    assert patcher["classnamespace"] == "box"
    assert patcher["appversion"]["major"] >= 8
    assert len(patcher["rect"]) == 4
    ids = [box["id"] for box in boxes(patcher)]
    assert len(set(ids)) == len(ids)
    for box in boxes(patcher):
        assert re.fullmatch(r"obj-\d+", box["id"])
        assert len(box["patching_rect"]) == 4
        assert all(isinstance(number, float) for number in box["patching_rect"])
        assert len(box.get("outlettype", [])) == box["numoutlets"]
        assert ("presentation" in box) == ("presentation_rect" in box)


@pytest.mark.parametrize("patcher", WINDOWS)
def test_every_object_is_known_with_its_arguments(patcher: dict[str, Any]) -> None:
    for box in boxes(patcher):
        if "patcher" in box:
            inner = [each["maxclass"] for each in boxes(box["patcher"])]
            assert box["numinlets"] == inner.count("inlet")
            assert box["numoutlets"] == inner.count("outlet")
        elif box["maxclass"] == "bpatcher":
            inside = json.loads((PACKAGE / "patchers" / box["name"]).read_text())["patcher"]
            kinds = [each["maxclass"] for each in boxes(inside)]
            assert inside["openinpresentation"] == 1
            assert (box["numinlets"], box["numoutlets"]) == (
                kinds.count("inlet"), kinds.count("outlet")
            )  # fmt: skip
            assert box["patching_rect"][2:] == inside["rect"][2:]
        else:
            known_as = box["text"] if box["maxclass"] == "newobj" else box["maxclass"]
            inlets, outlets = ports(known_as)
            assert (box["numinlets"], box.get("outlettype", [])) == (inlets, outlets), known_as


@pytest.mark.parametrize("patcher", WINDOWS)
def test_cords_lead_from_outlets_to_inlets(patcher: dict[str, Any]) -> None:
    by_id = {box["id"]: box for box in boxes(patcher)}
    for item in patcher["lines"]:
        line = item["patchline"]
        (source, outlet), (target, inlet) = line["source"], line["destination"]
        assert 0 <= outlet < by_id[source]["numoutlets"]
        assert 0 <= inlet < by_id[target]["numinlets"]


@pytest.mark.parametrize("patcher", WINDOWS)
def test_every_object_that_is_shown_is_connected(patcher: dict[str, Any]) -> None:
    """But for what speaks by name, and what is only to be looked at."""
    alone = {"comment", "panel", "attrui", "toggle"}
    ends = set()
    for item in patcher["lines"]:
        ends |= {item["patchline"]["source"][0], item["patchline"]["destination"][0]}
    for box in boxes(patcher):
        is_example = "void" in box.get("text", "") or box.get("text") in {"nn.info", "p strokes"}
        by_name = box.get("text", "").startswith("buffer~")
        if box["maxclass"] in alone or is_example or by_name or "patcher" in box:
            continue
        assert box["id"] in ends, box.get("text", box["maxclass"])


def overlap(one: list[float], other: list[float]) -> bool:
    return (
        one[0] < other[0] + other[2]
        and other[0] < one[0] + one[2]
        and one[1] < other[1] + other[3]
        and other[1] < one[1] + one[3]
    )


@pytest.mark.parametrize("key", ["patching_rect", "presentation_rect"])
@pytest.mark.parametrize("patcher", WINDOWS)
def test_no_box_covers_another_or_leaves_the_window(patcher: dict[str, Any], key: str) -> None:
    shown = [box for box in boxes(patcher) if key in box and not box.get("background")]
    for one, other in combinations(shown, 2):
        assert not overlap(one[key], other[key]), (one.get("text"), other.get("text"))
    opens_here = (key == "presentation_rect") == bool(patcher["openinpresentation"])
    if opens_here:
        for box in boxes(patcher):
            if key in box:
                x, y, width, height = box[key]
                assert x >= 0
                assert y >= 0
                assert x + width <= patcher["rect"][2], box.get("text")
                assert y + height <= patcher["rect"][3], box.get("text")


@pytest.mark.parametrize("patcher", WINDOWS)
def test_no_cord_is_drawn_over_a_box(patcher: dict[str, Any]) -> None:
    by_id = {box["id"]: box for box in boxes(patcher)}
    for item in patcher["lines"]:
        line = item["patchline"]
        points = cords.path(by_id, line)
        for name, box in by_id.items():
            if name in (line["source"][0], line["destination"][0]) or box.get("background"):
                continue
            assert not cords.crosses(points, box["patching_rect"]), (line, box.get("text"))


@pytest.mark.parametrize("patcher", WINDOWS)
def test_messages_to_nn_are_messages_that_it_understands(patcher: dict[str, Any]) -> None:
    """What is sent to a name in these windows, and what is wired to an object of ours."""
    by_id = {box["id"]: box for box in boxes(patcher)}
    understood = {name for name, _, _ in reference.OF_INFO + reference.OF_MAX}
    understood |= {*MESSAGES, *ATTRIBUTES}
    for item in patcher["lines"]:
        source = by_id[item["patchline"]["source"][0]]
        target = by_id[item["patchline"]["destination"][0]].get("text", "")
        if source["maxclass"] == "message" and re.match(r"(s timbrel-|(mcs?\.)?nn)", target):
            for message in source["text"].split(","):
                assert message.split()[0] in understood, message


@pytest.mark.parametrize("patcher", WINDOWS)
def test_who_sends_by_name_is_heard(patcher: dict[str, Any]) -> None:
    texts = [box.get("text", "").split() for box in boxes(patcher)]
    sent = {words[1] for words in texts if words[:1] == ["s"]}
    heard = {words[1] for words in texts if words[:1] == ["r"]}
    assert sent == heard


def test_every_message_is_in_the_help_of_nn() -> None:
    tabs = dict(patchers(PACKAGE / "help" / "nn~.maxhelp"))
    page = tabs["nn~.maxhelp/p messages"]
    clicked = {box["text"].split()[0] for box in boxes(page) if box["maxclass"] == "message"}
    assert set(MESSAGES) <= clicked


def test_the_boxes_of_models_have_the_files_channels() -> None:
    for name, methods in METHODS.items():
        model = torch.jit.load(str(ROOT / "models" / f"{name}.ts"))
        for method, channels in methods.items():
            params = getattr(model, f"{method}_params").tolist()
            assert channels == (params[0], params[2])


# ---- reference pages ----


@pytest.mark.parametrize("name", reference.OBJECTS)
def test_a_reference_page_has_the_messages_and_attributes_of_the_tables(name: str) -> None:
    page = Xml.parse(PACKAGE / "docs" / "refpages" / f"{name}.maxref.xml").getroot()
    assert page.tag == "c74object"
    assert page.get("name") == name
    listed = {method.get("name") for method in page.findall("methodlist/method")}
    attributes = {attribute.get("name") for attribute in page.findall("attributelist/attribute")}
    if name == "nn.info":
        source = (ROOT / "externals/max/nn_info.cpp").read_text()
        known = source[source.index("kKnown[] = {") :]
        known = known[: known.index("};")]
        assert listed == set(re.findall(r'"(\w+)"', known))
        assert attributes == {"dict"}
    else:
        assert listed >= set(MESSAGES)
        assert listed - set(MESSAGES) == {"print_available_models", "download", "delete", "signal"}
        assert attributes == set(ATTRIBUTES) - ({"chans"} if name == "nn~" else set())
    for item in (*page.findall("methodlist/method"), *page.findall("attributelist/attribute")):
        assert item.findtext("digest"), item.get("name")
