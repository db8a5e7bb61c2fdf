"""The use cases, on ports: what the worker does, without knowing Kafka or Postgres."""
