"""E1: the tree arithmetic against the vectors of RFC 6962 implementations and against a naive tree."""

from hashlib import sha256

import pytest

from jit_server.audit import tree
from jit_server.audit.tree import Span

# The eight leaves and roots of the Certificate Transparency reference implementation (merkle_tree_test.cc).
LEAVES = [bytes.fromhex(x) for x in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657",
                                     "606162636465666768696a6b6c6d6e6f")]  # fmt: skip
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
TOP = 128


def naive_root(leaves: list[bytes]) -> bytes:
    """The definition of RFC 6962 section 2.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + naive_root(leaves[:split]) + naive_root(leaves[split:])).digest()


DATA = [b"entry %d" % number for number in range(TOP)]
HASHES = [tree.leaf_hash(data) for data in DATA]
NAIVE = [naive_root(DATA[:size]) for size in range(TOP + 1)]


def node(wanted: tree.Node) -> bytes:
    return naive_root(DATA[wanted.number << wanted.level : (wanted.number + 1) << wanted.level])


NODES = {(level, index): node(tree.Node(level, index)) for level in range(8) for index in range(TOP >> level)}


def proof(spans: list[Span]) -> list[bytes]:
    return tree.prove([spans], lambda _: NODES)[0]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_the_reference_implementation(size: int) -> None:
    leaves = [tree.leaf_hash(leaf) for leaf in LEAVES[:size]]
    nodes = {}
    for level in range(4):
        for index in range(size >> level):
            nodes[level, index] = naive_root(LEAVES[index << level : (index + 1) << level])
    assert tree.fold([nodes[at] for at in tree.cover(Span(0, size))]).hex() == ROOTS[size]
    assert len(leaves) == size


def test_a_known_audit_path_is_produced_bit_for_bit() -> None:
    """Leaf 5 of 8 (merkle_tree_test.cc, path 6,8): three siblings."""
    nodes = {(level, index): naive_root(LEAVES[index << level : (index + 1) << level])
             for level in range(4) for index in range(8 >> level)}  # fmt: skip
    (found,) = tree.prove([tree.inclusion_spans(5, 8)], lambda _: nodes)
    assert [x.hex() for x in found] == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


def test_every_inclusion_proof_up_to_128_leaves_holds_for_its_leaf_only() -> None:
    for size in range(1, TOP + 1):
        for index in range(size):
            path = proof(tree.inclusion_spans(index, size))
            assert tree.includes(HASHES[index], index, size, path, NAIVE[size])
            assert not tree.includes(HASHES[index], index, size, path, NAIVE[size - 1])
            assert not tree.includes(HASHES[index - 1], index, size, path, NAIVE[size]) or size == 1
            assert not tree.includes(HASHES[index], index, size, [*path, NAIVE[1]], NAIVE[size])
            assert not path or not tree.includes(HASHES[index], index, size, path[:-1], NAIVE[size])


def test_every_consistency_proof_up_to_128_leaves_holds_for_its_roots_only() -> None:
    for new in range(TOP + 1):
        for old in range(new + 1):
            path = proof(tree.consistency_spans(old, new))
            assert tree.extends(old, new, NAIVE[old], NAIVE[new], path)
            if 0 < old < new:
                assert not tree.extends(old, new, NAIVE[old - 1], NAIVE[new], path)
                assert not tree.extends(old, new, NAIVE[old], NAIVE[new - 1], path)
                assert not tree.extends(old, new, NAIVE[old], NAIVE[new], path[:-1])
                assert not tree.extends(old, new, NAIVE[old], NAIVE[new], [*path, NAIVE[1]])


def test_every_flipped_element_of_a_proof_is_noticed() -> None:
    inclusion, consistency = proof(tree.inclusion_spans(37, 101)), proof(tree.consistency_spans(37, 101))
    for path, holds in (
        (inclusion, lambda p: tree.includes(HASHES[37], 37, 101, p, NAIVE[101])),
        (consistency, lambda p: tree.extends(37, 101, NAIVE[37], NAIVE[101], p)),
    ):
        assert holds(path)
        for place in range(len(path)):
            bent = [bytes([h[0] ^ 1]) + h[1:] if n == place else h for n, h in enumerate(path)]
            assert not holds(bent)


def test_impossible_questions_are_refused() -> None:
    for index, size in ((0, 0), (5, 5), (-1, 3)):
        with pytest.raises(ValueError, match="no leaf"):
            tree.inclusion_spans(index, size)
        assert not tree.includes(HASHES[0], index, size, [], NAIVE[1])
    for old, new in ((2, 1), (-1, 1)):
        with pytest.raises(ValueError, match="prefix"):
            tree.consistency_spans(old, new)
    assert not tree.extends(2, 1, NAIVE[2], NAIVE[1], [])
    assert not tree.extends(3, 5, NAIVE[3], NAIVE[5], [])
    assert not tree.extends(0, 5, NAIVE[1], NAIVE[5], [])
