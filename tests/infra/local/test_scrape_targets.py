import json
from pathlib import Path

import yaml

from infra.local.scrape_targets import write_targets


def test_prometheus_configuration_and_targets_are_side_by_side(tmp_path: Path) -> None:
    path = write_targets(tmp_path, "[::1]:8000", {"worker-1": "0.0.0.0:20001", "worker-2": "[::]:20002"})

    configuration = yaml.safe_load((path.parent / "prometheus.yml").read_text())
    assert [(path.parent / name).is_file() for name in configuration["rule_files"]] == [True]
    [job] = configuration["scrape_configs"]
    [pattern] = job["file_sd_configs"][0]["files"]
    assert list(path.parent.glob(pattern)) == [path]
    assert json.loads(path.read_text()) == [
        {"targets": ["[::1]:8000"], "labels": {"part": "gateway", "process": "gateway"}},
        {"targets": ["127.0.0.1:20001"], "labels": {"part": "worker", "process": "worker-1"}},
        {"targets": ["127.0.0.1:20002"], "labels": {"part": "worker", "process": "worker-2"}},
    ]
