"""The tables, as migrations: each a small named function that runs in one transaction with its own record.

Every row that a person may want to merge from another computer has a globally unique text id.
Nothing a person made is ever overwritten or deleted: feedback is retracted, models are marked removed.
"""

from __future__ import annotations

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

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
