"""How many frames a client keeps in flight."""

from dataclasses import dataclass

STEADY = 32  # answers in a row after which one more frame may be in flight


@dataclass(slots=True)
class CreditWindow:
    """Between 1 and ``most`` frames in flight, by additive increase and multiplicative decrease (RFC 5681's AIMD).

    A superseded frame says that another of this session was still waiting: one in flight is then enough, and a
    second would only push the first one out.
    """

    most: int
    size: int = 0
    steady: int = 0

    def __post_init__(self) -> None:
        self.size = self.size or self.most

    def answered(self) -> None:
        """A frame came back with labels."""
        self.steady += 1
        if self.steady >= STEADY:
            self.size, self.steady = min(self.most, self.size + 1), 0

    def superseded(self) -> None:
        """A frame was pushed out by a newer one of this session."""
        self.size, self.steady = max(1, self.size // 2), 0
