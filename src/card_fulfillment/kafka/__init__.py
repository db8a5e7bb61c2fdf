"""The only code that knows aiokafka."""
