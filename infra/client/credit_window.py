"""How many frames a client keeps in flight."""

from dataclasses import dataclass

ANSWERS_TO_GROW = 32  # answers in a row, without a superseded frame among them


@dataclass(slots=True)
class CreditWindow:
    """Between 1 and ``credits`` frames in flight, by additive increase and multiplicative decrease (AIMD, RFC 5681).

    A superseded frame shows that a newer frame of the same session overtook one that was still waiting. A second
    frame in flight then only pushes the first one out, so the window halves. After 32 answers in a row it grows by
    one. The page's window follows the same rule: ``tests/credit_window_cases.json`` is the table of cases for both.
    """

    credits: int
    size: int = 0
    answers_in_a_row: int = 0

    def __post_init__(self) -> None:
        self.size = self.size or self.credits

    def answered(self) -> None:
        """A frame came back with labels."""
        self.answers_in_a_row += 1
        if self.answers_in_a_row >= ANSWERS_TO_GROW:
            self.size, self.answers_in_a_row = min(self.credits, self.size + 1), 0

    def superseded(self) -> None:
        """A frame was pushed out by a newer one of this session."""
        self.size, self.answers_in_a_row = max(1, self.size // 2), 0
