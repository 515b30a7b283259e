import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogchain.errors import BadInput, BadMessage
from node.p2p.address import PeerAddress, check_addr, node_key_of, peer_id_of
from node.p2p.mdns import read_record, service_type


@given(st.binary(min_size=32, max_size=32))
def test_key_and_peer_id_go_both_ways(key: bytes) -> None:
    assert node_key_of(peer_id_of(key)) == key


def test_peer_ids_are_those_of_libp2p() -> None:
    from libp2p.crypto.ed25519 import create_new_key_pair
    from libp2p.peer.id import ID

    keys = create_new_key_pair(b"\x07" * 32)
    assert peer_id_of(keys.public_key.to_bytes()) == ID.from_pubkey(keys.public_key).to_base58()


@given(st.text(max_size=70) | st.text(alphabet="12D3KooWabcxyzABC", min_size=45, max_size=60))
def test_other_text_is_no_peer_id(text: str) -> None:
    try:
        assert peer_id_of(node_key_of(text)) == text
    except BadMessage:
        pass


@pytest.mark.parametrize("text", ["", "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", "1" * 52, "0OIl" * 13])
def test_ids_of_other_keys_are_refused(text: str) -> None:
    with pytest.raises(BadMessage):
        node_key_of(text)


@pytest.mark.parametrize(
    "where", ["/ip4/192.0.2.7/tcp/4001", "/ip6/2001:db8::7/tcp/0", "/dns4/node.example.org/tcp/65535", "/dns/a/tcp/1"]
)
def test_addresses_are_parsed_and_shown(where: str) -> None:
    peer_id = peer_id_of(b"\x01" * 32)
    address = PeerAddress.parse(f" {where}/p2p/{peer_id}\n")
    assert address == PeerAddress(peer_id, (where,))
    assert str(address) == f"{where}/p2p/{peer_id}"


@pytest.mark.parametrize(
    "text",
    [
        "/ip4/192.0.2.7/tcp/4001",
        "/ip4/192.0.2.7/tcp/4001/p2p/xyz",
        "/ip4/192.0.2/tcp/4001/p2p/ID",
        "/ip4/192.0.2.7/udp/4001/quic-v1/p2p/ID",
        "/ip4/192.0.2.7/tcp/65536/p2p/ID",
        "/ip4/192.0.2.7/tcp/-1/p2p/ID",
        "/dns4/a b/tcp/1/p2p/ID",
        "ip4/192.0.2.7/tcp/4001/p2p/ID",
        "/ip4/192.0.2.7/tcp/4001/p2p/ID/p2p-circuit/p2p/ID",
    ],
)
def test_what_is_no_address_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        PeerAddress.parse(text.replace("ID", peer_id_of(b"\x01" * 32)))
    assert "/ip4/" in caught.value.hint


@given(st.text(max_size=100))
def test_any_text_is_an_address_or_bad_input(text: str) -> None:
    for parse in (check_addr, PeerAddress.parse):
        try:
            parse(text)
        except BadInput:
            pass


def test_an_mdns_record_gives_its_peers_and_nothing_else() -> None:
    one, two = peer_id_of(b"\x01" * 32), peer_id_of(b"\x02" * 32)
    strings = [
        f"dnsaddr=/ip4/192.0.2.1/tcp/1/p2p/{one}", "other=thing", "dnsaddr=/ip4/192.0.2.1/udp/1/quic-v1/p2p/x",
        f"dnsaddr=/ip4/192.0.2.2/tcp/2/p2p/{one}", f"dnsaddr=/ip6/::1/tcp/3/p2p/{two}",
    ]  # fmt: skip
    text = b"".join(bytes((len(string),)) + string.encode() for string in strings)
    assert read_record(text) == [
        PeerAddress(one, ("/ip4/192.0.2.1/tcp/1", "/ip4/192.0.2.2/tcp/2")),
        PeerAddress(two, ("/ip6/::1/tcp/3",)),
    ]


@given(st.binary(max_size=200))
def test_any_bytes_are_a_record(text: bytes) -> None:
    assert isinstance(read_record(text), list)


def test_networks_have_mdns_names_of_their_own() -> None:
    assert service_type("1:0xaa") != service_type("31337:0xaa")
    assert service_type("1:0xaa") == service_type("1:0xaa")
