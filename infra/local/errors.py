"""The errors of a local stack."""


class StackError(Exception):
    """Base class. The message is complete: it says on one line what is wrong and what to do."""
