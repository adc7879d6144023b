"""The .deb: what it says of itself, what it holds, what it leaves alone."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from installers import debian
from installers.systems import PACKAGING


def fields(edition: str) -> dict[str, str]:
    text = debian.control(edition, "1.2.3", 4096, "2.34")
    return dict(re.findall(r"^(\S+): (.*)$", text, re.MULTILINE))


def test_names_of_both_debian_and_ubuntu_are_accepted():
    wanted = fields("base")["Depends"].split(", ")
    assert "libglib2.0-0 | libglib2.0-0t64" in wanted
    assert "libc6 (>= 2.34)" in wanted


def test_nothing_that_the_bundle_carries_is_asked_for():
    assert not re.search(r"python|ssl|torch|gcc|g\+\+", fields("full")["Depends"])


def test_the_editions_take_each_others_place():
    base, full = fields("base"), fields("full")
    assert (base["Package"], full["Package"]) == (full["Conflicts"], base["Conflicts"])
    assert (base["Package"], full["Package"]) == (full["Replaces"], base["Replaces"])


def test_the_description_can_be_read_by_dpkg():
    text = debian.control("full", "1.2.3", 4096, "2.34")
    assert text.endswith("\n")
    assert all(line.startswith(" ") or re.match(r"[A-Z][A-Za-z-]*: \S", line) for line in text.splitlines())


@pytest.fixture
def bundle(tmp_path):
    """What a bundle holds, in little."""
    files = {
        "python/bin/python3.11": b"GLIBC_2.31\0",
        "python/lib/libpython3.11.so.1.0": b"..GLIBC_2.35\0GLIBC_2.9\0",
        "python/lib/python3.11/__pycache__/os.pyc": b"",
        "app/workbench/__init__.py": b"",
        "app/workbench/__pycache__/__init__.pyc": b"",
        "engine/site-packages/torch/__pycache__/__init__.pyc": b"",
        "bin/workbench": b"#!/bin/sh\n",
        "share/applications/feedback-workbench.desktop": b"",
        "LICENSE": b"",
    }
    for name, content in files.items():
        place = tmp_path / "bundle" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return tmp_path / "bundle"


def test_the_newest_glibc_is_compared_as_a_number(bundle):
    assert debian.newest_glibc(bundle) == "GLIBC_2.35 (python/lib/libpython3.11.so.1.0)"


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="dpkg-deb is not here")
def test_what_is_in_it(bundle, tmp_path):
    made = debian.build(bundle, "base", "1.2.3", tmp_path, "zstd:1")
    listing = subprocess.run(["dpkg-deb", "-c", made], capture_output=True, text=True, check=True).stdout
    names = {line.split()[5].removeprefix("./") for line in listing.splitlines()}
    assert "opt/feedback-workbench/app/workbench/__init__.py" in names
    assert "usr/share/applications/feedback-workbench.desktop" in names
    assert "opt/feedback-workbench/engine/site-packages/torch/__pycache__/__init__.pyc" in names
    assert not any("__pycache__" in name for name in names if name.startswith("opt/feedback-workbench/app"))
    assert "usr/bin/workbench -> /opt/feedback-workbench/bin/workbench" in listing
    assert {line.split()[1] for line in listing.splitlines()} == {"root/root"}
    told = subprocess.run(["dpkg-deb", "-f", made], capture_output=True, text=True, check=True).stdout
    assert "libc6 (>= 2.35)" in told
    assert (bundle / "app/workbench/__pycache__/__init__.pyc").exists(), "the bundle itself is as it was"


def test_removing_it_touches_only_its_own_folder():
    script = (PACKAGING / "linux" / "prerm").read_text()
    paths = re.findall(r'"(/[^"]+)"', script)
    assert paths and all(path.startswith("/opt/feedback-workbench/") for path in paths)
    assert not (PACKAGING / "linux" / "postrm").exists()


def test_windows_setup_removes_only_its_own_folders():
    script = (PACKAGING / "windows" / "installer.nsi").read_text()
    removed = re.findall(r'RMDir /r "([^"]+)"', script)
    assert removed == [rf"$INSTDIR\{name}" for name in ("python", "app", "bin", "locks", "engine")]


def test_a_menu_entry_and_a_type_name_the_same():
    entry = (PACKAGING / "linux" / "feedback-workbench.desktop").read_text()
    kind = re.search(r'mime-type type="([^"]+)"', (PACKAGING / "linux" / "feedback-workbench.xml").read_text())
    assert kind and f"MimeType={kind[1]};" in entry
    assert "Exec=workbench %f" in entry


def test_the_type_is_told_by_the_bytes_that_a_project_begins_with(tmp_path):
    from workbench.store import Store

    Store.open(tmp_path / "project").close()
    head = Path(tmp_path / "project" / "project.db").read_bytes()[:72]
    marks = re.findall(r'offset="(\d+)" value="([^"]+)"', (PACKAGING / "linux" / "feedback-workbench.xml").read_text())
    assert len(marks) == 2
    assert all(head[int(offset) :].startswith(value.encode()) for offset, value in marks)
