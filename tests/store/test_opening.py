"""A project is created durably, and nothing that is not a whole project of ours is opened or changed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.store import Store, connecting
from workbench.store.connecting import dbapi
from workbench.store.schema import APPLICATION_ID, m001_initial, migrations


def pragma(store: Store, name: str) -> object:
    return store.value(f"PRAGMA {name}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("busy_timeout", 5000),
        ("trusted_schema", 0),
        ("cell_size_check", 1),
        ("temp_store", 2),
        ("mmap_size", 0),
        ("application_id", APPLICATION_ID),
    ],
)
def test_every_connection_is_durable_and_careful(store: Store, name: str, value: object) -> None:
    assert pragma(store, name) == value
    store.close()
    again = Store.open(store.folder)
    assert pragma(again, name) == value
    again.close()


class Recorder:
    """A connection that writes down what it is asked to do."""

    def __init__(self, path: Path) -> None:
        self.conn = dbapi.connect(str(path))
        self.said: list[str] = []
        self.conn.set_trace_callback(self.said.append)


def test_a_new_file_is_told_to_be_durable_before_its_journal_is_chosen(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "new.db")
    connecting.lay_out(recorder.conn)
    recorder.conn.close()
    places = [recorder.said.index(f"PRAGMA {pragma}") for pragma in ("synchronous = EXTRA", "journal_mode = WAL")]
    first_table = next(index for index, text in enumerate(recorder.said) if text.startswith("CREATE"))
    assert places == sorted(places)
    assert places[-1] < first_table


def test_the_sqlite_of_this_process_is_safe() -> None:
    connecting.refuse_unsafe_sqlite()
    assert tuple(map(int, dbapi.sqlite_version.split("."))) >= (3, 51, 3)


def test_an_older_sqlite_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "SAFE_SQLITE", (999, 0, 0))
    with pytest.raises(WorkbenchError, match="can damage a project"):
        connecting.refuse_unsafe_sqlite()


def test_creation_leaves_no_half_made_file(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["models", "project.db", "runs"]


def test_when_another_process_is_quicker_its_file_stays(tmp_path: Path) -> None:
    first = Store.open(tmp_path)
    first.set_setting("who", "first")
    slower = tmp_path / "slower.db"
    Store.open(tmp_path / "other").close()
    (tmp_path / "other" / "project.db").rename(slower)
    connecting._move_new(slower, tmp_path / "project.db")
    assert first.setting("who") == "first"
    first.close()
    again = Store.open(tmp_path)
    assert again.setting("who") == "first"
    again.close()


def test_two_stores_see_each_other(store: Store) -> None:
    other = Store.open(store.folder)
    store.prompts.add("Hello")
    assert [prompt.text for prompt in other.prompts.list()] == ["Hello"]
    other.close()


def test_a_second_writer_gets_one_sentence(store: Store) -> None:
    other = Store.open(store.folder)
    other.db.execute("PRAGMA busy_timeout = 20")
    with store.writing(), pytest.raises(WorkbenchError, match="Another Workbench is writing"):
        other.set_setting("a", 1)
    other.set_setting("a", 2)
    assert store.setting("a") == 2
    other.close()


def foreign(path: Path) -> None:
    conn = dbapi.connect(str(path))
    conn.execute("CREATE TABLE recipes(name)")
    conn.commit()
    conn.close()


def damaged(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for page in range(2, 20):
        data[page * 4096 : page * 4096 + 4096] = b"\x5a" * 4096
    path.write_bytes(data)


def newer(path: Path) -> None:
    conn = dbapi.connect(str(path))
    conn.execute(
        "INSERT INTO _sqlite_migrations(migration_set, name, applied_at) VALUES ('workbench', 'm999_telepathy', '')"
    )
    conn.commit()
    conn.close()


def with_a_trigger(path: Path) -> None:
    conn = dbapi.connect(str(path))
    conn.execute("CREATE TRIGGER spy AFTER INSERT ON feedback BEGIN DELETE FROM prompts; END")
    conn.commit()
    conn.close()


def our_trigger_rewritten(path: Path) -> None:
    conn = dbapi.connect(str(path))
    conn.execute("DROP TRIGGER shown_added")
    conn.execute("CREATE TRIGGER shown_added AFTER INSERT ON shown BEGIN DELETE FROM shown; END")
    conn.commit()
    conn.close()


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda path: (path.unlink(), foreign(path)), "is not a Workbench project"),
        (lambda path: path.write_bytes(b""), "is not a Workbench project"),
        (lambda path: path.write_bytes(b"This is not a database at all. " * 400), "is not a database"),
        (lambda path: path.write_bytes(path.read_bytes()[:5000]), "damaged"),
        (damaged, "damaged"),
        (newer, "newer Workbench"),
        (with_a_trigger, "not part of a Workbench project: spy"),
        (our_trigger_rewritten, "not part of a Workbench project: shown_added"),
    ],
    ids=["foreign", "empty", "text", "cut off", "overwritten", "newer", "strange trigger", "changed trigger"],
)
def test_what_is_not_a_whole_project_is_refused_and_not_changed(tmp_path: Path, spoil, sentence: str) -> None:
    store = Store.open(tmp_path)
    store.prompts.add("Keep me")
    store.close()
    path = tmp_path / "project.db"
    spoil(path)
    before = path.read_bytes()
    with pytest.raises(WorkbenchError, match=sentence) as caught:
        Store.open(tmp_path)
    assert caught.value.hint
    assert path.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["models", "project.db", "runs"]


def test_a_folder_with_a_strangers_file_is_left_as_it_is(tmp_path: Path) -> None:
    foreign(tmp_path / "project.db")
    with pytest.raises(WorkbenchError):
        Store.open(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["project.db"]


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "note").write_text("hello")
    with pytest.raises(WorkbenchError, match="cannot be used"):
        Store.open(tmp_path / "note")


def test_a_read_only_folder_gives_one_sentence(small_disk: Path) -> None:
    Store.open(small_disk / "project").close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for folder in ("project", "new"):
        with pytest.raises(WorkbenchError, match=r"read-only|Read-only|cannot be opened") as caught:
            Store.open(small_disk / folder)
        assert caught.value.hint


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_a_folder_without_permission_gives_one_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(WorkbenchError):
        Store.open(tmp_path)


def test_a_project_of_the_first_version_is_brought_up_after_a_backup(tmp_path: Path) -> None:
    conn = dbapi.connect(str(tmp_path / "project.db"))
    conn.execute("PRAGMA journal_mode = WAL")
    conn.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db = connecting.Database(conn, execute_plugins=False)
    migrations.apply(db, stop_before="m002_queue_and_search")
    fill_first_version(conn)
    conn.close()

    store = Store.open(tmp_path)
    assert store.rows("SELECT answers, judged FROM queue") == [{"answers": 2, "judged": 1}]
    assert store.value("SELECT COUNT(*) FROM judged") == 2
    assert store.rows("SELECT tag FROM prompt_tags") == [{"tag": "mail"}]
    assert store.value("SELECT COUNT(*) FROM search WHERE search MATCH '\"kettle\"'") == 1
    store.close()
    assert len(list((tmp_path / "backups").glob("*.db"))) == 1


def test_an_older_project_is_brought_up_whole_or_not_at_all(tmp_path: Path, monkeypatch) -> None:
    conn = dbapi.connect(str(tmp_path / "project.db"))
    conn.execute("PRAGMA journal_mode = WAL")
    conn.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    migrations.apply(connecting.Database(conn, execute_plugins=False), stop_before="m002_queue_and_search")
    fill_first_version(conn)
    before = connecting._applied(conn)
    conn.close()

    def fail(db) -> None:
        raise RuntimeError("no power")

    with monkeypatch.context() as context:
        last = migrations._Migration("m999_fails", fail, True)
        context.setattr(migrations, "_migrations", [*migrations._migrations, last])
        with pytest.raises(RuntimeError, match="no power"):
            Store.open(tmp_path)
    conn = dbapi.connect(str(tmp_path / "project.db"))
    assert connecting._applied(conn) == before
    conn.close()
    store = Store.open(tmp_path)
    assert store.rows("SELECT answers, judged FROM queue") == [{"answers": 2, "judged": 1}]
    store.close()


def fill_first_version(conn) -> None:
    conn.execute(
        "INSERT INTO prompts(id, hash, turns, tags, split, created_at) VALUES "
        """('p', 'h', '[{"role": "user", "content": "Where is the kettle?"}]', '["mail"]', 'train', '')"""
    )
    for answer in ("r1", "r2"):
        conn.execute("INSERT INTO responses(id, prompt_id, text, created_at) VALUES (?, 'p', 'Here.', '')", [answer])
    conn.execute(
        "INSERT INTO feedback(id, kind, prompt_id, value, annotator, created_at) VALUES "
        """('f', 'rating', 'p', '{"ratings": [1, 2]}', 'you', '')"""
    )
    conn.executemany("INSERT INTO shown VALUES ('f', ?, ?)", [(0, "r1"), (1, "r2")])
    conn.commit()


def test_migrations_are_named_once() -> None:
    names = [migration.name for migration in migrations._migrations]
    assert names[0] == m001_initial.__name__
    assert names == sorted(set(names))


def test_guidelines_of_an_older_version_become_the_first_of_their_versions(tmp_path: Path) -> None:
    conn = dbapi.connect(str(tmp_path / "project.db"))
    conn.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    migrations.apply(connecting.Database(conn, execute_plugins=False), stop_before="m005_saying_more")
    conn.execute("INSERT INTO project(key, value) VALUES ('guidelines', '\"Be kind.\"')")
    conn.commit()
    conn.close()
    store = Store.open(tmp_path)
    assert [version.text for version in store.guidelines.list()] == ["Be kind."]
    assert store.setting("guidelines") is None
    prompt, _ = store.prompts.add("Hi")
    answer = store.responses.add(prompt.id, "Hello")
    store.feedback.add("cannot", prompt.id, [answer.id], {"kind": "thumbs"}, annotator="you")
    assert store.rows("SELECT kind FROM judged") == [{"kind": "thumbs"}]
    assert store.rows("SELECT judged FROM queue") == [{"judged": 0}]
    store.close()


def test_models_of_an_older_version_stay_and_one_behind_a_server_fits_beside_them(tmp_path: Path) -> None:
    conn = dbapi.connect(str(tmp_path / "project.db"))
    conn.execute("PRAGMA journal_mode = WAL")
    conn.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    migrations.apply(connecting.Database(conn, execute_plugins=False), stop_before="m008_servers")
    add = "INSERT INTO models(id, name, kind, source, location, created_at) VALUES (?, ?, ?, 'local', '/m', '')"
    conn.execute(add, ["m", "Old", "base"])
    conn.commit()
    with pytest.raises(dbapi.IntegrityError):
        conn.execute(add, ["s", "Served", "server"])
    conn.close()
    store, beside = Store.open(tmp_path), Store.beside(tmp_path)
    for each, name in ((store, "first"), (beside, "second")):
        each.models.add(name=name, kind="server", source="server", location="http://localhost/v1", hash=name)
        with pytest.raises(dbapi.IntegrityError):
            each.models.add(name="x", kind="telepathy", source="local", location="/x")
        assert each.rows("PRAGMA integrity_check") == [{"integrity_check": "ok"}]
        assert each.value("PRAGMA writable_schema") == 0
    assert [model.name for model in store.models.list()] == ["Old", "first", "second"]
    beside.close()
    store.close()
    again = Store.open(tmp_path)
    assert len(again.models.list("server")) == 2
    again.close()


def test_a_connection_that_is_open_while_servers_come_sees_the_wider_table(tmp_path: Path) -> None:
    conn = dbapi.connect(str(tmp_path / "project.db"))
    conn.execute("PRAGMA journal_mode = WAL")
    conn.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    migrations.apply(connecting.Database(conn, execute_plugins=False), stop_before="m008_servers")
    assert conn.execute("SELECT COUNT(*) FROM models").fetchone() == (0,)
    Store.open(tmp_path).close()
    conn.execute(
        "INSERT INTO models(id, name, kind, source, location, created_at) VALUES ('s', 's', 'server', 's', 'u', '')"
    )
    conn.commit()
    conn.close()
