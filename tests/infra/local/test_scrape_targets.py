import json
from pathlib import Path

import yaml

from infra.local.own_certificate import own_certificate
from infra.local.scrape_targets import write_targets


def test_prometheus_configuration_and_targets_are_side_by_side(tmp_path: Path) -> None:
    path = write_targets(
        tmp_path, {"gateway-1": "[::1]:8000"}, {"worker-1": "0.0.0.0:20001", "worker-2": "[::]:20002"}
    )

    configuration = yaml.safe_load((path.parent / "prometheus.yml").read_text())
    assert [(path.parent / name).is_file() for name in configuration["rule_files"]] == [True]
    [job] = configuration["scrape_configs"]
    [pattern] = job["file_sd_configs"][0]["files"]
    assert list(path.parent.glob(pattern)) == [path]
    assert json.loads(path.read_text()) == [
        {"targets": ["[::1]:8000"], "labels": {"part": "gateway", "process": "gateway-1"}},
        {"targets": ["127.0.0.1:20001"], "labels": {"part": "worker", "process": "worker-1"}},
        {"targets": ["127.0.0.1:20002"], "labels": {"part": "worker", "process": "worker-2"}},
    ]


def test_a_gateway_with_tls_is_asked_over_https_and_known_by_its_certificate(tmp_path: Path) -> None:
    own = own_certificate(tmp_path / "tls", ["192.168.1.23", "camera-box"], "--data-dir")
    path = write_targets(tmp_path, {"gateway-1": "0.0.0.0:8000"}, {"worker-1": "127.0.0.1:1"}, "", own.certificate)

    gateway, worker = json.loads(path.read_text())
    assert gateway["targets"] == ["127.0.0.1:8000"]
    assert gateway["labels"]["__scheme__"] == "https"
    assert "__scheme__" not in worker["labels"]
    [job] = yaml.safe_load((path.parent / "prometheus.yml").read_text())["scrape_configs"]
    assert job["tls_config"] == {"ca_file": "gateway.pem", "server_name": "camera-box"}
    trusted = (path.parent / "gateway.pem").read_text()
    assert trusted.count("BEGIN CERTIFICATE") == 2
    assert "PRIVATE KEY" not in trusted
