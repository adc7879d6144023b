"""Files that are broken, or meant to break: one clear sentence each, nothing written, and not much memory."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import workbench.paths
from workbench.errors import WorkbenchError
from workbench.store import Store
from workbench.store.exchange import FORMATS, parquet_files
from workbench.store.exchange.importing import import_file, preview
from workbench.store.exchange.strict_json import MAX_DEPTH

GOOD = b'{"prompt": "Hi", "completion": "A", "label": true}\n'
PAIR = b'{"prompt": "Hi", "chosen": "A", "rejected": "B", "margin": '
DEEP = b"[" * 1000 + b"]" * 1000


def parquet(table: pa.Table, **options: object) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


def arrow(table: pa.Table, compression: str | None = None) -> bytes:
    file = io.BytesIO()
    with pa.ipc.new_stream(file, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table)
    return file.getvalue()


SMALL = pa.table({"prompt": ["Hi"] * 100, "completion": ["A"] * 100, "label": [True] * 100})


def repeated(text: str, times: int) -> pa.DictionaryArray:
    """One text that many rows point to."""
    return pa.DictionaryArray.from_arrays(pa.nulls(times, pa.int32()).fill_null(0), pa.array([text]))


def flat_bomb() -> bytes:
    """A terabyte of prompts in 50 kB."""
    return parquet(pa.table({"prompt": repeated("x" * 1_000_000, 1_000_000)}))


def nested_bomb() -> bytes:
    """One row, one conversation, a terabyte of messages."""
    talk = pa.StructArray.from_arrays(
        [repeated("user", 1_000_000), repeated("x" * 1_000_000, 1_000_000)], ["role", "content"]
    )
    return parquet(pa.table({"messages": pa.ListArray.from_arrays(pa.array([0, 1_000_000], pa.int32()), talk)}))


def many_rows() -> bytes:
    """Rows without anything in them."""
    return parquet(pa.table({"prompt": pa.nulls(10_000_001, pa.string())}))


def deep_table() -> bytes:
    type_ = pa.string()
    for _ in range(MAX_DEPTH + 6):
        type_ = pa.struct([("a", type_)])
    return parquet(pa.table({"prompt": pa.nulls(3, type_)}))


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.jsonl", GOOD)
    return file.getvalue()


def bad_utf8() -> bytes:
    text = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")])
    return parquet(pa.table({"prompt": text}))


FILES: dict[str, tuple[str, Callable[[], bytes] | bytes, str]] = {
    "truncated JSONL": ("a.jsonl", GOOD + GOOD[:20], "Line 2 of a.jsonl is not JSON"),
    "truncated array": ("a.json", b"[" + GOOD + b"," + GOOD[:20], "a.json is not JSON"),
    "truncated object": ("a.json", b'{\n"prompt": "Hi",\n', "a.json is not JSON"),
    "array that goes on": ("a.json", b"[" + GOOD + b"]" + GOOD, "a.json is not JSON: more follows .*, line 2"),
    "array without a comma": ("a.json", b"[" + GOOD + GOOD + b"]", "a.json is not JSON: a comma is missing"),
    "truncated CSV": ("a.csv", b'prompt,completion,label\nHi,"A', "a.csv is not a table"),
    "truncated Parquet": ("a.parquet", lambda: parquet(SMALL)[:-40], "a.parquet is damaged"),
    "Parquet with a hole": ("a.parquet", lambda: spoiled(parquet(SMALL), 20, 60), "damaged|not UTF-8|holds nothing"),
    "truncated Arrow": ("a.arrow", lambda: arrow(SMALL)[:300], "a.arrow is damaged"),
    "numbers": ("a.jsonl", b"1\n2\n", "in no format|not an object"),
    "an array of texts": ("a.json", b'["a", "b"]', "in no format|not an object"),
    "5 MB of letters": ("a.jsonl", b"x" * 5_000_000, "Line 1 of a.jsonl is not JSON"),
    "5 MB without an end": ("a.json", b'[{"prompt": "' + b"x" * 5_000_000, "a.json is not JSON"),
    "5 MB in one cell without an end": ("a.csv", b'prompt,label\n"' + b"x" * 5_000_000, "a.csv is not a table"),
    "a cell of 50 MB": ("a.csv", b"prompt,label\n" + b"x" * 50_000_000 + b",\n", "a cell of more than 10 million"),
    "NUL in JSONL": ("a.jsonl", GOOD + b'{"prompt": "a\0"}\n', "Line 2 of a.jsonl holds a NUL byte"),
    "NUL in an array": ("a.json", b"[" + GOOD + b",\0]", "a.json holds a NUL byte"),
    "NUL in CSV": ("a.csv", b"prompt,label\na\0,\n", "Line 2 of a.csv holds a NUL byte"),
    "half a surrogate pair": ("a.jsonl", GOOD + b'{"prompt": "\xed\xa0\x80"}\n', "Line 2 of a.jsonl is not UTF-8"),
    "half a surrogate pair in an array": ("a.json", b'[{"prompt": "\xed\xa0\x80"}]', "a.json is not UTF-8"),
    "half a surrogate pair in CSV": ("a.csv", b"prompt\n\xed\xa0\x80\n", "Line 2 of a.csv is not UTF-8"),
    "bytes in Parquet": ("a.parquet", bad_utf8, "a.parquet is not UTF-8|a.parquet is damaged"),
    "1000 deep": ("a.jsonl", GOOD + b'{"prompt": ' + DEEP + b"}\n", "nested more than 64 deep"),
    "1000 deep in an array": ("a.json", b'[{"prompt": ' + DEEP + b"}]", "nested more than 64 deep"),
    "100,000 deep": ("a.json", b"[" * 100_000, "nested more than 64 deep"),
    "1000 deep in a cell": ("a.csv", b"kind,prompt,answers,value\nrating,Hi,[],\"" + DEEP + b'"\n', "answers|value"),
    "70 deep in Parquet": ("a.parquet", deep_table, "holds nothing|in no format|empty"),
    "a Parquet bomb": ("a.parquet", flat_bomb, "a.parquet cannot be imported: it has more than 8 GB of text"),
    "a nested Parquet bomb": ("a.parquet", nested_bomb, "a.parquet cannot be imported: it has more than 8 GB of text"),
    "ten million empty rows": ("a.parquet", many_rows, "it has more than 10,000,000 rows"),
    "compressed Arrow": ("a.arrow", lambda: arrow(SMALL, "zstd"), "it has compressed batches"),
    "a zip called Parquet": ("a.parquet", zipped, "a.parquet is not a Parquet file"),
    "a pickle called Parquet": ("a.parquet", b"\x80\x04}\x94\x8c\x06prompt\x94.", "a.parquet is not a Parquet file"),
    "JSONL called Parquet": ("a.parquet", GOOD, "a.parquet is not a Parquet file"),
    "Parquet called JSONL": ("a.jsonl", lambda: parquet(SMALL), "NUL byte|not UTF-8|not JSON"),
    "a zip": ("a.zip", zipped, "NUL byte|not UTF-8|in no format"),
    "only a sign": ("a.parquet", b"PAR1", "a.parquet is damaged"),
    "nothing": ("a.parquet", b"", "a.parquet is not a Parquet file"),
    "an integer of 5000 digits": ("a.jsonl", GOOD + PAIR + b"9" * 5000 + b"}\n", "Line 2 of a.jsonl is not JSON"),
    "an integer of 400 digits": ("a.jsonl", PAIR + b"9" * 400 + b"}\n", "margin is not a number"),
    "NaN": ("a.jsonl", b'{"prompt": "Hi", "completion": "A", "label": NaN}\n', "not JSON: NaN is not a number"),
    "NaN in Parquet": (
        "a.parquet",
        lambda: parquet(pa.table({"prompt": ["Hi"], "completion": ["A"], "label": [float("nan")]})),
        "label is a number, not true or false",
    ),
    "a label that is a word": ("a.jsonl", b'{"prompt": "Hi", "completion": "A", "label": "good"}\n', "label is text"),
    "a label that is a list": ("a.jsonl", b'{"prompt": "Hi", "completion": "A", "label": [1]}\n', "label is a list"),
    "rows that are too long": ("a.csv", b"prompt,completion,label\nHi,A,true,more\n", "more cells than the table"),
}  # fmt: skip


def spoiled(data: bytes, start: int, end: int) -> bytes:
    return data[:start] + b"\xff" * (end - start) + data[end:]


def state(*names: str) -> str:
    return json.dumps({"_data_files": [{"filename": name} for name in names]})


FOLDERS: dict[str, tuple[dict[str, str | bytes], str]] = {
    "an empty folder": ({}, "holds no data that can be imported"),
    "a folder of pictures": ({"a.png": b"x"}, "holds no data that can be imported"),
    "files of two kinds": ({"a.csv": "prompt\nHi\n", "b.jsonl": GOOD}, "files of several kinds: .csv, .jsonl"),
    "a dataset without its file": ({"state.json": state("data.arrow")}, "has no data.arrow, so the dataset"),
    "a dataset that says nothing": ({"state.json": "{}"}, "does not say which files"),
    "a dataset that is no JSON": ({"state.json": "{"}, "state.json is not JSON"),
    "a dataset that is a list": ({"state.json": "[]"}, "is not what `datasets` writes"),
    "a dataset elsewhere": ({"state.json": state("../../a.arrow")}, "does not say which files"),
    "a dataset at the root": ({"state.json": state("/etc/passwd")}, "does not say which files"),
    "a damaged dataset": ({"state.json": state("a.arrow"), "a.arrow": arrow(SMALL)[:300]}, "a.arrow is damaged"),
    "splits without data": ({"dataset_dict.json": '{"splits": ["train"]}'}, "has no state.json"),
    "splits elsewhere": ({"dataset_dict.json": '{"splits": [".."]}'}, "does not say which files"),
    "splits that are none": ({"dataset_dict.json": '{"splits": 5}'}, "does not say which files"),
    "a folder of bombs": ({"a.parquet": b"", "b.parquet": b""}, "is not a Parquet file"),
}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every file and folder, made once."""
    place = tmp_path_factory.mktemp("hostile")
    for number, (name, data, _) in enumerate(FILES.values()):
        (place / f"file{number}").mkdir()
        (place / f"file{number}" / name).write_bytes(data() if callable(data) else data)
    for number, (files, _) in enumerate(FOLDERS.values()):
        (place / f"folder{number}").mkdir()
        for name, content in files.items():
            (place / f"folder{number}" / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return place


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A project into which nothing ever gets."""
    store = Store.open(tmp_path_factory.mktemp("project"))
    yield store
    store.close()


def paths() -> list[tuple[str, str]]:
    files = [(f"file{number}/{name}", sentence) for number, (name, _, sentence) in enumerate(FILES.values())]
    return files + [(f"folder{number}", sentence) for number, (_, sentence) in enumerate(FOLDERS.values())]


NAMES = [*FILES, *FOLDERS]
FORCED = [
    "argilla",
    "hh",
    "instructions",
    "judgements",
    "label-studio",
    "open-webui",
    "openai",
    "preferences",
    "sharegpt",
]


PLAIN = (".json", ".jsonl", ".csv", ".zip")
CASES = [
    pytest.param(path, sentence, format, id=f"{name}, {format or 'recognised'}")
    for name, (path, sentence) in zip(NAMES, paths(), strict=True)
    # What is wrong with a table or a folder is found before its rows are of any format.
    for format in [None, *(FORCED if path.endswith(PLAIN) else [])]
]


@pytest.mark.parametrize(("path", "sentence", "format"), CASES)
def test_a_hostile_file_is_one_sentence_and_writes_nothing(
    hostile: Path, untouched: Store, path: str, sentence: str, format: str | None
) -> None:
    with pytest.raises(WorkbenchError, match=sentence if format is None else None) as caught:
        import_file(untouched, hostile / path, format=format)
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400 + len(str(hostile))
    assert [untouched.value(f"SELECT COUNT(*) FROM {name}") for name in ("prompts", "responses", "feedback")] == [0] * 3
    assert not untouched.db.conn.in_transaction


@pytest.mark.parametrize("path", [path for path, _ in paths() if path.endswith(PLAIN)])
def test_a_preview_of_a_hostile_file_is_a_sentence_or_says_what_is_refused(hostile: Path, path: str) -> None:
    with contextlib.suppress(WorkbenchError):
        assert len(preview(hostile / path, limit=5)) <= 5


WATCH = """
import sys
from pathlib import Path
import pyarrow.parquet, pyarrow.ipc
from workbench.errors import WorkbenchError
from workbench.store import Store
from workbench.store.exchange import table_child
from workbench.store.exchange.importing import import_file

def peak():
    # ru_maxrss would count what the process was before it became this one.
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])

store = Store.open(sys.argv[1])
for path in sys.argv[2:]:
    Path("/proc/self/clear_refs").write_text("5")
    before = peak()
    try:
        if path.endswith(".csv"):
            import_file(store, Path(path))
        for row in table_child.rows_of([Path(path)]):
            pass
    except WorkbenchError:
        pass
    print((peak() - before) // 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells the peak of a moment")
def test_a_bomb_takes_little_memory(hostile: Path, tmp_path: Path) -> None:
    """In a process of its own, whose peak is known. MB above what was needed before, for each file that was refused."""
    names = [path for path, _ in paths() if path.endswith((".parquet", ".csv", ".arrow"))]
    done = subprocess.run(
        [sys.executable, "-c", WATCH, str(tmp_path / "project"), *(str(hostile / name) for name in names)],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    taken = dict(zip(names, map(int, done.stdout.split()), strict=True))
    assert max(taken.values()) < 200, taken


def test_a_column_that_is_packed_a_hundredfold_is_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(parquet_files, "MAX_UNPACKED", 2**20)
    pq.write_table(
        pa.table({"prompt": ["x" * 2**22]}), tmp_path / "a.parquet", compression="zstd", use_dictionary=False
    )
    with pytest.raises(WorkbenchError, match="a column, prompt, that is packed more than a hundredfold"):
        list(parquet_files.parquet_rows(tmp_path / "a.parquet"))


def test_texts_saved_as_differences_are_refused_where_they_could_grow(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(parquet_files, "MAX_DECODED", 2**20)
    table = pa.table({"prompt": [f"{'x' * 1000}{number}" for number in range(2000)]})
    pq.write_table(table, tmp_path / "a.parquet", use_dictionary=False, column_encoding={"prompt": "DELTA_BYTE_ARRAY"})
    with pytest.raises(WorkbenchError, match="saved as differences from row to row"):
        list(parquet_files.parquet_rows(tmp_path / "a.parquet"))


def test_nested_texts_come_in_whole_from_several_row_groups_and_full_dictionaries(tmp_path: Path) -> None:
    """A writer gives up its dictionary when it is full, in the middle of a row group."""
    talk = [[{"role": "user", "content": f"{number} " + "é" * 1000}] for number in range(3000)]
    rows = [{"prompt": turns, "answer": f"{number} " + "x" * 1500} for number, turns in enumerate(talk)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet", row_group_size=1100)
    assert [row for _, row in parquet_files.parquet_rows(tmp_path / "a.parquet")] == rows


@pytest.mark.parametrize("place", [211, 230, 255])
def test_damage_that_aborts_the_decoder_is_a_sentence(untouched, tmp_path: Path, place: int) -> None:
    """pyarrow 26 ends the process at some of these bytes of the footer; the window must not end with it."""
    data = parquet(SMALL)
    (tmp_path / "a.parquet").write_bytes(data[:place] + b"\0" + data[place + 1 :])
    with contextlib.suppress(WorkbenchError):
        import_file(untouched, tmp_path / "a.parquet", format="unpaired", dry_run=True)
    assert untouched.prompts.count() == 0


ABORTS = "import os; os.write(2, b'a bad page'); os.abort()"


@pytest.mark.parametrize("program", [ABORTS, 'print(\'{"prompt": "Hi"}\'); ' + ABORTS])
def test_a_decoder_that_dies_is_a_sentence_and_writes_nothing(
    untouched, tmp_path: Path, monkeypatch, caplog, program
) -> None:
    (tmp_path / "a.parquet").write_bytes(parquet(SMALL))
    monkeypatch.setattr(workbench.paths, "rows_command", lambda files: [sys.executable, "-c", program])
    with pytest.raises(WorkbenchError, match=r"a\.parquet is damaged: it cannot be decoded\."):
        import_file(untouched, tmp_path / "a.parquet", format="prompts")
    assert untouched.prompts.count() == 0
    assert "a bad page" in caplog.text  # one sentence for the person, the reason for the log


LITTLE = """
import sys
from workbench.store.exchange import parquet_files, table_child
parquet_files.MAX_UNPACKED = 2**40
size = next(line for line in open("/proc/self/status") if line.startswith("VmSize"))
table_child.MAX_MEMORY = int(size.split()[1]) * 1024 + 60 * 2**20
table_child.main(sys.argv[1:])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_page_that_lies_about_its_size_meets_the_limit_of_the_process(tmp_path: Path) -> None:
    """A page may unpack to more than the file's summary says; here the summary is not looked at."""
    path = tmp_path / "a.parquet"
    table = pa.table({"prompt": ["x" * (2**26 - 2**10)]})
    pq.write_table(table, path, compression="zstd", use_dictionary=False)
    done = subprocess.run([sys.executable, "-c", LITTLE, path], capture_output=True, text=True, timeout=60, check=False)
    assert "xxx" not in done.stdout
    assert done.returncode != 0 or json.loads(done.stdout)[0] == "error"
    assert "a row of more" not in done.stdout


def test_an_array_is_read_piece_by_piece(tmp_path: Path) -> None:
    """Items that end anywhere in what is read at once, numbers and characters of several bytes at the seams."""
    rows = [{"prompt": "é你🙂" * (number % 700) + "x", "n": number * 10**9} for number in range(4000)]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    assert path.stat().st_size > 3 * 2**20
    read = [item.turns[0]["content"] for item in FORMATS["prompts"].read(path)]
    assert read == [row["prompt"] for row in rows]
    path.write_text(json.dumps(list(range(400_000))))
    from workbench.store.exchange.reading import rows as rows_in

    assert [row for _, row in rows_in(path)] == list(range(400_000))
