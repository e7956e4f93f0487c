"""The metrics of a gateway.

The hub counts what concerns a frame as it passes, canary frames excepted. Gauges are read at each scrape. A frame's
outcome is counted once, by the gateway that received it, so received = answers + drops + expired + unanswered, also
when its session moves to another gateway.
"""

from collections.abc import Mapping

from streams.contract.messages import Prediction
from streams.contract.outcomes import CAPTURED, SERVER_HOPS, Hop, Outcome
from streams.contract.prometheus import MetricSet

_TIMED = {CAPTURED, *SERVER_HOPS}


class Metrics(MetricSet):
    """One gateway's metrics. Each gauge has no value until its ``read`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.sessions = self.gauge("sightstream_gateway_sessions", "Sessions that have a socket now.")
        self.sockets = self.gauge("sightstream_gateway_sockets", "Open WebSockets, those without a session included.")
        self.clock_ahead = self.gauge(
            "sightstream_gateway_clock_ahead_seconds", "Seconds by which the gateway's clock is ahead of Kafka's."
        )
        self.unanswered = self.gauge("sightstream_gateway_unanswered_frames", "Frames that have no outcome yet.")
        self.workers = self.gauge("sightstream_gateway_workers", "Workers that sent their status lately.")
        self.received = self.counter("sightstream_gateway_frames_received_total", "Frames that browsers sent.")
        self.answers = self.counter(
            "sightstream_gateway_answers_delivered_total", "Frames answered with labels.", "model", "version"
        )
        self.drops = self.counter("sightstream_gateway_drops_total", "Frames dropped.", "reason", "stage")
        self.expired = self.counter("sightstream_gateway_expired_total", "Frames given up without an answer.")
        self.rejected = self.counter(
            "sightstream_gateway_rejected_total", "Records of Kafka that could not be used.", "topic"
        )
        self.read_bytes = self.counter(
            "sightstream_gateway_read_bytes_total", "Bytes of keys and values that were read from Kafka.", "topic"
        )
        self.hop_seconds = self.histogram(
            "sightstream_gateway_hop_seconds",
            "Seconds that answered frames took to the end of each hop from the end of the one before, "
            "captured the first.",
            "hop",
        )
        self.round_trip = self.histogram(
            "sightstream_gateway_round_trip_seconds",
            "Seconds from a frame's capture until its label was shown, as browsers measured them.",
        )
        self.ready = self.gauge(
            "sightstream_gateway_ready", "1 while canary frames come back with labels, 0 otherwise."
        )
        self.canary_round_trip = self.gauge(
            "sightstream_gateway_canary_round_trip_seconds",
            "Seconds that the last canary took, if there was one.",
        )
        # these are looked up once, because they are counted for each frame
        self._round_trip = self.round_trip.of()
        self._server_hops = [(hop, self.hop_seconds.of(hop)) for hop in SERVER_HOPS]
        self._delivered = self.hop_seconds.of(Hop.DELIVERED)

    def count_read(self, topic: str, size: int) -> None:
        """Count so many bytes that were read from a topic."""
        self.read_bytes.add(size, topic)

    def count_round_trip(self, milliseconds: float, times: Mapping[str, float]) -> None:
        """Count a round trip that a browser measured; ``times`` are those of the frame's answer, if still known."""
        self._round_trip.add(milliseconds / 1000)
        if times.keys() >= _TIMED:
            self._delivered.add((milliseconds - times[Hop.PUBLISHED] + times[CAPTURED]) / 1000)

    def count_outcome(self, prediction: Prediction, frames: int) -> None:
        """Count the outcome of so many ``frames``, all of one session."""
        outcome = prediction.outcome
        if outcome == Outcome.ANSWERED:
            self.answers.add(frames, prediction.model, prediction.version)
            if (times := prediction.times).keys() >= _TIMED:
                start = times[CAPTURED]
                for hop, seconds in self._server_hops:
                    end = times[hop]
                    seconds.add((end - start) / 1000)
                    start = end
        elif outcome == Outcome.EXPIRED:
            self.expired.add(frames)
        else:
            self.drops.add(frames, outcome, prediction.stage)
