"""The only code that knows asyncpg."""
