"""Documents: read, cut, found by a question in English and Chinese, cited, merged with another project's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.store import Store
from workbench.store.citing import citations, sources, used
from workbench.store.exchange.exporting import export_store
from workbench.store.exchange.importing import import_file
from workbench.store.filling import fill
from workbench.store.passages import MOST, cut
from workbench.store.retrieving import Passage, merged, numbered, retrieve, search
from workbench.store.task_templates import find
from workbench.store.words import count_words, language_of, terms

HOUSE = """# House rules

## Guests

Guests may stay for up to three nights in a row. The warden has to be told beforehand.

## Bicycles

Bicycles stand in the cellar, never in the hall.
"""
KILN = """# The kiln

The kiln is fired on Fridays. Stoneware needs 1240 degrees.

# Glazes

The blue glaze is safe for food. The red one is not.
"""
CHINESE = (
    "# 宿舍规则\n\n访客最多可以连续住三个晚上。事先要告诉管理员。\n\n# 自行车\n\n自行车要放在地下室，不能放在走廊。"
)


@pytest.fixture
def filled(store: Store) -> Store:
    for name, text in (("house.md", HOUSE), ("kiln.md", KILN), ("宿舍.md", CHINESE)):
        store.documents.add_text(name, text)
    return store


# ---- cutting ----


def test_a_long_text_is_cut_between_paragraphs() -> None:
    paragraphs = [f"Paragraph {number} " + "word " * 60 for number in range(12)]
    pieces = cut("\n\n".join(paragraph.strip() for paragraph in paragraphs))
    assert [piece.text.count("Paragraph") for piece in pieces] == [3, 3, 3, 3]
    assert all(150 <= count_words(piece.text) <= MOST for piece in pieces)


def test_a_passage_keeps_the_headings_that_it_stands_under() -> None:
    pieces = cut("Before.\n\n# One\n\nText.\n\n## Two\n\n```\n# no heading\n\nx\n```\n\n# Three\n")
    assert [(piece.heading, piece.text) for piece in pieces] == [
        ("", "Before."), ("One", "Text."), ("One / Two", "```\n# no heading\n\nx\n```"),
    ]  # fmt: skip


def test_a_paragraph_that_is_too_long_is_cut_between_sentences() -> None:
    english = " ".join(f"This is sentence number {number} of many." for number in range(100))
    chinese = "".join(f"这是第{number}句话，它说的是一件很小的事情。" for number in range(100))
    for text in (english, chinese, "字" * 3000):
        pieces = cut(text)
        assert len(pieces) > 1
        assert all(count_words(piece.text) <= MOST for piece in pieces)
        assert "".join(piece.text for piece in pieces).replace(" ", "") == text.replace(" ", "")


# ---- reading files ----


def test_files_are_read_as_text(store: Store, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(
        "<html><head><title>no</title><style>p {}</style></head><body><h1>Shop</h1><p>Open&nbsp;daily<br>from nine."
        "</p><ul><li>Mugs<li>Plates</ul><script>var x = '<p>no</p>'</script></body></html>"
    )
    (tmp_path / "notes.txt").write_bytes("\ufeffOne.\r\n\r\n\r\n\r\nTwo.  \r\n".encode())
    (tmp_path / "wide.txt").write_text("Grüße", encoding="utf-16")
    page, _ = store.documents.add(tmp_path / "page.html")
    assert page.text == "# Shop\n\nOpen daily\nfrom nine.\n\n- Mugs\n- Plates"
    assert store.documents.add(tmp_path / "notes.txt")[0].text == "One.\n\nTwo."
    assert store.documents.add(tmp_path / "wide.txt")[0].text == "Grüße"


def test_a_pdf_is_read(store: Store, tmp_path: Path) -> None:
    (tmp_path / "kiln.pdf").write_bytes(tiny_pdf("The kiln is fired on Fridays."))
    document, _ = store.documents.add(tmp_path / "kiln.pdf")
    assert document.text == "The kiln is fired on Fridays."
    (tmp_path / "torn.pdf").write_bytes(b"%PDF-1.4 torn")
    with pytest.raises(WorkbenchError, match="cannot be read as PDF"):
        store.documents.add(tmp_path / "torn.pdf")


def tiny_pdf(text: str) -> bytes:
    stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n" % len(stream) + stream + b"\nendstream",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    data, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    table = b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    return data + table + b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % len(data)


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.odt", b"PK", "of a kind that cannot be read"),
        ("a.txt", b"\x93quoted\x94", "not UTF-8"),
        ("b.txt", b"a\0b", "not a text file"),
        ("c.txt", b" \n.. \n", "holds no text"),
        ("d.html", b"<p></p>", "holds no text"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(store: Store, tmp_path: Path, name: str, data: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(WorkbenchError, match=told):
        store.documents.add(tmp_path / name)
    with pytest.raises(WorkbenchError, match="cannot be read"):
        store.documents.add(tmp_path / "gone.txt")
    assert store.documents.list() == []


# ---- rows ----


def test_the_same_text_is_one_document(filled: Store) -> None:
    document, new = filled.documents.add_text("copy.md", HOUSE + "\n\n")
    assert not new and document.name == "house.md"
    assert [each.name for each in filled.documents.list()] == ["house.md", "kiln.md", "宿舍.md"]
    assert [each.language for each in filled.documents.list()] == ["", "", "zh"]
    assert list(filled.documents.counts().values()) == [2, 2, 2]


def test_a_removed_document_is_not_found_and_comes_back(filled: Store) -> None:
    house = filled.documents.find("house.md")
    filled.documents.remove([house.id])
    assert search(filled, "guests") == []
    assert house.id not in filled.documents.counts()
    with pytest.raises(WorkbenchError, match="no document called"):
        filled.documents.find("house.md")
    assert filled.documents.add_text("house.md", HOUSE)[1]
    assert search(filled, "guests")[0].document == "house.md"
    assert filled.value("SELECT COUNT(*) FROM passage_words") == filled.value("SELECT COUNT(*) FROM passages") == 6


# ---- retrieval ----


@pytest.mark.parametrize(
    ("question", "document", "said"),
    [
        ("How long may a guest stay?", "house.md", "three nights"),
        ("Where do I put my bicycle?", "house.md", "cellar"),
        ("When is the kiln fired?", "kiln.md", "Fridays"),
        ("Which glaze is safe for food?", "kiln.md", "blue glaze"),
        ("访客可以住几个晚上？", "宿舍.md", "三个晚上"),
        ("自行车放在哪里？", "宿舍.md", "地下室"),
    ],
)
def test_a_question_finds_its_passage(filled: Store, question: str, document: str, said: str) -> None:
    best = retrieve(filled, question)[0]
    assert best.document == document and said in best.text


def test_only_the_documents_that_were_chosen_are_searched(filled: Store) -> None:
    kiln = filled.documents.find("kiln.md")
    assert retrieve(filled, "How long may a guest stay?", [kiln.id]) == []
    assert retrieve(filled, "???") == []
    assert retrieve(filled, "the of and")[0].text  # words that say nothing are better than none


def test_neighbours_become_one_passage(filled: Store) -> None:
    found = retrieve(filled, "guests nights bicycles cellar")
    assert [(each.first, each.last) for each in found if each.document == "house.md"] == [(0, 1)]
    assert "Bicycles\nBicycles stand" in found[0].text


def test_merging_neighbours_keeps_others_apart() -> None:
    def at(document: str, place: int, score: float) -> Passage:
        return Passage(document, document, place, place, "", f"{document}{place}", score)

    found = merged([at("a", 4, 1.0), at("b", 2, 3.0), at("a", 5, 5.0), at("b", 4, 2.0)])
    assert [(each.document, each.first, each.last) for each in found] == [("a", 4, 5), ("b", 2, 2), ("b", 4, 4)]


def test_passages_stay_within_number_and_budget(store: Store) -> None:
    store.documents.add_text("long.txt", "\n\n".join(f"kettle {number} " + "word " * 160 for number in range(9)))
    assert sum(each.last - each.first + 1 for each in retrieve(store, "kettle", most=3, budget=10_000)) == 3
    assert sum(each.last - each.first + 1 for each in retrieve(store, "kettle", most=9, budget=500)) == 2
    assert len(retrieve(store, "kettle", most=9, budget=1)) == 1


def test_signs_of_a_query_are_only_words(filled: Store) -> None:
    for text in ('guest" OR *', "guest AND NOT (", "text:guest", "NEAR(guest, 2)", "gue\0st guest"):
        assert search(filled, text)[0].document == "house.md"


def test_terms_leave_out_what_says_nothing() -> None:
    assert terms("What is the kiln's heat?") == ["kiln", "s", "heat"]
    assert terms("自行车在哪里") == ["自行", "行车", "车在", "在哪"]
    assert language_of("東京タワーへ行きました。") == "ja"


# ---- citing ----

GIVEN = [
    Passage("d1", "house.md", 0, 0, "Guests", "Guests may stay for up to three nights in a row."),
    Passage("d2", "kiln.md", 0, 0, "", "The kiln is fired on Fridays."),
]


def test_citations_are_read_and_one_that_was_not_given_is_marked() -> None:
    found = citations("Three nights [1]. On Fridays [2, 7], or [1].", GIVEN)
    assert [(each.number, each.passage and each.passage.document) for each in found] == [
        (1, "house.md"), (2, "kiln.md"), (7, None),
    ]  # fmt: skip
    assert sources("Nothing [9].", GIVEN).unknown == (9,)
    assert [each.number for each in citations("三个晚上【1】。", GIVEN)] == [1]


def test_without_citations_words_in_common_say_what_was_used() -> None:
    answer = "A guest may stay for three nights. Bananas are yellow. The kiln is fired on Fridays."
    assert [(each.number, each.sentence.split()[0]) for each in used(answer, GIVEN)] == [(1, "A"), (2, "The")]
    found = sources(answer, GIVEN)
    assert found.cited == () and "Bananas" not in " ".join(each.sentence for each in found.used)
    assert sources("On Fridays [2].", GIVEN).used == ()
    assert sources("The kiln is fired on Fridays [8].", GIVEN).used[0].number == 2


# ---- merging ----


def test_documents_and_fillings_travel(filled: Store, tmp_path: Path) -> None:
    given = retrieve(filled, "How long may a guest stay?")
    values = {"question": "How long?", "passages": numbered(given)}
    prompt, _ = fill(filled, find("answer-documents"), values, given=[each.to_json() for each in given])
    export_store(filled, tmp_path / "all.jsonl")
    other = Store.open(tmp_path / "other")
    other.documents.add_text("kiln.md", KILN)
    import_file(other, tmp_path / "all.jsonl")
    assert [each.name for each in other.documents.list()] == ["kiln.md", "house.md", "宿舍.md"]
    assert retrieve(other, "How long may a guest stay?")[0].text == given[0].text
    filling = other.fillings.of(prompt.id)
    assert filling is not None and Passage.of(filling.given[0]).title == "house.md, House rules / Guests"
    import_file(other, tmp_path / "all.jsonl")
    assert len(other.documents.list()) == 3
    other.close()


def test_a_document_that_is_not_what_its_id_says_is_refused(store: Store, tmp_path: Path) -> None:
    store.documents.add_text("a.txt", "Something true.")
    export_store(store, tmp_path / "all.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    lines[1]["text"] = "Something else."
    (tmp_path / "all.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    other = Store.open(tmp_path / "other")
    with pytest.raises(WorkbenchError, match="id is not that of its text"):
        import_file(other, tmp_path / "all.jsonl")
    assert other.documents.list() == []
    other.close()


def test_a_project_of_the_version_before_gets_documents(tmp_path: Path) -> None:
    from workbench.store import connecting
    from workbench.store.connecting import dbapi
    from workbench.store.schema import APPLICATION_ID, migrations

    conn = dbapi.connect(str(tmp_path / "project.db"))
    conn.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    migrations.apply(connecting.Database(conn, execute_plugins=False), stop_before="m009_documents")
    conn.commit()
    conn.close()
    store = Store.open(tmp_path)
    store.documents.add_text("house.md", HOUSE)
    store.close()
    again = Store.open(tmp_path)
    assert search(again, "guests")[0].document == "house.md"
    again.close()
