"""Word documents: what is read of them, and a copy that says something else and has all the rest."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path

import docx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from workbench.errors import WorkbenchError
from workbench.store import Store, word_files
from workbench.store.document_reading import read_document


def picture() -> io.BytesIO:
    """A PNG of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head, pixel = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0), zlib.compress(b"\0\xff\0\0")
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixel) + chunk(b"IEND", b""))


def kiln(path: Path) -> Path:
    """Headings, looks within a paragraph, a link, a field, a list, a picture and a table with a merged cell."""
    made = docx.Document()
    made.add_heading("The kiln", 1)
    words = made.add_paragraph("It is fired on ")
    words.add_run("Fridays").bold = True
    words.add_run(" by the one\twho has the key.")
    linked = parse_xml(f'<w:hyperlink {nsdecls("w")} w:anchor="x"><w:r><w:t> More.</w:t></w:r></w:hyperlink>')
    words._p.append(linked)
    field = made.add_paragraph()
    field._p.append(parse_xml(f'<w:fldSimple {nsdecls("w")} w:instr="PAGE"><w:r><w:t>page 7</w:t></w:r></w:fldSimple>'))
    made.add_heading("What it takes", 2)
    made.add_paragraph("Mugs", style="List Bullet")
    pictured = made.add_paragraph("A mug: ")
    pictured.add_run().add_picture(picture())
    made.add_paragraph("   ")
    table = made.add_table(3, 2)
    for row, texts in enumerate((("Clay", "Heat"), ("white", "1240 degrees"), ("both alike", ""))):
        for column, text in enumerate(texts):
            table.cell(row, column).text = text
    table.cell(2, 0).merge(table.cell(2, 1))
    made.add_paragraph("The end.")
    made.save(str(path))
    return path


READ = """# The kiln

It is fired on Fridays by the one who has the key. More.

## What it takes

- Mugs

A mug:

Clay | Heat
white | 1240 degrees
both alike

The end."""


def test_a_document_is_read_with_its_headings_lists_and_tables(tmp_path):
    assert read_document(kiln(tmp_path / "kiln.docx")) == READ
    store = Store.open(tmp_path / "project")
    document, new = store.documents.add(tmp_path / "kiln.docx")
    assert new and document.text == READ
    store.close()


def test_a_copy_says_something_else_and_has_all_the_rest(tmp_path):
    source, target = kiln(tmp_path / "kiln.docx"), tmp_path / "copy.docx"
    word_files.rewrite(source, target, lambda block: block.text.upper() if block.text != "Mugs" else block.text)
    assert read_document(target) == READ.upper().replace("MUGS", "Mugs")
    before, after = docx.Document(str(source)), docx.Document(str(target))
    assert [each.style.name for each in after.paragraphs] == [each.style.name for each in before.paragraphs]
    assert len(after.inline_shapes) == 1 and len(after.tables) == 1
    assert after.tables[0].cell(2, 0)._tc is after.tables[0].cell(2, 1)._tc
    words = after.paragraphs[1]
    assert [run.text for run in words.runs] == ["", "", "IT IS FIRED ON FRIDAYS BY THE ONE WHO HAS THE KEY. MORE."]
    assert [link.text for link in words.hyperlinks] == [""]
    assert after.paragraphs[2]._p.xml == before.paragraphs[2]._p.xml  # the field


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04 torn", b"\xd0\xcf\x11\xe0 locked by a password", b"just text"], ids=range(4)
)
def test_a_broken_document_is_one_sentence(tmp_path, content):
    (tmp_path / "torn.docx").write_bytes(content)
    with pytest.raises(WorkbenchError, match=r"^torn\.docx is damaged, or no Word document") as told:
        read_document(tmp_path / "torn.docx")
    assert "\n" not in str(told.value)


def test_a_zip_of_something_else_a_bomb_and_an_empty_one_are_refused(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "zip.docx", "w") as archive:
        archive.writestr("a.txt", "x")
    with pytest.raises(WorkbenchError, match="no Word document"):
        read_document(tmp_path / "zip.docx")
    docx.Document().save(str(tmp_path / "empty.docx"))
    with pytest.raises(WorkbenchError, match="holds no text"):
        read_document(tmp_path / "empty.docx")
    with pytest.raises(WorkbenchError, match="cannot be read"):
        read_document(tmp_path / "gone.docx")
    monkeypatch.setattr(word_files, "MOST_BYTES", 1000)
    with pytest.raises(WorkbenchError, match="unpacks to"):
        read_document(kiln(tmp_path / "kiln.docx"))


def test_without_the_library_it_says_what_to_install(tmp_path, monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(word_files.importlib, "import_module", missing)
    with pytest.raises(WorkbenchError, match="addition that is not installed"):
        word_files.open_document(tmp_path / "kiln.docx")
