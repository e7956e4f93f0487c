from pathlib import Path

import pytest

from infra.local.kafka.server import check_layout, choose_ports, common_cluster_id
from infra.local.kafka.storage import BrokerFolderBroken, Storage


def node(folder: Path, number: int, cluster: str = "AbC") -> Storage:
    """The folder of a node; without a name of its cluster it has no data."""
    storage = Storage(folder / str(number), number, is_copied=True)
    if cluster:
        storage.data.mkdir(parents=True)
        meta = f"cluster.id={cluster}\nnode.id={number}\nversion=1\n"
        (storage.data / "meta.properties").write_text(meta)
    return storage


def test_all_ports_of_a_cluster_are_different_and_the_same_at_the_next_start(tmp_path: Path) -> None:
    ports = choose_ports(tmp_path, 3)

    assert list(ports) == [1, 2, 3]
    assert len({port for each in ports.values() for port in (each.broker, each.controller)}) == 6
    assert choose_ports(tmp_path, 3) == ports


def test_a_folder_of_an_earlier_version_keeps_its_ports(tmp_path: Path) -> None:
    former = choose_ports(tmp_path, 1)[1]
    (tmp_path / "ports.json").write_text(f'{{"broker": {former.broker}, "controller": {former.controller}}}\n')

    assert choose_ports(tmp_path, 1) == {1: former}


def test_a_folder_goes_on_with_as_many_brokers_as_it_was_made_by(tmp_path: Path) -> None:
    node(tmp_path / "three", 2)
    (tmp_path / "one" / "data" / "frames-0").mkdir(parents=True)
    (tmp_path / "new").mkdir()

    check_layout(tmp_path / "three", 3)
    check_layout(tmp_path / "one", 1)
    for brokers in (1, 3):
        check_layout(tmp_path / "new", brokers)
    with pytest.raises(BrokerFolderBroken, match=r"three has the data of 3 brokers: start it with --brokers 3, or"):
        check_layout(tmp_path / "three", 1)
    with pytest.raises(BrokerFolderBroken, match=r"one has the data of one broker: start it with --brokers 1, or"):
        check_layout(tmp_path / "one", 3)


@pytest.mark.parametrize(("clusters", "common"), [("AAA", "A"), ("A A", "A"), (" AA", "A"), ("   ", None)])
def test_a_node_without_data_belongs_to_the_cluster_of_the_others(
    tmp_path: Path, clusters: str, common: str | None
) -> None:
    nodes = [node(tmp_path, number, cluster.strip()) for number, cluster in enumerate(clusters, 1)]

    assert common_cluster_id(nodes) == common


def test_a_cluster_that_has_lost_most_of_its_data_is_refused_with_what_to_do(tmp_path: Path) -> None:
    nodes = [node(tmp_path, number, "A" if number == 2 else "") for number in (1, 2, 3)]

    with pytest.raises(BrokerFolderBroken, match="most brokers is gone") as raised:
        common_cluster_id(nodes)

    for gone in (1, 3):
        assert str(tmp_path / str(gone) / "data") in str(raised.value)
    assert f"or delete {tmp_path / '2' / 'data'}, too, to start again" in str(raised.value)


def test_the_data_of_another_cluster_is_refused_with_what_to_do(tmp_path: Path) -> None:
    nodes = [node(tmp_path, number, cluster) for number, cluster in enumerate("AAB", 1)]

    with pytest.raises(BrokerFolderBroken, match=r"3/data is of another cluster than .*1/data: delete .*3/data: the"):
        common_cluster_id(nodes)
