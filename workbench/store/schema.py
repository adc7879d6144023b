"""The tables, as migrations: each a small named function that runs in one transaction with its own record.

Every row that a person may want to merge from another computer has a globally unique text id.
Nothing a person made is ever overwritten or deleted: feedback is retracted, models are marked removed.
"""

from __future__ import annotations

from .library import Database, Migrations

APPLICATION_ID = 0x46425731  # "FBW1"

migrations = Migrations("workbench")

_INITIAL = [
    """CREATE TABLE project (
        key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT""",
    """CREATE TABLE runs (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, method TEXT NOT NULL,
        status TEXT NOT NULL CHECK (status IN
            ('waiting', 'running', 'finished', 'stopped', 'failed', 'interrupted')),
        options TEXT NOT NULL DEFAULT '{}', spec TEXT NOT NULL DEFAULT '{}',
        model_id TEXT REFERENCES models(id), reward_id TEXT REFERENCES models(id),
        result_id TEXT REFERENCES models(id),
        step INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL DEFAULT 0,
        error TEXT NOT NULL DEFAULT '', hint TEXT NOT NULL DEFAULT '', details TEXT NOT NULL DEFAULT '',
        log_path TEXT NOT NULL DEFAULT '', pid INTEGER NOT NULL DEFAULT 0,
        data_hash TEXT NOT NULL DEFAULT '', device TEXT NOT NULL DEFAULT '',
        versions TEXT NOT NULL DEFAULT '{}', summary TEXT NOT NULL DEFAULT '{}',
        created_at TEXT NOT NULL, started_at TEXT, ended_at TEXT) STRICT""",
    """CREATE TABLE models (
        id TEXT PRIMARY KEY, name TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('base', 'adapter', 'reward')),
        source TEXT NOT NULL, location TEXT NOT NULL, format TEXT NOT NULL DEFAULT 'safetensors',
        hash TEXT NOT NULL DEFAULT '', parent_id TEXT REFERENCES models(id), run_id TEXT REFERENCES runs(id),
        licence TEXT NOT NULL DEFAULT '', parameters INTEGER NOT NULL DEFAULT 0,
        size_bytes INTEGER NOT NULL DEFAULT 0, info TEXT NOT NULL DEFAULT '{}', note TEXT NOT NULL DEFAULT '',
        created_at TEXT NOT NULL, removed_at TEXT) STRICT""",
    """CREATE TABLE prompts (
        id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, system TEXT NOT NULL DEFAULT '',
        turns TEXT NOT NULL, tags TEXT NOT NULL DEFAULT '[]',
        split TEXT NOT NULL CHECK (split IN ('train', 'held_out')),
        source TEXT NOT NULL DEFAULT '', created_at TEXT NOT NULL) STRICT""",
    """CREATE TABLE responses (
        id TEXT PRIMARY KEY, prompt_id TEXT NOT NULL REFERENCES prompts(id), text TEXT NOT NULL,
        model_id TEXT REFERENCES models(id), adapter_id TEXT REFERENCES models(id), run_id TEXT REFERENCES runs(id),
        sampler TEXT NOT NULL DEFAULT '{}', seed INTEGER, template_hash TEXT NOT NULL DEFAULT '',
        prompt_tokens INTEGER NOT NULL DEFAULT 0, response_tokens INTEGER NOT NULL DEFAULT 0,
        finish_reason TEXT NOT NULL DEFAULT '', seconds REAL NOT NULL DEFAULT 0,
        scores TEXT NOT NULL DEFAULT '{}', source TEXT NOT NULL DEFAULT '', import_key TEXT UNIQUE,
        queued INTEGER NOT NULL DEFAULT 1, created_at TEXT NOT NULL) STRICT""",
    "CREATE INDEX responses_by_prompt ON responses(prompt_id)",
    """CREATE TABLE feedback (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
        prompt_id TEXT NOT NULL REFERENCES prompts(id), value TEXT NOT NULL,
        annotator TEXT NOT NULL DEFAULT '', seconds REAL NOT NULL DEFAULT 0, comment TEXT NOT NULL DEFAULT '',
        reasons TEXT NOT NULL DEFAULT '[]', blind INTEGER NOT NULL DEFAULT 1, run_id TEXT REFERENCES runs(id),
        import_key TEXT UNIQUE, created_at TEXT NOT NULL, retracted_at TEXT, retracted_by TEXT) STRICT""",
    "CREATE INDEX feedback_by_prompt ON feedback(prompt_id)",
    "CREATE INDEX feedback_by_annotator ON feedback(annotator, seq)",
    """CREATE TABLE shown (
        feedback_id TEXT NOT NULL REFERENCES feedback(id), position INTEGER NOT NULL,
        response_id TEXT NOT NULL REFERENCES responses(id),
        PRIMARY KEY (feedback_id, position)) STRICT""",
    "CREATE INDEX shown_by_response ON shown(response_id)",
    """CREATE TABLE run_feedback (
        run_id TEXT NOT NULL REFERENCES runs(id), feedback_id TEXT NOT NULL REFERENCES feedback(id),
        PRIMARY KEY (run_id, feedback_id)) STRICT""",
    "CREATE INDEX run_feedback_by_feedback ON run_feedback(feedback_id)",
    """CREATE TABLE metrics (
        run_id TEXT NOT NULL REFERENCES runs(id), name TEXT NOT NULL, step INTEGER NOT NULL, value REAL,
        PRIMARY KEY (run_id, name, step)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE run_samples (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL REFERENCES runs(id), step INTEGER NOT NULL,
        prompt_id TEXT NOT NULL DEFAULT '', prompt TEXT NOT NULL, text TEXT NOT NULL,
        scores TEXT NOT NULL DEFAULT '{}') STRICT""",
    "CREATE INDEX run_samples_by_run ON run_samples(run_id, step)",
    """CREATE TABLE drafts (
        key TEXT PRIMARY KEY, text TEXT NOT NULL, updated_at TEXT NOT NULL) STRICT""",
]


@migrations()
def m001_initial(db: Database) -> None:
    """Everything the first version stores."""
    for statement in _INITIAL:
        db.execute(statement)


# ---- m002: what the feedback queue and the Data pane ask for many times a minute -------------------------------
# All of it is derived from the tables above and kept by triggers, so that no writer can forget it.

_QUEUE = [
    """CREATE TABLE prompt_tags (
        tag TEXT NOT NULL, prompt_id TEXT NOT NULL REFERENCES prompts(id),
        PRIMARY KEY (tag, prompt_id)) STRICT, WITHOUT ROWID""",
    # One row per prompt: how many answers wait for feedback, how often it was judged, and its newest answer.
    """CREATE TABLE queue (
        prompt_id TEXT PRIMARY KEY REFERENCES prompts(id), answers INTEGER NOT NULL DEFAULT 0,
        judged INTEGER NOT NULL DEFAULT 0, newest INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID""",
    "CREATE INDEX queue_newest ON queue(newest, answers) WHERE answers > 0",
    "CREATE INDEX queue_fewest ON queue(judged, newest, answers) WHERE answers > 0",
    "CREATE INDEX queue_random ON queue(prompt_id, answers) WHERE answers > 0",
    # Which answers a person has dealt with, in which kind. A skip or a flag counts for the kind it names.
    """CREATE TABLE judged (
        annotator TEXT NOT NULL, kind TEXT NOT NULL, prompt_id TEXT NOT NULL, response_id TEXT NOT NULL,
        seq INTEGER NOT NULL, PRIMARY KEY (annotator, kind, prompt_id, response_id, seq)) STRICT, WITHOUT ROWID""",
    "CREATE INDEX responses_queued ON responses(prompt_id, queued, id)",
    """CREATE INDEX feedback_undoable ON feedback(annotator, seq)
        WHERE retracted_at IS NULL AND import_key IS NULL""",
    "CREATE INDEX feedback_redoable ON feedback(annotator, seq) WHERE retracted_by = 'undo'",
]


def _judged(kinds: str, aside: str) -> str:
    return f"""INSERT OR IGNORE INTO judged(annotator, kind, prompt_id, response_id, seq)
    SELECT f.annotator, k.value, f.prompt_id, s.response_id, f.seq
    FROM feedback f JOIN shown s ON s.feedback_id = f.id JOIN json_each({kinds}) k
    ON k.value = f.kind OR (f.kind IN ({aside}) AND COALESCE(f.value ->> 'kind', k.value) = k.value)
    WHERE f.retracted_at IS NULL AND f.run_id IS NULL"""


def _counting(kinds: str, aside: str, uncounted: str) -> dict[str, str]:
    """The triggers that depend on which kinds there are. Kept as they were for files that an older version wrote."""
    judged = _judged(kinds, aside)
    counts = f"new.retracted_at IS NULL AND new.run_id IS NULL AND new.kind NOT IN ({uncounted})"
    return {
        "feedback_added": f"""AFTER INSERT ON feedback BEGIN
        UPDATE queue SET judged = judged + 1 WHERE prompt_id = new.prompt_id AND {counts};
        INSERT INTO search(text, about, id)
            SELECT said, 'feedback', new.id FROM (SELECT new.comment || char(10) ||
            COALESCE(new.value ->> 'text', '') AS said) WHERE length(said) > 1; END""",
        "shown_added": f"AFTER INSERT ON shown BEGIN {judged} AND f.id = new.feedback_id "
        "AND s.position = new.position; END",
        "feedback_retracted": f"""AFTER UPDATE OF retracted_at ON feedback
        WHEN (old.retracted_at IS NULL) <> (new.retracted_at IS NULL) BEGIN
        UPDATE queue SET judged = judged + iif(new.retracted_at IS NULL, 1, -1)
            WHERE prompt_id = new.prompt_id AND new.run_id IS NULL AND new.kind NOT IN ({uncounted});
        DELETE FROM judged WHERE annotator = new.annotator AND prompt_id = new.prompt_id AND seq = new.seq
            AND kind IN (SELECT value FROM json_each({kinds}));
        {judged} AND f.id = new.id; END""",
    }


_FIRST_KINDS = '\'["rating", "comparison", "ranking", "edit"]\''
_FIRST = (_FIRST_KINDS, "'skip', 'flag'", "'skip', 'flag'")
_MORE = (
    '\'["rating", "comparison", "ranking", "edit", "thumbs", "best_worst", "rubric"]\'',
    "'skip', 'flag', 'cannot'",
    "'skip', 'flag', 'cannot', 'mark'",
)
"""Kinds with a queue of their own, kinds that set aside, and kinds that do not count as a judgement of the prompt."""

_CONVERSATION = "system || char(10) || (SELECT group_concat(value ->> 'content', char(10)) FROM json_each(turns))"

_SEARCH = (
    "CREATE VIRTUAL TABLE search USING fts5(text, about UNINDEXED, id UNINDEXED, "
    "content='', contentless_unindexed=1, tokenize='trigram')"
)

_TRIGGERS = {
    "prompts_added": f"""AFTER INSERT ON prompts BEGIN
        INSERT INTO queue(prompt_id) VALUES (new.id);
        INSERT OR IGNORE INTO prompt_tags(tag, prompt_id) SELECT value, new.id FROM json_each(new.tags);
        INSERT INTO search(text, about, id)
            SELECT {_CONVERSATION}, 'prompt', id FROM prompts WHERE id = new.id; END""",
    "prompts_tagged": """AFTER UPDATE OF tags ON prompts BEGIN
        DELETE FROM prompt_tags WHERE prompt_id = new.id AND tag NOT IN (SELECT value FROM json_each(new.tags));
        INSERT OR IGNORE INTO prompt_tags(tag, prompt_id) SELECT value, new.id FROM json_each(new.tags); END""",
    "responses_added": """AFTER INSERT ON responses BEGIN
        UPDATE queue SET answers = answers + 1, newest = new.rowid WHERE prompt_id = new.prompt_id AND new.queued = 1;
        INSERT INTO search(text, about, id) VALUES (new.text, 'response', new.id); END""",
    "responses_queued_changed": """AFTER UPDATE OF queued ON responses WHEN old.queued <> new.queued BEGIN
        UPDATE queue SET answers = answers + new.queued - old.queued, newest = MAX(newest, new.queued * new.rowid)
        WHERE prompt_id = new.prompt_id; END""",
    **_counting(*_FIRST),
}

_BACKFILL = [
    "INSERT OR IGNORE INTO prompt_tags(tag, prompt_id) SELECT t.value, prompts.id FROM prompts, json_each(tags) t",
    """INSERT INTO queue(prompt_id, answers, judged, newest) SELECT id,
        (SELECT COUNT(*) FROM responses WHERE prompt_id = prompts.id AND queued = 1),
        (SELECT COUNT(*) FROM feedback WHERE prompt_id = prompts.id AND retracted_at IS NULL AND run_id IS NULL
            AND kind NOT IN ('skip', 'flag')),
        COALESCE((SELECT MAX(rowid) FROM responses WHERE prompt_id = prompts.id AND queued = 1), 0) FROM prompts""",
    _judged(*_FIRST[:2]),
    f"INSERT INTO search(text, about, id) SELECT {_CONVERSATION}, 'prompt', id FROM prompts ORDER BY rowid",
    "INSERT INTO search(text, about, id) SELECT text, 'response', id FROM responses ORDER BY rowid",
    """INSERT INTO search(text, about, id) SELECT said, 'feedback', id FROM (SELECT id, seq, comment || char(10) ||
        COALESCE(value ->> 'text', '') AS said FROM feedback) WHERE length(said) > 1 ORDER BY seq""",
]


@migrations()
def m002_queue_and_search(db: Database) -> None:
    """The feedback queue, what each person has dealt with, and full-text search that finds Chinese too."""
    for statement in [*_QUEUE, _SEARCH, *_BACKFILL, *_created_triggers().values()]:
        db.execute(statement)


def _created_triggers() -> dict[str, str]:
    return {name: f"CREATE TRIGGER {name} {body}" for name, body in _TRIGGERS.items()}


def own_programs() -> dict[str, set[str]]:
    """Every trigger and virtual table that a project file may hold, as SQLite keeps their text in each version."""
    known = {name: {text} for name, text in (_created_triggers() | {"search": _SEARCH}).items()}
    for name, body in _counting(*_MORE).items():
        known[name].add(f"CREATE TRIGGER {name} {body}")
    known["feedback_renamed"] = {f"CREATE TRIGGER feedback_renamed {_RENAMED}"}
    known["passage_words"] = {_PASSAGE_WORDS}
    return known


@migrations()
def m003_run_warnings(db: Database) -> None:
    """What a run warned of, so that a reopened run says it again."""
    db.execute(
        """CREATE TABLE run_warnings (
        run_id TEXT NOT NULL REFERENCES runs(id), topic TEXT NOT NULL, step INTEGER NOT NULL, text TEXT NOT NULL,
        PRIMARY KEY (run_id, topic)) STRICT, WITHOUT ROWID"""
    )


@migrations()
def m004_features(db: Database) -> None:
    """What linear reward heads read of answers, and what reward models said of them: a cache, not evidence."""
    db.execute(
        """CREATE TABLE features (
        response_id TEXT NOT NULL REFERENCES responses(id), space TEXT NOT NULL, vector BLOB NOT NULL,
        PRIMARY KEY (response_id, space)) STRICT"""
    )
    db.execute(
        """CREATE TABLE reward_scores (
        model_id TEXT NOT NULL REFERENCES models(id), response_id TEXT NOT NULL REFERENCES responses(id),
        score REAL NOT NULL, spread REAL, PRIMARY KEY (model_id, response_id)) STRICT, WITHOUT ROWID"""
    )


_SAYING_MORE = [
    """CREATE TABLE guidelines (
        id TEXT PRIMARY KEY, text TEXT NOT NULL, annotator TEXT NOT NULL DEFAULT '',
        created_at TEXT NOT NULL) STRICT""",
    "CREATE INDEX prompt_tags_by_prompt ON prompt_tags(prompt_id)",
    "ALTER TABLE feedback ADD COLUMN guideline_id TEXT REFERENCES guidelines(id)",
    "ALTER TABLE feedback ADD COLUMN repeat_of TEXT REFERENCES feedback(id)",
    "CREATE INDEX feedback_repeats ON feedback(repeat_of) WHERE repeat_of IS NOT NULL",
    """INSERT INTO guidelines(id, text, created_at)
        SELECT lower(hex(randomblob(16))), json_extract(value, '$'), strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')
        FROM project WHERE key = 'guidelines' AND json_type(value) = 'text'""",
    "DELETE FROM project WHERE key = 'guidelines'",
]


@migrations()
def m005_saying_more(db: Database) -> None:
    """Versions of the guidelines, hidden repeats, and kinds of feedback beyond the first four."""
    for statement in _SAYING_MORE:
        db.execute(statement)
    for name, body in _counting(*_MORE).items():
        db.execute(f"DROP TRIGGER {name}")
        db.execute(f"CREATE TRIGGER {name} {body}")


# A person may get another name: what they have dealt with goes with it.
_RENAMED = f"""AFTER UPDATE OF annotator ON feedback WHEN old.annotator <> new.annotator BEGIN
    UPDATE judged SET annotator = new.annotator WHERE annotator = old.annotator AND prompt_id = new.prompt_id
        AND seq = new.seq AND kind IN (SELECT value FROM json_each({_MORE[0]})); END"""

_MERGING = [
    "ALTER TABLE project ADD COLUMN changed_at TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE feedback ADD COLUMN renamed_at TEXT",
    f"CREATE TRIGGER feedback_renamed {_RENAMED}",
]


@migrations()
def m006_merging(db: Database) -> None:
    """When a setting was made and when a person was renamed, so that the newer stays when projects are merged."""
    for statement in _MERGING:
        db.execute(statement)


_LINING_UP = [
    "CREATE TABLE run_queue (run_id TEXT PRIMARY KEY REFERENCES runs(id), place INTEGER NOT NULL) STRICT",
    """CREATE TABLE run_wishes (run_id TEXT PRIMARY KEY REFERENCES runs(id),
        wish TEXT NOT NULL CHECK (wish IN ('pause', 'stop', 'discard'))) STRICT""",
    "CREATE TABLE owners (what TEXT PRIMARY KEY, pid INTEGER NOT NULL, begun REAL NOT NULL) STRICT",
]


@migrations()
def m007_lining_up(db: Database) -> None:
    """Runs that wait in line, what is wanted of the one that goes, and which process has what in hand.

    All of it belongs to this machine: none of it is exported or merged.
    """
    for statement in _LINING_UP:
        db.execute(statement)


_NARROW, _WIDE = "kind IN ('base', 'adapter', 'reward'))", "kind IN ('base', 'adapter', 'reward', 'server'))"


@migrations()
def m008_servers(db: Database) -> None:
    """A model may also be one behind a server.

    SQLite cannot alter a CHECK. A new table in the old one's place would touch every row that points to a model; this
    is the way that its documentation names for a constraint that only gets wider.
    """
    version = db.execute("PRAGMA schema_version").fetchone()[0]
    db.execute("PRAGMA writable_schema = ON")
    db.execute(
        "UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE type = 'table' AND name = 'models'", [_NARROW, _WIDE]
    )
    db.execute(f"PRAGMA schema_version = {version + 1}")
    db.execute("PRAGMA writable_schema = OFF")


# What passages.indexed makes of a heading and a text: Chinese in pairs of characters, so that one index ranks both.
_PASSAGE_WORDS = (
    "CREATE VIRTUAL TABLE passage_words USING fts5(heading, text, content='', contentless_delete=1, "
    "tokenize='porter unicode61 remove_diacritics 2')"
)

_DOCUMENTS = [
    """CREATE TABLE documents (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, hash TEXT NOT NULL UNIQUE, text TEXT NOT NULL,
        language TEXT NOT NULL DEFAULT '', size_bytes INTEGER NOT NULL DEFAULT 0,
        created_at TEXT NOT NULL, removed_at TEXT) STRICT""",
    # Worked out from the documents' texts, see documents.py.
    """CREATE TABLE passages (
        id INTEGER PRIMARY KEY, document_id TEXT NOT NULL REFERENCES documents(id), position INTEGER NOT NULL,
        heading TEXT NOT NULL DEFAULT '', text TEXT NOT NULL, UNIQUE (document_id, position)) STRICT""",
    _PASSAGE_WORDS,
    """CREATE TABLE fillings (
        prompt_id TEXT PRIMARY KEY REFERENCES prompts(id), template TEXT NOT NULL, variables TEXT NOT NULL DEFAULT '{}',
        given TEXT NOT NULL DEFAULT '[]', key TEXT NOT NULL DEFAULT '', created_at TEXT NOT NULL) STRICT""",
    "CREATE INDEX fillings_by_template ON fillings(template)",
    "CREATE INDEX fillings_by_key ON fillings(key) WHERE key <> ''",
]


@migrations()
def m009_documents(db: Database) -> None:
    """A person's own documents with their passages, and which template a prompt was made of."""
    for statement in _DOCUMENTS:
        db.execute(statement)


_JUDGING = [
    """CREATE TABLE judge_rubrics (
        id TEXT PRIMARY KEY, text TEXT NOT NULL, written INTEGER NOT NULL DEFAULT 1,
        created_at TEXT NOT NULL) STRICT""",
    """CREATE TABLE judges (
        id TEXT PRIMARY KEY, name TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('server', 'model', 'reward', 'rule')),
        about TEXT NOT NULL DEFAULT '{}', rubric_id TEXT NOT NULL REFERENCES judge_rubrics(id),
        created_at TEXT NOT NULL) STRICT""",
    # other_id: the answer it is compared with; of a rating the rated answer itself. value: '' where it said nothing.
    """CREATE TABLE judge_verdicts (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
        judge_id TEXT NOT NULL REFERENCES judges(id), kind TEXT NOT NULL,
        prompt_id TEXT NOT NULL REFERENCES prompts(id), response_id TEXT NOT NULL REFERENCES responses(id),
        other_id TEXT NOT NULL REFERENCES responses(id), value TEXT NOT NULL DEFAULT '', score REAL,
        told TEXT NOT NULL DEFAULT '{}', tokens_in INTEGER NOT NULL DEFAULT 0, tokens_out INTEGER NOT NULL DEFAULT 0,
        cost REAL NOT NULL DEFAULT 0, seconds REAL NOT NULL DEFAULT 0, run_id TEXT REFERENCES runs(id),
        created_at TEXT NOT NULL, UNIQUE (judge_id, response_id, other_id)) STRICT""",
    "CREATE INDEX judge_verdicts_by_prompt ON judge_verdicts(prompt_id)",
    """CREATE TABLE run_verdicts (
        run_id TEXT NOT NULL REFERENCES runs(id), verdict_id TEXT NOT NULL REFERENCES judge_verdicts(id),
        PRIMARY KEY (run_id, verdict_id)) STRICT""",
]


@migrations()
def m010_judging(db: Database) -> None:
    """What models and rules say of answers, in tables of their own: no count of people's feedback can meet it."""
    for statement in _JUDGING:
        db.execute(statement)
