"""Build an installer: one entry for every system.

    python packaging/build.py --base-python ~/.pyenv/versions/3.11.7 --target deb --target tar
    python packaging/build.py --base-python DIR --edition full --target deb --wheels DIR

The interpreter is an argument, as nothing here downloads one: in CI the machine's own, in releases
python-build-standalone. Everything else comes from packaging/locks, by its hash. Windows' setup and the layout of the
macOS app can be made on Linux; what only their own systems can do is said and left out.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from installers import bundle, debian, interpreter, macos, nsis
from installers.systems import OF_TARGET, ROOT

LIMIT = 2**31
"""What a release's page takes for one file."""


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description="Build installers of Feedback Workbench.")
    parser.add_argument("--base-python", type=Path, required=True, metavar="DIR", help="CPython 3.11 for the target")
    parser.add_argument("--edition", choices=("base", "full"), default="base", help="full has an engine inside")
    parser.add_argument("--target", action="append", choices=tuple(OF_TARGET), help="none: the bundle's folder alone")
    parser.add_argument("--system", choices=sorted({one.name for one in OF_TARGET.values()}), help="without a target")
    parser.add_argument("--wheels", type=Path, metavar="DIR", help="the engine's wheels, instead of the index")
    parser.add_argument("--out", type=Path, default=ROOT / "dist" / "installers", metavar="DIR")
    parser.add_argument("--compression", default="zstd:19", metavar="TOOL[:LEVEL]", help="of the .deb: zstd or xz")
    parser.add_argument("--fast", action="store_true", help="a larger setup for Windows in a tenth of the time")
    parser.add_argument("--icon-python", metavar="PYTHON", help="has PySide6; default: the bundle's, or this one")
    parser.add_argument("--uv", default="uv")
    return parser.parse_args()


def main() -> int:
    """Build what was asked for, and SHA256SUMS beside it."""
    asked = arguments()
    targets = asked.target or []
    systems = {OF_TARGET[target].name: OF_TARGET[target] for target in targets}
    systems |= {one.name: one for one in OF_TARGET.values() if one.name == asked.system}
    if len(systems) != 1:
        print("Name targets of one system, or a system.", file=sys.stderr)
        return 2
    (system,) = systems.values()
    out = asked.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    root = out / f"bundle-{system.name}-{asked.edition}"
    shutil.rmtree(root, ignore_errors=True)
    begun = time.monotonic()
    plan = bundle.Plan(system, asked.edition, asked.base_python.resolve(), root, asked.uv, asked.wheels, icon(asked))
    bundle.assemble(plan)
    print(f"bundle: {time.monotonic() - begun:.1f} s, {bundle.size(root) / 1e6:.0f} MB at {root}", flush=True)
    if system.name == "linux":
        print(f"needs {interpreter.newest_glibc(root)}", flush=True)
    made = [make(target, asked, root, out) for target in targets]
    for file in made:
        print(f"{file.name}: {bundle.size(file) / 1e6:.1f} MB", flush=True)
    publish(root, [file for file in made if file.is_file()], out)
    too_large = [file.name for file in made if file.is_file() and file.stat().st_size >= LIMIT]
    for name in too_large:
        print(f"{name} is larger than a release's page takes.", file=sys.stderr)
    return int(bool(too_large))


def icon(asked: argparse.Namespace) -> str:
    """The Python that draws icons where the bundle's cannot run here."""
    return asked.icon_python or sys.executable


def make(target: str, asked: argparse.Namespace, root: Path, out: Path) -> Path:
    """One installer."""
    version, edition = bundle.version(), asked.edition
    if target == "deb":
        return debian.build(root, edition, version, out, asked.compression)
    if target == "tar":
        return debian.archive(root, edition, version, out)
    pictures = root.parent / f"{root.name}-icons"
    if target == "nsis":
        return nsis.build(root, pictures / "workbench.ico", edition, version, out, asked.fast)
    return macos.build(root, pictures / "workbench.icns", edition, version, out)


def publish(root: Path, made: list[Path], out: Path) -> None:
    """Put the inventory beside the installers, and the hashes of all of them."""
    kind = root.name.removeprefix("bundle-")
    inventory = out / f"sbom-{kind}.cdx.json"
    shutil.copy2(root / "sbom.cdx.json", inventory)
    shutil.copy2(root / "THIRD_PARTY_LICENSES", out / f"THIRD_PARTY_LICENSES-{kind}")
    sums = out / "SHA256SUMS"
    lines = sums.read_text(encoding="ascii").splitlines() if sums.exists() else []
    known = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    for file in (*made, inventory):
        with file.open("rb") as handle:
            known[file.name] = hashlib.file_digest(handle, "sha256").hexdigest()
    kept = (f"{known[name]}  {name}\n" for name in sorted(known) if (out / name).is_file())
    sums.write_text("".join(kept), encoding="ascii", newline="\n")


if __name__ == "__main__":
    sys.exit(main())
