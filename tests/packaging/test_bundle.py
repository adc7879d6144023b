"""The parts of a bundle: where things lie, what is said of them, icons, signatures, the macOS app."""

from __future__ import annotations

import plistlib
import struct
import sys
from pathlib import Path

import pytest
from installers import bundle, icons, macos, nsis, sbom, signing
from installers.systems import LINUX, MACOS, WINDOWS


@pytest.mark.parametrize("system", [LINUX, WINDOWS, MACOS])
def test_the_interpreter_finds_the_app(tmp_path, system):
    place = tmp_path / system.site_packages
    found = [(place / line).resolve() for line in bundle.path_lines(system).splitlines()]
    assert found == [tmp_path / "app", tmp_path / "app" / "site-packages"]


def test_the_app_has_its_data_inside(tmp_path):
    bundle.copy_app(tmp_path / "workbench")
    assert (tmp_path / "workbench" / "_data" / "resources" / "theme" / "tokens.json").is_file()
    assert (tmp_path / "workbench" / "_data" / "samples" / "prompts.jsonl").is_file()
    assert not list(tmp_path.rglob("__pycache__"))


def test_a_bundle_says_what_it_is():
    plan = bundle.Plan(WINDOWS, "full", Path("python"), Path("root"))
    told = bundle.description(plan)
    assert told["edition"] == "full"
    assert told["platform"] == "windows-x86_64"
    assert told["python"] == "3.11"
    assert told["version"] == bundle.version()


def test_the_built_in_engine_leaves_out_what_the_window_has():
    a, b, c, newer = (f"{name} \\\n    --hash=sha256:0\n" for name in ("a==1", "b==2", "c==3", "c==4"))
    head = "# packages\n--extra-index-url x\n"
    assert bundle.without(head + a + b + c, a + newer) == head + b + c


def test_variables_of_another_python_do_not_reach_uv(monkeypatch):
    for name in ("PYTHONPATH", "UV_INDEX_URL", "PIP_NO_INDEX", "CONDA_PREFIX"):
        monkeypatch.setenv(name, "/evil")
    monkeypatch.setenv("SSL_CERT_FILE", "/certificates")
    found = bundle.clean_environment()
    assert "/evil" not in found.values()
    assert found["SSL_CERT_FILE"] == "/certificates"


def test_windows_icon_has_a_table_that_points_at_its_pictures():
    pictures = {16: b"small", 256: b"large one", 512: b"too large"}
    data = icons.ico(pictures)
    kind, count = struct.unpack_from("<2xHH", data)
    entries = [struct.unpack_from("<BBBBHHII", data, 6 + 16 * number) for number in range(count)]
    assert kind == 1
    assert [data[begin : begin + size] for *_, size, begin in entries] == [b"small", b"large one"]
    assert [entry[0] for entry in entries] == [16, 0]  # 256 is written as 0


def test_macos_icon_is_as_long_as_it_says():
    data = icons.icns({size: bytes(size) for size in icons.SIZES})
    assert data[:4] == b"icns"
    assert struct.unpack_from(">I", data, 4)[0] == len(data)
    assert struct.unpack_from(">4sI", data, 8) == (b"icp4", 16 + 8)


def test_the_icon_is_drawn_in_every_size(tmp_path):
    pictures = icons.draw(sys.executable, tmp_path)
    for size, data in pictures.items():
        assert data.startswith(b"\x89PNG")
        assert struct.unpack_from(">II", data, 16) == (size, size)


def test_without_a_key_it_says_loudly_that_nothing_is_signed(monkeypatch, capsys, tmp_path):
    monkeypatch.delenv("WB_SIGN_CMD", raising=False)
    assert signing.sign([tmp_path / "setup.exe"]) is False
    assert "NOT SIGNED" in capsys.readouterr().err


def test_the_command_is_run_on_each_file(monkeypatch, tmp_path):
    files = [tmp_path / "one two.exe", tmp_path / "three.dll"]
    for file in files:
        file.write_text("unsigned")
    program = "import sys; open(sys.argv[1], 'w').write('signed')"
    monkeypatch.setenv("WB_SIGN_CMD", f'{sys.executable} -c "{program}"')
    assert signing.sign(files) is True
    assert [file.read_text() for file in files] == ["signed", "signed"]


@pytest.mark.parametrize(
    ("command", "expected"),
    [("sign --now", ["sign", "--now", "a b.exe"]), ("sign -in {file} -x", ["sign", "-in", "a b.exe", "-x"])],
)
def test_where_the_file_is_named(command, expected):
    assert signing.words(command, Path("a b.exe")) == expected


def test_a_setup_is_told_its_version_in_four_numbers(tmp_path):
    (tmp_path / "file").write_bytes(bytes(4096))
    told = nsis.defines(tmp_path, tmp_path / "icon", tmp_path / "out", "1.2.3", "base", fast=True)
    assert told["NUMBERS"] == "1.2.3.0"
    assert told["KIB"] == "4"


def test_macos_app_can_be_read_by_macos(tmp_path):
    told = plistlib.loads(plistlib.dumps(macos.information("1.2.3")))
    assert told["CFBundleShortVersionString"] == "1.2.3"
    assert told["LSMinimumSystemVersion"] == "14.0"
    plistlib.loads((macos.FOLDER / "entitlements.plist").read_bytes())


@pytest.fixture
def packages(tmp_path):
    """A bundle with two packages, one of them twice."""
    (tmp_path / "bundle.json").write_text('{"python": "3.11"}')
    for place, name, version, lines in (
        ("app/site-packages", "Some_Thing", "1.0", "License-Expression: MIT\n"),
        ("engine/site-packages", "Some_Thing", "1.0", "License-Expression: MIT\n"),
        ("engine/site-packages", "other", "2.0", "Classifier: License :: OSI Approved :: BSD License\n"),
    ):
        folder = tmp_path / place / f"{name}-{version}.dist-info"
        (folder / "licenses").mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n{lines}\n")
        (folder / "licenses" / "LICENSE.txt").write_text(f"the licence of {name}")
        (folder / "RECORD").write_text(f"{folder.name}/METADATA,,\n{folder.name}/licenses/LICENSE.txt,,\n")
    return tmp_path


def test_the_inventory_names_each_package_once(packages):
    told = sbom.bill(packages, "1.2.3")
    assert told["bomFormat"] == "CycloneDX"
    python, other, thing = told["components"]
    assert (python["name"], other["purl"], thing["purl"]) == (
        "CPython",
        "pkg:pypi/other@2.0",
        "pkg:pypi/some-thing@1.0",
    )
    assert other["licenses"] == [{"license": {"name": "BSD License"}}]
    assert thing["licenses"] == [{"expression": "MIT"}]


def test_every_licence_text_is_listed(packages):
    text = sbom.licences(packages)
    assert text.count("the licence of Some_Thing") == 1
    assert "the licence of other" in text
