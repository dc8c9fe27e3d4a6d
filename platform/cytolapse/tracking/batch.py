"""Batch: params, metrics and tags that go to the store in one call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlflow import MlflowClient

LIMIT = 1000  # metrics that mlflow takes in one call
_SPLITS = {"val": "validation", "test": "test"}


@dataclass
class Batch:
    """What was gathered of the spool, up to `offset` bytes of it."""

    offset: int = 0
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: list[dict[str, Any]] = field(default_factory=list)

    def add(self, event: dict[str, Any], link: Callable[[dict[str, Any], str], dict[str, str]]) -> bool:
        """Take an event; False where it is none of params, tags, metrics or a curve."""
        match event["event"]:
            case "params":
                self.params.update(event["values"])
            case "tags":
                self.tags.update(event["values"])
            case "metrics":
                self._add_metrics(event, link)
            case "curve":
                for step, value in event["points"]:
                    self._metric(event, event["key"], value, step)
            case _:
                return False
        return True

    def _add_metrics(self, event: dict[str, Any], link: Callable[[dict[str, Any], str], dict[str, str]]) -> None:
        for key, value in event["values"].items():
            context = _SPLITS.get(key.split("/")[0], "training")
            self._metric(event, key, value, event["step"], **link(event, context))

    def _metric(self, event: dict[str, Any], key: str, value: float, step: int, **link: str) -> None:
        self.metrics.append({"key": key, "value": value, "timestamp": event["time"], "step": step, **link})

    @property
    def full(self) -> bool:
        """No more fits into one call."""
        return len(self.metrics) >= LIMIT or len(self.params) >= 100 or len(self.tags) >= 100

    @property
    def name(self) -> str:
        """What it holds, for a message."""
        return ", ".join([*self.params, *self.tags, *(metric["key"] for metric in self.metrics)])

    def parts(self) -> Iterator[Batch]:
        """The same, one by one."""
        yield from (Batch(params={key: value}) for key, value in self.params.items())
        yield from (Batch(tags={key: value}) for key, value in self.tags.items())
        yield from (Batch(metrics=[metric]) for metric in self.metrics)

    def send(self, client: MlflowClient, run_id: str) -> None:
        """Put it into the store.

        Raises:
            mlflow.exceptions.MlflowException: the store refuses it or can't be reached.
        """
        from mlflow.entities import Metric, Param, RunTag

        client.log_batch(
            run_id,
            metrics=[Metric(**metric) for metric in self.metrics],
            params=[Param(key, value) for key, value in self.params.items()],
            tags=[RunTag(key, value) for key, value in self.tags.items()],
            synchronous=True,
        )
