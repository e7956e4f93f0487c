"""A leash for child processes: when the parent is gone, killed or crashed, its children go too.

`command(argv)` is what to start instead of `argv`. On Linux the leash asks the kernel for SIGKILL on the parent's
death and becomes `argv` (same pid, no process in between). Elsewhere it stays as argv's parent, passes signals and
the exit code on, and looks for its own parent several times a second.

Two things to know. The process that calls `command` must be the one that starts the child. On Linux "the parent" is
the thread that started the child, so start children from a thread that lives as long as they should (asyncio starts
them from the loop's thread). Start the child in a session of its own and end it with `os.killpg`, so that a SIGKILL
reaches both processes where the leash stays.

The file runs by path under `python -I -S` in some 20 ms, hence the few and late imports.
"""

import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1
_LOOK_S = 0.2
_GRACE_S = 5.0


def command(argv: Sequence[str]) -> list[str]:
    """The command that runs `argv` and ends it when the calling process is gone."""
    return [sys.executable, "-I", "-S", os.path.abspath(__file__), str(os.getpid()), *argv]  # noqa: PTH100


def _become(parent: int, argv: list[str]) -> None:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:  # it died before the kernel knew whom to tell about
        sys.exit(1)
    os.execvp(argv[0], argv)  # noqa: S606


def _watch(parent: int, argv: list[str]) -> int:
    import subprocess

    child: subprocess.Popen[bytes] | None = None
    too_early: list[int] = []  # signals that come while the child is being started

    def pass_on(number: int, _frame: object) -> None:
        if child is None:
            too_early.append(number)
        else:
            child.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, pass_on)
    child = subprocess.Popen(argv, close_fds=False)  # noqa: S603
    for early in too_early:
        child.send_signal(early)
    while True:
        try:
            code = child.wait(_LOOK_S)
            return code if code >= 0 else 128 - code
        except subprocess.TimeoutExpired:
            if os.getppid() != parent:
                break
    child.terminate()
    try:
        child.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        child.kill()
    return 1


def main(arguments: list[str]) -> int:
    # Python ignores SIGPIPE, and an ignored signal stays ignored through exec.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    watch = arguments[0] == "--watch"
    parent, *argv = arguments[1:] if watch else arguments
    try:
        if sys.platform == "linux" and not watch:
            _become(int(parent), argv)
        return _watch(int(parent), argv)
    except OSError as error:
        print(f"cannot start {argv[0]}: {error.strerror}", file=sys.stderr)
        return 127


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
