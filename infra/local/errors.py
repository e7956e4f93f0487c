"""The errors of a local stack whose message is complete: it says what is wrong and what to do."""


class StackError(Exception):
    """Base class. A command prints the message on one line, without a traceback."""


def find_stack_error(error: BaseException) -> StackError | None:
    """The first StackError in ``error``, which may be a group that holds other groups."""
    if isinstance(error, BaseExceptionGroup):
        return next((found for each in error.exceptions if (found := find_stack_error(each))), None)
    return error if isinstance(error, StackError) else None
