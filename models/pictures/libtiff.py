"""libtiff's own messages, which it writes to stderr while Pillow decodes."""

import ctypes
import ctypes.util
from contextlib import suppress
from pathlib import Path

import PIL


def silence() -> None:
    """From now on libtiff writes nothing: what is wrong with a picture is said once, by an error.

    Without effect where Pillow has libtiff built in.
    """
    packages = Path(PIL.__file__).parent.parent
    libraries = [*packages.glob("[Pp]illow.libs/libtiff*"), *packages.glob("PIL/.dylibs/libtiff*")]
    if name := libraries[0] if libraries else ctypes.util.find_library("tiff"):
        with suppress(OSError, AttributeError):  # not loadable, or another library
            library = ctypes.CDLL(str(name))
            library.TIFFSetErrorHandler(None)
            library.TIFFSetWarningHandler(None)
