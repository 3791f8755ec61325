"""Merkle tree arithmetic of RFC 6962 section 2.1 (= RFC 9162 section 2.1): pure functions, no database.

Words used here: a *leaf* is numbered from 0; a *node* `(level, number)` is the root of the complete subtree over the
leaves `number << level` to `((number + 1) << level) - 1`, so that level 0 is the leaves themselves; a *span* is a run
of leaves `start..stop` (stop excluded) whose hash stands in a proof.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

EMPTY_ROOT = sha256(b"").digest()


class Node(NamedTuple):
    """A complete subtree."""

    level: int
    number: int


class Span(NamedTuple):
    """A run of leaves whose subtree hash is one element of a proof."""

    start: int
    stop: int


def leaf_hash(data: bytes) -> bytes:
    """Hash one entry: SHA-256 over 0x00 and its bytes."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees into their parent: SHA-256 over 0x01, left, right."""
    return sha256(b"\x01" + left + right).digest()


def fold(subtrees: Sequence[bytes]) -> bytes:
    """Hash of a span from the hashes of its `cover`, left to right; the empty span has the empty root."""
    if not subtrees:
        return EMPTY_ROOT
    result = subtrees[-1]
    for subtree in reversed(subtrees[:-1]):
        result = node_hash(subtree, result)
    return result


def cover(span: Span) -> list[Node]:
    """Split a span, which starts where a subtree may, into the largest complete subtrees, left to right."""
    nodes, start = [], span.start
    while start < span.stop:
        level = (span.stop - start).bit_length() - 1
        nodes.append(Node(level, start >> level))
        start += 1 << level
    return nodes


def inclusion_spans(index: int, size: int) -> list[Span]:
    """Name the audit path of leaf `index` in a tree of `size` leaves, lowest first (RFC 6962 section 2.1.1)."""
    return inclusions_spans([index], size)[0]


def inclusions_spans(indexes: Sequence[int], size: int) -> list[list[Span]]:
    """The same for several leaves, in the order of `indexes`: what their paths share is named once."""
    for index in indexes:
        if not 0 <= index < size:
            raise ValueError(f"there is no leaf {index} in a tree of {size}")
    found: dict[int, list[Span]] = {}

    def descend(start: int, stop: int, wanted: Sequence[int], above: list[Span]) -> None:
        if stop - start == 1:
            found[start] = above
            return
        middle = start + _split(stop - start)
        cut = bisect_left(wanted, middle)
        if cut:
            descend(start, middle, wanted[:cut], [Span(middle, stop), *above])
        if cut < len(wanted):
            descend(middle, stop, wanted[cut:], [Span(start, middle), *above])

    descend(0, size, sorted(set(indexes)), [])
    return [found[index] for index in indexes]


def consistency_spans(old: int, new: int) -> list[Span]:
    """Name the proof that the tree of `old` leaves is a prefix of the tree of `new` (RFC 6962 section 2.1.2)."""
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {old} cannot be a prefix of a tree of {new}")
    if old in (0, new):
        return []
    spans, start, stop = [], 0, new
    while stop != old:
        middle = start + _split(stop - start)
        if old <= middle:
            spans.append(Span(middle, stop))
            stop = middle
        else:
            spans.append(Span(start, middle))
            start = middle
    if start:
        spans.append(Span(start, stop))
    return spans[::-1]


def prove(proofs: Sequence[Sequence[Span]], fetch: Callable[[list[Node]], Mapping[Node, bytes]]) -> list[list[bytes]]:
    """Fill in the hashes of the spans of proofs from the complete subtrees that a log keeps.

    They are fetched at once, and each span is folded once: the proofs of neighbours share most of theirs.
    """
    covers = {span: cover(span) for span in {span for spans in proofs for span in spans}}
    hashes = fetch(sorted({node for nodes in covers.values() for node in nodes}))
    folded = {span: fold([hashes[node] for node in nodes]) for span, nodes in covers.items()}
    return [[folded[span] for span in spans] for spans in proofs]


def root_from_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """Work out the root that an audit path leads to, or None where the path has a wrong length (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size:
        return None
    position, last, result = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return None
        if position & 1 or position == last:
            result = node_hash(sibling, result)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        position, last = position >> 1, last >> 1
    return result if last == 0 else None


def includes(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Tell whether `proof` shows the leaf hash `leaf` at `index` in the tree of `size` leaves with this root."""
    return root_from_inclusion(leaf, index, size, proof) == root


def extends(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Tell whether `proof` shows that the old tree is a prefix of the new one (RFC 9162 section 2.1.4.2).

    RFC 9162 leaves the empty old tree open: every tree extends it, with an empty proof.
    """
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    if old >= new:
        return old == new and not proof and old_root == new_root
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        return False
    return _walk_consistency(old, new, path) == (old_root, new_root)


def _walk_consistency(old: int, new: int, path: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Follow a consistency proof upwards; the two roots that it leads to, or None where its length is wrong."""
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old_result = new_result = path[0]
    for sibling in path[1:]:
        if last == 0:
            return None
        if position & 1 or position == last:
            old_result, new_result = node_hash(sibling, old_result), node_hash(sibling, new_result)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new_result = node_hash(new_result, sibling)
        position, last = position >> 1, last >> 1
    return (old_result, new_result) if last == 0 else None


def _split(size: int) -> int:
    """Give the largest power of two below `size`, where RFC 6962 splits a tree."""
    return 1 << ((size - 1).bit_length() - 1)
