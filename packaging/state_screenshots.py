"""Pictures of Models and Generate in all their states, light and dark, in a copy of the project of `workbench demo`.

    python packaging/state_screenshots.py demo-out/project OUT [1280x800] [models-loaded generate-shaded ...]

The models, answers and chances are real; the hub and the server are small ones of the tests on this machine, which can
be taken away. OUT gets NAME-dark.png, NAME-light.png and sheet-N.png, with six pictures each to look through.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from screenshots import SIZE, settle, shown

from tests.jobs import hub_worlds
from tests.jobs.hub_server import Hub
from tests.providers.openai_server import Says, Server, serving
from workbench import settings
from workbench.jobs.pushing import Plan
from workbench.jobs.servers import add_server
from workbench.store import Store, task_templates
from workbench.ui.models_save_dialog import SendDialog
from workbench.ui.theme import apply_theme
from workbench.ui.window import Window

SHOP = "Two of the mugs arrived cracked. We replace broken pieces, and the customer keeps what is whole."
RULES = "# House rules\n\n## Guests\n\nGuests may stay for up to three nights in a row. The warden is told beforehand."
KILN = "# The kiln\n\nThe kiln is fired on Fridays. Stoneware needs 1240 degrees. Guests may bring three pieces."
ON_HUB = (
    ("HuggingFaceTB/SmolLM2-360M-Instruct", 361_821_120, 812_345, False, "apache-2.0"),
    ("Qwen/Qwen2.5-0.5B-Instruct", 494_032_768, 2_612_345, False, "apache-2.0"),
    ("meta-llama/Llama-3.2-1B-Instruct", 1_235_814_400, 1_912_345, True, "llama3.2"),
    ("google/gemma-2-2b-it", 2_614_341_888, 412_345, True, "gemma"),
    ("mistralai/Mistral-7B-Instruct-v0.3", 7_248_023_552, 612_345, False, "apache-2.0"),
)
LARGE = ("potter/clay-1B", "potter/glaze-0.5B", "potter/kiln-135M")


class World:
    """A window, the servers beside it, and ways to wait."""

    def __init__(self, window: Window, application: QApplication, hub: Hub, server: Server) -> None:
        self.window, self.app, self.hub, self.server = window, application, hub, server
        self.store: Store = window.context.store

    @property
    def models(self) -> Any:
        return self.window.panes["models"]

    @property
    def generate(self) -> Any:
        return self.window.panes["generate"]

    def wait(self, done: Callable[[], Any], seconds: float = 120.0) -> None:
        """Let the window work until something is so."""
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end:
                raise TimeoutError("it never came to that")
            QTest.qWait(20)

    def dialog(self) -> Any:
        """The dialog that is open."""
        self.wait(lambda: QApplication.activeModalWidget() is not None, 20)
        return QApplication.activeModalWidget()

    def base(self) -> Any:
        return self.store.models.list("base")[0]

    def in_models(self, page: str = "all") -> Any:
        self.window.show_pane("models")
        self.models.sources.facets[page].setChecked(True)
        settle(self.app)
        return self.models

    def in_generate(self) -> Any:
        self.window.show_pane("generate")
        settle(self.app)
        return self.generate

    def close_dialogs(self) -> None:
        """Leave whatever is open, as Esc does."""
        while (found := QApplication.activeModalWidget() or QApplication.activePopupWidget()) is not None:
            found.close()
            self.app.processEvents()


# -- Models


def library(world: World) -> None:
    world.in_models().choose(world.base().id)


def by_base(world: World) -> None:
    world.in_models().by_base.setChecked(True)


def inspector_end(world: World) -> None:
    pane = world.in_models()
    pane.by_base.setChecked(False)
    pane.choose(world.base().id)
    world.wait(lambda: pane.template.counts.text())
    bar = pane.inspector.verticalScrollBar()
    bar.setValue(bar.maximum())


def adapter(world: World) -> None:
    world.in_models().choose(world.store.models.list("adapter")[0].id)
    world.models.inspector.verticalScrollBar().setValue(0)


def filtered_out(world: World) -> None:
    world.in_models().filter.setText("no such model")


def template_editor(world: World) -> QWidget:
    pane = world.in_models()
    pane.filter.clear()
    pane.choose(world.base().id)
    pane.template.edit()
    dialog = world.dialog()
    world.wait(lambda: dialog.counts.text())
    return dialog


def template_wrong(world: World) -> QWidget:
    dialog = template_editor(world)
    dialog.editor.setPlainText(dialog.text().replace("message['content']", "'x'"))
    world.wait(lambda: dialog.problem.text())
    return dialog


def save_folder(world: World) -> QWidget:
    pane = world.in_models()
    pane.choose(world.store.models.list("adapter")[0].id)
    pane.save_action.trigger()
    return world.dialog()


def save_gguf(world: World) -> QWidget:
    dialog = save_folder(world)
    dialog.cards["gguf"].setChecked(True)
    return dialog


def save_hub(world: World) -> QWidget:
    dialog = save_folder(world)
    dialog.cards["hub"].setChecked(True)
    dialog.place.setText("anna/helpful")
    return dialog


def send(world: World) -> QWidget:
    files = (("model.safetensors", 269_060_552), ("tokenizer.json", 3_522_871), ("README.md", 1200))
    dialog = SendDialog(Plan(Path("/nowhere"), "anna/helpful", True, files), world.models)
    dialog.open()
    return dialog


def saving(world: World) -> None:
    pane = world.in_models()
    pane.save_action.trigger()
    dialog = world.dialog()
    dialog.cards["gguf"].setChecked(True)
    dialog.place.setText(str(Path(os.environ["WORKBENCH_HOME"]) / "saved.gguf"))
    QTest.keyClick(dialog, Qt.Key.Key_Return)  # type: ignore[call-overload]
    world.wait(lambda: pane.progress.isVisible(), 20)


def gguf(world: World) -> None:
    """What was saved comes in again, as a file that llama.cpp can run."""
    pane = world.models
    world.wait(lambda: not pane.progress.isVisible())
    pane.adding.add(str(Path(os.environ["WORKBENCH_HOME"]) / "saved.gguf"))
    world.wait(lambda: world.store.models.list("base")[-1].format == "gguf")
    pane.choose(world.store.models.list("base")[-1].id)
    settle(world.app)
    bar = pane.inspector.verticalScrollBar()
    bar.setValue(bar.maximum() // 2)


def loading(world: World) -> None:
    pane = world.in_models()
    pane.choose(world.base().id)
    world.wait(lambda: not pane.progress.isVisible())
    QTest.keyClick(pane.table, Qt.Key.Key_Return)  # type: ignore[call-overload]


def loaded(world: World) -> None:
    world.in_models()
    world.wait(lambda: world.window.context.session_ids)


def two_loaded(world: World) -> None:
    other = world.store.models.list("adapter")[0]
    world.window.context.load_model(other.id)
    world.wait(lambda: other.id in world.window.context.session_ids)
    world.models.choose(other.id)


def add_server_found(world: World) -> QWidget:
    world.in_models().add_server_action.trigger()
    dialog = world.dialog()
    dialog.url.setText(world.server.url)
    dialog.ask()
    settle(world.app)
    return dialog


def add_server_nobody(world: World) -> QWidget:
    world.in_models().add_server_action.trigger()
    dialog = world.dialog()
    dialog.url.setText("http://127.0.0.1:9/v1")
    dialog.ask()
    settle(world.app)
    return dialog


def server(world: World) -> None:
    found = add_server(world.store, world.server.url, "small", "Lab server", price_in=0.5, price_out=2.0)
    world.in_models().choose(found.id)
    settle(world.app)


def hub_found(world: World) -> None:
    pane = world.in_models("find")
    world.wait(lambda: pane.pages.hub.table.rows_model.rowCount() >= len(ON_HUB))
    pane.pages.hub.table.setCurrentIndex(pane.pages.hub.table.model().index(1, 0))


def downloading(world: World) -> None:
    world.hub.pause = 0.02
    pane = world.models
    for name in LARGE:
        pane.pages.downloads.want(name)
    settle(world.app)
    settle(world.app)
    pane.pages.downloads.pause(pane.pages.downloads.items[1])


def download_cancel(world: World) -> None:
    world.models.pages.dock.rows[1].ask()


def here(world: World) -> None:
    world.in_models("here")


def hub_gone(world: World) -> None:
    world.hub.take_away()
    pane = world.in_models("find")
    pane.pages.hub.table.rows_model.set_rows([])
    pane.pages.hub.field.setText("anything")
    pane.pages.hub.search_now()
    for _ in range(6):
        settle(world.app)


def removed(world: World) -> None:
    world.models.pages.downloads.close()
    pane = world.in_models()
    pane.choose(world.store.models.list("adapter")[0].id)
    pane.remove_action.trigger()
    settle(world.app)


def brought_back(world: World) -> None:
    world.models.undo_action.trigger()


# -- Generate


def prompt_set(world: World) -> None:
    world.in_generate()


def writing(world: World) -> None:
    pane = world.in_generate()
    while pane.columns.can_add():
        pane.columns.add()
    pane.columns.change_model(1, world.base().id)
    pane.columns.change_model(2, world.base().id)
    pane.columns.change_model(3, world.store.models.find("Lab server").id)
    pane.generate_action.trigger()
    world.wait(lambda: world.window.context.session_ids and world.server.asked)
    settle(world.app)
    settle(world.app)
    settle(world.app)


def stopped(world: World) -> None:
    world.generate.stop_action.trigger()
    world.wait(lambda: not world.generate.writer.busy)


def written(world: World) -> None:
    world.generate.again_action.trigger()
    world.wait(lambda: not world.generate.writer.busy, 300)


def shaded(world: World) -> None:
    world.generate.shade_action.trigger()
    for _ in range(8):
        settle(world.app)


def tokens(world: World) -> QWidget:
    world.generate.shade_action.trigger()
    world.generate.tokens_action.trigger()
    settle(world.app)
    dialog: Any = next(each for each in QApplication.topLevelWidgets() if type(each).__name__ == "TokensDialog")
    world.wait(lambda: dialog.counts.text())
    return dialog


def server_gone(world: World) -> None:
    for each in [each for each in QApplication.topLevelWidgets() if type(each).__name__ == "TokensDialog"]:
        each.close()
    gone = add_server(world.store, "http://127.0.0.1:9/v1", "qwen3:8b", "Ollama")
    pane = world.in_generate()
    pane.columns.remove(2)
    pane.columns.remove(1)
    pane.columns.change_model(1, gone.id)
    settle(world.app)
    pane.again_action.trigger()
    world.wait(lambda: not pane.writer.busy, 300)


def batch(world: World) -> None:
    for number in range(40):
        world.store.prompts.add(f"Name {number + 2} things that a potter needs.", tags=("kiln",))
    pane = world.in_generate()
    pane.columns.remove(1)
    settle(world.app)
    pane.sampling.samples.setValue(1)
    pane.all_action.trigger()
    world.wait(lambda: pane.batches.busy, 30)
    world.wait(lambda: pane.batches.done >= 2, 300)


def batch_stopped(world: World) -> None:
    pane = world.generate
    pane.batches.stop()
    world.wait(lambda: not pane.batches.busy, 120)


def single(world: World) -> None:
    pane = world.in_generate()
    pane.modes.set_value("single")
    pane.modes.changed.emit("single")
    QTest.keyClicks(pane.card.first_field(), "Write a line about the first snow.")


def chat(world: World) -> None:
    pane = world.in_generate()
    pane.modes.pick("chat")
    for text in ("Name a food that squirrels eat.", "Where do they keep it?"):
        QTest.keyClicks(pane.chat.field, text)
        pane.chat.said.emit()
        world.wait(lambda: not pane.writer.busy, 300)


def task_mail(world: World) -> None:
    pane = world.generate
    pane.more.open_task(task_templates.find("mail-customer"))
    for name, value in {"shop": "Anna's Kiln", "name": "Lena", "tone": "brief and warm"}.items():
        pane.card.task.fields[name].field.setText(value)


def task_table(world: World) -> None:
    table = Path(os.environ["WORKBENCH_HOME"]) / "rows.csv"
    rows = "".join(f"Anna's Kiln,Lena {number},{SHOP[:30]},{SHOP},warm\n" for number in range(411))
    table.write_text(f"shop,name,mail,facts,tone\n{rows}Anna's Kiln,,x,y,z\n", encoding="utf-8")
    world.generate.card.task.open_table(table)
    settle(world.app)
    world.generate.card.task.step(1)


def question(world: World) -> None:
    world.store.documents.add_text("house-rules.md", RULES)
    world.store.documents.add_text("kiln.md", KILN)
    pane = world.generate
    pane.more.open_task(task_templates.find("answer-documents"))
    pane.card.task.fields["question"].field.setPlainText("How many nights may a guest stay?")
    settle(world.app)
    pane.generate_action.trigger()
    world.wait(lambda: not pane.writer.busy, 200)


def documents(world: World) -> QWidget:
    dialog = world.generate.more.documents()
    dialog.search.setText("guests nights")
    return dialog


def paste(world: World) -> QWidget:
    dialog = world.generate.more.paste()
    dialog.text.setPlainText("Where is my order?\nCan I change the glaze?\nDo you ship to Norway?\nIs the glaze safe?")
    return dialog


def translate(world: World) -> QWidget:
    dialog = world.generate.more.translate()
    dialog.file.setText("/home/anna/handbook.md")
    dialog.target.setText("French")
    return dialog


STATES: dict[str, Callable[[World], QWidget | None]] = {
    "models-library": library,
    "models-by-base": by_base,
    "models-inspector-end": inspector_end,
    "models-adapter": adapter,
    "models-filtered-out": filtered_out,
    "models-template": template_editor,
    "models-template-wrong": template_wrong,
    "models-save": save_folder,
    "models-save-gguf": save_gguf,
    "models-save-hub": save_hub,
    "models-send": send,
    "models-saving": saving,
    "models-gguf": gguf,
    "models-loading": loading,
    "models-loaded": loaded,
    "models-two-loaded": two_loaded,
    "models-add-server": add_server_found,
    "models-add-server-nobody": add_server_nobody,
    "models-server": server,
    "models-hub": hub_found,
    "models-downloading": downloading,
    "models-download-cancel": download_cancel,
    "models-here": here,
    "models-hub-gone": hub_gone,
    "models-removed": removed,
    "models-brought-back": brought_back,
    "generate-set": prompt_set,
    "generate-writing": writing,
    "generate-stopped": stopped,
    "generate-written": written,
    "generate-shaded": shaded,
    "generate-tokens": tokens,
    "generate-server-gone": server_gone,
    "generate-batch": batch,
    "generate-batch-stopped": batch_stopped,
    "generate-single": single,
    "generate-chat": chat,
    "generate-task": task_mail,
    "generate-task-table": task_table,
    "generate-question": question,
    "generate-documents": documents,
    "generate-paste": paste,
    "generate-translate": translate,
}
"""In this order, each from where the one before it ended."""


def main(project: Path, out: Path, size: tuple[int, int], wanted: Sequence[str]) -> int:
    """Take them; the exit status is the number of states that were not reached."""
    out.mkdir(parents=True, exist_ok=True)
    hub, missed, taken = a_hub(), 0, []
    with (
        serving(lambda number, body: Says(("It ", "is ", "snowing ", "on ", "the ", "kiln. ") * 6)) as server_,
        shown(project, size) as (window, application),
    ):
        settings.save(settings.Settings(hub_endpoint=hub.url))
        world = World(window, application, hub, server_)
        for name, reach in STATES.items():
            try:
                part = reach(world) or window
                settle(application)
                for theme in ("dark", "light") if name in wanted or not wanted else ():
                    apply_theme(application, theme, 1.0)
                    settle(application)
                    part.grab().save(str(out / f"{name}-{theme}.png"))
                    taken.append(out / f"{name}-{theme}.png")
                print(name, flush=True)
            except Exception as error:
                missed += 1
                print(f"{name}: {type(error).__name__}: {error}", flush=True)
            world.close_dialogs()
    sheets(sorted(taken, key=lambda path: path.name.endswith("light.png")), out, size)
    return missed


def a_hub() -> Hub:
    """A hub with a few well-known names and some models that can be fetched."""
    hub = Hub()
    for name, parameters, downloads, gated, licence in ON_HUB:
        tags = [f"license:{licence}", "text-generation"]
        told = hub_worlds.facts(parameters) | {"tags": tags, "downloads": downloads}
        weights = {"rfilename": "model.safetensors", "lfs": {"sha256": "d" * 64, "size": 2 * parameters}}
        repo = hub.add(name, {}, facts=told, gated=gated)
        repo.siblings = [{"rfilename": "config.json", "size": 700, "blobId": "c" * 40}, weights]
    for number, name in enumerate(LARGE):
        files = hub_worlds.model_files(1000) | {"model.safetensors": hub_worlds.safetensors(3_000_000, number)}
        hub.add(name, files, facts=hub_worlds.facts(135_000_000))
    return hub


def sheets(pictures: Sequence[Path], out: Path, size: tuple[int, int]) -> None:
    """Six pictures on a sheet, two beside one another."""
    for number in range(0, len(pictures), 6):
        sheet = QImage(2 * size[0], 3 * size[1], QImage.Format.Format_RGB32)
        sheet.fill(Qt.GlobalColor.gray)
        painter = QPainter(sheet)
        for place, path in enumerate(pictures[number : number + 6]):
            painter.drawImage((place % 2) * size[0], (place // 2) * size[1], QImage(str(path)))
        painter.end()
        sheet.save(str(out / f"sheet-{number // 6 + 1:02d}.png"))


if __name__ == "__main__":
    asked = sys.argv[3].split("x") if len(sys.argv) > 3 else SIZE
    sys.exit(main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]), (int(asked[0]), int(asked[1])), sys.argv[4:]))
