from infra.local.errors import StackError, find_stack_error


class Broken(StackError):
    pass


def test_stack_error_is_found_in_nested_groups() -> None:
    broken = Broken("say this")
    group = ExceptionGroup("tasks", [ValueError(), ExceptionGroup("more tasks", [TypeError(), broken])])

    assert find_stack_error(group) is broken
    assert find_stack_error(broken) is broken


def test_other_errors_are_not_stack_errors() -> None:
    assert find_stack_error(ValueError()) is None
    assert find_stack_error(ExceptionGroup("tasks", [ValueError()])) is None
