"""The bundle: an interpreter, the app with what its window needs, uv, locks and, in the full edition, an engine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from . import icons, interpreter, pruning, sbom
from .systems import LOCKS, PACKAGING, PYTHON, ROOT, System

SELDOM = r"transformers[/\\]models[/\\](?!auto[/\\])[^/\\]+[/\\]"
"""Two thousand files of which a job reads three: their bytecode would be a tenth of the engine's."""
TEMPORARY = ("__pycache__", "*.pyc")


@dataclass(frozen=True)
class Plan:
    """What is built, from what, and where."""

    system: System
    edition: str
    base_python: Path
    root: Path
    uv: str = "uv"
    wheels: Path | None = None
    """A folder with every wheel of the engine's lock; none: they come from the index."""
    icon_python: str = sys.executable
    """What draws icons where the bundle's own Qt does not run on this computer."""


def assemble(plan: Plan) -> Path:
    """Make the bundle at `plan.root`, which must not be there yet."""
    root = plan.root
    root.mkdir(parents=True)
    interpreter.copy(plan.base_python, root / "python", plan.system)
    (root / plan.system.site_packages / "workbench.pth").write_text(path_lines(plan.system), encoding="utf-8")
    copy_app(root / "app" / "workbench")
    install(plan, root / "app" / "site-packages", plan.system.name + "/app.txt")
    pruning.prune(root / "app" / "site-packages")
    if plan.system.name == "linux":
        interpreter.strip(root / "python")
        interpreter.strip(root / "app" / "site-packages")
    put_programs(plan)
    shutil.copytree(LOCKS / plan.system.name, root / "locks", ignore=shutil.ignore_patterns("app.txt"))
    if plan.edition == "full":
        put_engine(plan)
    (root / "bundle.json").write_text(json.dumps(description(plan), indent=2) + "\n", encoding="utf-8")
    put_papers(plan)
    compile_all(plan)
    return root


def path_lines(system: System) -> str:
    """The one file in the interpreter's site-packages: where the app lies, seen from there."""
    up = "../" * len(Path(system.site_packages).parts)
    return f"{up}app\n{up}app/site-packages\n"


def description(plan: Plan) -> dict[str, str]:
    """What bundle.json says."""
    return {
        "version": version(),
        "edition": plan.edition,
        "python": PYTHON,
        "platform": plan.system.platform,
        "commit": commit(),
    }


def project() -> dict[str, object]:
    """The whole of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def version() -> str:
    """The app's version."""
    table = project()["project"]
    assert isinstance(table, dict)
    return str(table["version"])


def commit() -> str:
    """The commit that is checked out, or nothing in a tree without git."""
    command = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def copy_app(target: Path) -> None:
    """The same files as in the wheel: the package, and the data that pyproject.toml puts inside it."""
    leave = shutil.ignore_patterns(*TEMPORARY)
    shutil.copytree(ROOT / "workbench", target, ignore=leave)
    hatch = project()["tool"]["hatch"]["build"]["targets"]["wheel"]  # type: ignore[index]
    for source, inside in hatch["force-include"].items():
        place = target.parent / inside
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, place, ignore=leave)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / source, place)


def install(plan: Plan, target: Path, lock: str | Path, wheels: Path | None = None) -> None:
    """Install a lock into a folder with uv: every file by its hash, for the plan's system."""
    command = [plan.uv, "pip", "install", "--quiet", "--no-config", "--target", str(target), "--no-deps"]
    # Signing changes files where they lie, and must not reach uv's cache through a hard link.
    command += ["--require-hashes", "--link-mode", "hardlink" if plan.system.name == "linux" else "copy"]
    command += ["--python-version", PYTHON, "--python", sys.executable]
    command += ["--python-platform", plan.system.uv, "--index-strategy", "unsafe-best-match"]
    command += ["--build-constraints", str(LOCKS / "build.txt"), "--requirements", str(LOCKS / lock)]
    if wheels is not None:
        command += ["--no-index", "--find-links", str(wheels)]
    subprocess.run(command, env=clean_environment(), check=True)


def put_engine(plan: Plan) -> None:
    """The built-in engine, without what the window has in the same version: a job finds that beside the app."""
    folder = LOCKS / plan.system.name
    lock = plan.root / "engine.txt"
    lock.write_text(without((folder / f"{plan.system.built_in}.txt").read_text(), (folder / "app.txt").read_text()))
    install(plan, plan.root / "engine" / "site-packages", lock, plan.wheels)
    lock.unlink()
    pruning.prune_engine(plan.root / "engine" / "site-packages")


def without(lock: str, other: str) -> str:
    """A lock less the packages that stand in another one in the same version."""
    blocks = re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)
    known = set(re.findall(r"^[a-z0-9]\S+", other, re.MULTILINE))
    return "".join(block for block in blocks if not block.strip() or block.split()[0] not in known)


def clean_environment() -> dict[str, str]:
    """This process's environment without what would lead uv or a Python elsewhere."""
    unwanted = ("PYTHON", "UV_", "PIP_", "CONDA", "VIRTUAL_ENV", "QT_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    return {**kept, "MACOSX_DEPLOYMENT_TARGET": "14.0"}


def put_programs(plan: Plan) -> None:
    """bin/: uv, and what starts the app from a command line."""
    folder = plan.root / "bin"
    folder.mkdir()
    temporary = plan.root / "uv-wheel"
    install(plan, temporary, "build.txt")
    shutil.copy2(temporary / "bin" / f"uv{plan.system.scripts}", folder)
    for licence in temporary.glob("uv-*.dist-info"):
        leave = shutil.ignore_patterns("sboms")
        shutil.copytree(licence, plan.root / "bin" / "licences" / licence.name, ignore=leave)
    shutil.rmtree(temporary)
    if plan.system.name == "windows":
        shutil.copy2(PACKAGING / "windows" / "workbench.cmd", folder)
        return
    shutil.copy2(PACKAGING / "linux" / "workbench.sh", folder / "workbench")
    (folder / "workbench").chmod(0o755)


def put_papers(plan: Plan) -> None:
    """Licences, the inventory, icons; on Linux also what a desktop reads."""
    shutil.copy2(ROOT / "LICENSE", plan.root)
    sbom.write(plan.root, version())
    pictures = plan.root.parent / f"{plan.root.name}-icons"
    python = str(plan.root / plan.system.executable) if plan.system.native else plan.icon_python
    drawn = icons.draw(python, pictures)
    (pictures / "workbench.ico").write_bytes(icons.ico(drawn))
    (pictures / "workbench.icns").write_bytes(icons.icns(drawn))
    if plan.system.name != "linux":
        return
    share = plan.root / "share"
    icons.put_on_desktop(drawn, share)
    for file, place in (("desktop", "applications"), ("xml", "mime/packages")):
        (share / place).mkdir(parents=True)
        shutil.copy2(PACKAGING / "linux" / f"feedback-workbench.{file}", share / place)


def size(place: Path) -> int:
    """Bytes of a file, or of everything in a folder."""
    files = [place] if place.is_file() else [file for file in place.rglob("*") if file.is_file()]
    return sum(file.lstat().st_size for file in files)


def compile_all(plan: Plan) -> None:
    """Bytecode for everything, last: it is used without a look at the source, so no source may change afterwards."""
    program = str(plan.root / plan.system.executable) if plan.system.native else sys.executable
    if not plan.system.native and sys.version_info[:2] != tuple(map(int, PYTHON.split("."))):
        print(f"warning: no bytecode: it takes Python {PYTHON} to write it for another system", file=sys.stderr)
        return
    folders = [plan.root / name for name in ("python", "app", "engine") if (plan.root / name).is_dir()]
    command = [program, "-E", "-s", "-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(plan.root), "-x", SELDOM, *map(str, folders)]
    # Packages carry a few files that no Python of today compiles (templates, samples of Python 2): they are no failure.
    subprocess.run(command, env=clean_environment(), stdout=subprocess.DEVNULL, check=False)
