"""Ends a child process when its parent process is gone, even after `kill -9` of the parent.

`command(argv)` returns the command to start instead of `argv`. On Linux it asks the kernel to send SIGKILL when the
parent dies, and then replaces itself with `argv`: the process id stays, and no process is in between. On other
systems it starts `argv`, passes on signals and the exit code, and checks several times a second whether the parent
still exists.

Two rules for callers:

- The process that calls `command` must also start it. On Linux "the parent" is the thread that starts it, so use a
  thread that lives as long as the child should. asyncio starts processes from the event loop's thread.
- Start it in a session of its own and end it with `os.killpg`. So a SIGKILL reaches both processes where this file
  stays in between.

This file is run by its path under `python -I -S`, which takes about 20 ms. So it has few imports, and some are late.
"""

import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1  # from <linux/prctl.h>
_POLL_S = 0.2
_GRACE_S = 5.0


def command(argv: Sequence[str], *, private: bool = False) -> list[str]:
    """The command that runs `argv` and ends it when the calling process is gone.

    With `private`, the files that it makes are for their owner only. uvloop knows no `umask` for that.
    """
    flags = ["--private"] if private else []
    return [sys.executable, "-I", "-S", os.path.abspath(__file__), *flags, str(os.getpid()), *argv]  # noqa: PTH100


def _exec(parent: int, argv: list[str]) -> None:
    """Replace this process with `argv`, after the kernel has been asked for SIGKILL on the parent's death."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:  # the parent died before the call to prctl
        sys.exit(1)
    os.execvp(argv[0], argv)  # noqa: S606


def _watch(parent: int, argv: list[str]) -> int:
    """Run `argv` as a child process and return its exit code; end it when the parent is gone."""
    import subprocess

    process: subprocess.Popen[bytes] | None = None
    early_signals: list[int] = []  # those that arrive before the child process exists

    def pass_on(number: int, _frame: object) -> None:
        if process is None:
            early_signals.append(number)
        else:
            process.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, pass_on)
    process = subprocess.Popen(argv, close_fds=False)  # noqa: S603
    for early in early_signals:
        process.send_signal(early)
    while True:
        try:
            code = process.wait(_POLL_S)
            return code if code >= 0 else 128 - code
        except subprocess.TimeoutExpired:
            if os.getppid() != parent:
                break
    process.terminate()
    try:
        process.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
    return 1


def main(arguments: list[str]) -> int:
    """Run `[--private] [--watch] PARENT_PID COMMAND...`; `--watch` stays in between on Linux, too."""
    # Python ignores SIGPIPE, and an ignored signal stays ignored after exec. SIGINT is ignored in background jobs.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if arguments[0] == "--private":
        os.umask(0o077)
        arguments = arguments[1:]
    watch = arguments[0] == "--watch"
    parent, *argv = arguments[1:] if watch else arguments
    try:
        if sys.platform == "linux" and not watch:
            _exec(int(parent), argv)
        return _watch(int(parent), argv)
    except OSError as error:
        print(f"cannot start {argv[0]}: {error.strerror}", file=sys.stderr)
        return 127


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
