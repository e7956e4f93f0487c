"""The gateway."""

from pathlib import Path

STATIC = Path(__file__).parent / "static"
SAMPLES = STATIC / "samples"
TEMPLATES = Path(__file__).parent / "templates"
