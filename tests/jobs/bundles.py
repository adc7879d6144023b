"""A standalone app of a few files, with the real uv, and wheels of a few bytes under the names that an engine has."""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from pathlib import Path

import uv

PACKAGES = ("torch", "transformers", "trl", "peft", "datasets", "accelerate")
WHEEL = "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
TRIAL = "import json, torch; print(json.dumps({'torch': torch.VERSION, 'device': 'cpu', 'name': 'tiny'}))"


def wheel(folder: Path, name: str, version: str, code: str) -> Path:
    """A wheel with one module."""
    files = {
        f"{name}/__init__.py": code,
        f"{name}-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{name}-{version}.dist-info/WHEEL": WHEEL,
    }
    rows = []
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(text.encode())}")
    record = f"{name}-{version}.dist-info/RECORD"
    files[record] = "\n".join([*rows, f"{record},,"]) + "\n"
    made = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(made, "w") as out:
        for path, text in files.items():
            out.writestr(path, text)
    return made


def wheels(folder: Path, version: str = "1.0", padding: int = 0) -> Path:
    """The wheels of one engine. `padding`: bytes that torch has beside its code."""
    folder.mkdir(exist_ok=True)
    for name in PACKAGES:
        more = f"PAD = '{'x' * padding}'\n" if name == "torch" else ""
        wheel(folder, name, version, f"VERSION = '{version}'\n{more}")
    return folder


def lock(file: Path, folder: Path, head: str = "") -> None:
    """A lock of all wheels in a folder."""
    lines = []
    for path in sorted(folder.glob("*.whl")):
        name, version = path.name.split("-")[:2]
        lines.append(f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(head + "\n".join(lines) + "\n")


def bundle(root: Path) -> Path:
    """The folder of an app in its base edition; its code is that of the tests."""
    (root / "bin").mkdir(parents=True)
    (root / "bundle.json").write_text(json.dumps({"version": "0", "edition": "base"}))
    # Not the PATH: the environment that the tests run in need not be an activated one.
    (root / "bin" / "uv").symlink_to(Path(uv.find_uv_bin()).resolve())
    return root
