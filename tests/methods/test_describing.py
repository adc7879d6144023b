"""The README's table of methods, `--help` and the form come from the same fields."""

import importlib.util
from pathlib import Path

import pytest
from click.testing import CliRunner

from workbench.cli import cli
from workbench.methods import METHODS
from workbench.methods.base import knobs
from workbench.methods.describing import option

ROOT = Path(__file__).parents[2]


def writer():
    spec = importlib.util.spec_from_file_location("readme_methods", ROOT / "packaging" / "readme_methods.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_readme_has_the_methods_and_knobs_as_they_are():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert writer().written(text) == text, "run: python packaging/readme_methods.py"


def test_a_readme_that_says_something_else_is_found():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    knob = knobs(METHODS["ppo"].Options)[0]
    assert f"`{option(knob)}` | `{knob.default}`" in text
    other = text.replace(f"`{option(knob)}` | `{knob.default}`", f"`{option(knob)}` | `999`")
    assert writer().written(other) == text


@pytest.mark.parametrize("name", METHODS)
def test_help_says_of_every_knob_what_the_readme_says(name):
    shown = CliRunner().invoke(cli, ["train", name, "--help"], terminal_width=10_000, max_content_width=10_000)
    assert shown.exit_code == 0
    words = " ".join(shown.output.split())
    for knob in knobs(METHODS[name].Options):
        assert option(knob) in words
        assert f"{' '.join(knob.text.split())} [default: {knob.default}]" in words


@pytest.mark.parametrize("name", METHODS)
def test_presets_stand_under_the_knobs_and_on_the_command_line(name):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split(f"<code>workbench train {name}</code>")[1].split("</details>")[0]
    for preset, changes in METHODS[name].PRESETS.items():
        assert (f"`--preset {preset}` changes" in section) == bool(changes)
    shown = CliRunner().invoke(cli, ["train", name, "--help"]).output
    assert "--preset [quick|balanced|thorough]" in shown
