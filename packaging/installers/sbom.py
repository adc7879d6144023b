"""What is in a bundle, for those who ask: sbom.cdx.json (CycloneDX 1.6) and THIRD_PARTY_LICENSES."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

PLACES = ("app/site-packages", "engine/site-packages", "bin/licences")
LICENCE = re.compile(r"(licen[cs]e|copying|notice|authors)", re.IGNORECASE)
FOLDERS = {
    "python": "CPython",
    "app/workbench/_data/resources/fonts": "Inter and JetBrains Mono",
    "app/workbench/_data/resources/icons/lucide": "Lucide",
}
"""Parts that are no Python packages beside others, and the folder in which their licence lies."""


def write(root: Path, version: str) -> None:
    """Write both files into the bundle."""
    (root / "sbom.cdx.json").write_text(json.dumps(bill(root, version), indent=1) + "\n", encoding="utf-8")
    (root / "THIRD_PARTY_LICENSES").write_text(licences(root), encoding="utf-8")


def bill(root: Path, version: str) -> dict[str, Any]:
    """The CycloneDX document."""
    python = {
        "type": "platform",
        "name": "CPython",
        "version": json.loads((root / "bundle.json").read_text())["python"],
    }
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "feedback-workbench", "version": version}},
        "components": [python, *(component(found) for found in packages(root))],
    }


def packages(root: Path) -> Iterator[Distribution]:
    """Every package in the bundle, each name and version once, by name."""
    found = distributions(path=[str(root / place) for place in PLACES])
    unique = {(one.metadata["Name"].lower(), one.version): one for one in found}
    yield from (unique[key] for key in sorted(unique))


def component(package: Distribution) -> dict[str, Any]:
    """One package as CycloneDX writes it."""
    name = re.sub(r"[-_.]+", "-", package.metadata["Name"]).lower()
    result: dict[str, Any] = {
        "type": "library",
        "bom-ref": f"pkg:pypi/{name}@{package.version}",
        "purl": f"pkg:pypi/{name}@{package.version}",
        "name": package.metadata["Name"],
        "version": package.version,
    }
    if licence := licence_name(package):
        spdx = "License-Expression" in package.metadata
        result["licenses"] = [{"expression": licence} if spdx else {"license": {"name": licence}}]
    return result


def licence_name(package: Distribution) -> str:
    """The licence that a package names: an SPDX expression, a short name, or its classifiers."""
    said = package.metadata
    expression, short = (said[field].strip() if field in said else "" for field in ("License-Expression", "License"))
    kinds = [line.rpartition(" :: ")[2] for line in said.get_all("Classifier") or [] if line.startswith("License ::")]
    return expression or (short if 0 < len(short) < 80 and "\n" not in short else ", ".join(kinds))


def licences(root: Path) -> str:
    """Every licence text in the bundle, under the name of what it belongs to."""
    parts = [f"{name}\n\n{text}" for folder, name in FOLDERS.items() if (text := texts_in(root / folder))]
    for package in packages(root):
        title = f"{package.metadata['Name']} {package.version} ({licence_name(package) or 'see below'})"
        parts.append(f"{title}\n\n{texts_of(package) or 'Its package carries no text; see its name above.'}")
    return f"\n\n{'=' * 100}\n".join(["What Feedback Workbench is built on, with thanks.", *parts]) + "\n"


def texts_of(package: Distribution) -> str:
    """The licence files of a package."""
    files = sorted({str(file) for file in package.files or [] if LICENCE.search(file.name) and file.suffix != ".py"})
    found = [Path(str(package.locate_file(name))) for name in files]
    return "\n\n".join(read(file) for file in found if file.is_file())


def texts_in(folder: Path) -> str:
    """The licence files that lie in a folder, or one below."""
    inside = [*folder.glob("*"), *folder.glob("licenses/*"), *folder.glob("lib/python3*/LICENSE*")]
    wanted = sorted(
        file for file in inside if file.is_file() and re.match(r"(licen[cs]e|ofl|copying)", file.name, re.I)
    )
    return "\n\n".join(read(file) for file in wanted)


def read(file: Path) -> str:
    """A text in whatever encoding its author had."""
    return file.read_text(encoding="utf-8", errors="replace").strip()
