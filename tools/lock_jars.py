# ruff: noqa: INP001 - a script, not a package
"""Resolve Apache Kafka and its dependencies anew and print kafka.lock.

Usage: python tools/lock_jars.py > src/card_fulfillment/devstack/kafka.lock
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from card_fulfillment.devstack.jars import Jar, digest
from card_fulfillment.devstack.maven import client

# kafka-clients stands here by itself because the log4j BOM would otherwise pull an older one.
ROOTS = (
    "org.apache.kafka:kafka_2.13:4.3.1",
    "org.apache.kafka:kafka-clients:4.3.1",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.1",
    "org.apache.logging.log4j:log4j-core:2.25.1",
)
HEADER = "# Written by tools/lock_jars.py: coordinate, bytes, SHA-256.\n"


def resolve(repository: Path) -> list[Jar]:
    context = client(repository)
    inputs, others = context.resolver.resolve([context.create_dependency(root) for root in ROOTS])
    return sorted((lock(one) for one in (*inputs, *others)), key=lambda jar: jar.coordinate)


def lock(dependency: Any) -> Jar:  # noqa: ANN401 - jgo ships no types
    path = dependency.artifact.resolve()
    coordinate = f"{dependency.groupId}:{dependency.artifactId}:{dependency.version}"
    return Jar(coordinate, path.stat().st_size, digest(path))


def main() -> None:
    with TemporaryDirectory() as repository:
        jars = resolve(Path(repository))
    sys.stdout.write(HEADER)
    sys.stdout.writelines(f"{jar.coordinate} {jar.size} {jar.sha256}\n" for jar in jars)


if __name__ == "__main__":
    main()
