"""The wire: bytes to domain and back. The only pydantic models of messages."""
