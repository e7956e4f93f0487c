"""What is wrong with a picture is said once, by the error."""

import subprocess
import sys

from tests.fakes.pictures import encoded, scene

CODE = """
import sys
from models.images import BadFrame, read_picture
try:
    read_picture(sys.stdin.buffer.read(), 32)
except BadFrame as error:
    print(error)
"""


def test_libtiff_writes_nothing() -> None:
    whole = encoded(scene(), "TIFF", compression="jpeg")
    broken = whole.replace(b"\xff\xdb", b"\xff\xec")  # without its quantization table
    assert broken != whole
    done = subprocess.run([sys.executable, "-c", CODE], input=broken, capture_output=True, check=True)
    assert done.stdout.decode().strip() == "the TIFF is cut off or damaged: copy it again"
    assert done.stderr == b""
