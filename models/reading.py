"""Many pictures, read by a few threads a little ahead of who looks at them."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.images import BadFrame, read_picture

DECODERS = 2
AHEAD = 24  # pictures


def read_ahead(files: Iterable[Path], size: int, crop: float) -> Iterator[NDArray[np.uint8] | str]:
    """For each file, in order, its pixels (size, size, 3) as `read_picture` makes them, or what is wrong with it."""

    def read(file: Path) -> NDArray[np.uint8] | str:
        try:
            return read_picture(file, size, crop)
        except OSError as error:
            return error.strerror or str(error)
        except BadFrame as error:
            return str(error)

    waiting = iter(files)
    with ThreadPoolExecutor(DECODERS, thread_name_prefix="decode") as decoders:
        ahead = deque(decoders.submit(read, each) for each in islice(waiting, AHEAD))
        while ahead:
            yield ahead.popleft().result()
            ahead.extend(decoders.submit(read, each) for each in islice(waiting, 1))
