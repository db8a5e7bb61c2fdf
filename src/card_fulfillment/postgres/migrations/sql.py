"""Revisions are SQL files; the Python beside each only says which comes after which."""

from importlib import resources
from typing import Any, cast

from alembic import op
from sqlalchemy.util import await_only


def run(name: str) -> None:
    """Execute a file of `versions/`, all its statements, in the revision's transaction."""
    text = (resources.files(__package__) / "versions" / name).read_text()
    bind = op.get_bind()
    # SQLAlchemy begins the transaction with the first statement of its own: without one the file
    # would have another.
    bind.exec_driver_sql("SELECT")
    adapted = cast("Any", bind.connection.dbapi_connection)
    await_only(adapted.driver_connection.execute(text))
