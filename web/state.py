"""What the routes of one gateway share."""

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from streams.contract.kafka.connections import OUTAGES
from streams.contract.kafka.denials import DENIALS
from streams.contract.settings import Settings
from web.canary import Canary
from web.hub import Hub
from web.kafka.broker import Broker
from web.kafka.stats_reader import StatsReader
from web.kafka.stats_store import StatsStore
from web.security.connection_limit import ConnectionLimit
from web.security.operator_auth import OperatorAuth
from web.security.origins import Origins
from web.security.tokens import Tokens


@dataclass(frozen=True, slots=True)
class GatewayState:
    """One gateway's parts. It has the same ones from the creation of the app until the process ends."""

    settings: Settings
    hub: Hub
    broker: Broker
    canary: Canary
    connection_limit: ConnectionLimit
    operator_auth: OperatorAuth
    origins: Origins
    stats_store: StatsStore
    stats_reader: StatsReader
    tokens: Tokens

    @property
    def why_not_ready(self) -> str:
        """Why no frames are answered; empty while a canary frame was answered lately."""
        if self.canary.ready:
            return ""
        known = [*OUTAGES.lines(), *DENIALS.lines()]
        return "; ".join(known) or self.broker.topics.why or "no picture came back from a worker lately"

    @property
    def connected(self) -> int:
        """How many sessions have a socket now, without canaries."""
        return sum(each.id in self.hub.outboxes for each in self.hub.sessions())

    @property
    def unanswered(self) -> int:
        """How many frames that browsers sent here have no outcome yet."""
        return sum(len(each.unanswered) for each in self.hub.sessions())


def gateway_state(connection: HTTPConnection) -> GatewayState:
    """The state of the gateway that answers this request or WebSocket."""
    state: GatewayState = connection.app.state.gateway
    return state
