"""Reading from the middle: the bytes asked for, each chunk proved, over every vault there is."""

import os
from contextlib import closing
from dataclasses import replace
from uuid import uuid4

import pytest

from jit_server.core.errors import Altered
from jit_server.core.vault import BLOCK, SealedVault, Stored, new_data_key, new_key
from jit_server.core.vault.sealing import CHUNK, HEAD, TAG
from tests.contracts.conftest import Store, sealed
from tests.contracts.test_vault import pieces

SIZE = 3 * BLOCK + 5
PARTS = [
    range(1),
    range(SIZE - 1, SIZE),
    range(SIZE),
    range(CHUNK - 1, CHUNK + 1),
    range(CHUNK, 2 * CHUNK),
    range(5 * CHUNK + 7, 2 * BLOCK + 1),
    range(3 * BLOCK, SIZE),
]


def keep(store: Store, content: bytes) -> Stored:
    return store.vault.put(new_key(uuid4()), pieces(content, 65536), size=len(content))


def part(vault: object, stored: Stored, wanted: range) -> bytes:
    with closing(vault.open_part(stored.key, stored.version_id, wanted)) as body:
        assert body.size == len(wanted)
        return b"".join(body)


def altered(plain: Store, stored: Stored, content: bytes) -> Stored:
    """The same object with another text in the store."""
    other = plain.vault.put(stored.key, [content], size=len(content))
    return replace(stored, version_id=other.version_id)


def text_of(plain: Store, stored: Stored) -> bytes:
    with closing(plain.vault.open(stored.key, stored.version_id)) as body:
        return b"".join(body)


def test_any_part_is_what_was_put_there(store: Store):
    content = os.urandom(SIZE)
    stored = keep(store, content)
    for wanted in PARTS:
        assert part(store.vault, stored, wanted) == content[wanted.start : wanted.stop], wanted


@pytest.mark.parametrize("size", [1, CHUNK - 1, CHUNK, CHUNK + 1])
def test_the_last_byte_is_found_whatever_the_last_chunk_holds(plain: Store, size: int):
    store, content = sealed(plain), os.urandom(size)
    assert part(store.vault, keep(store, content), range(size - 1, size)) == content[-1:]


def test_a_turned_bit_is_found_by_whoever_reads_its_chunk_and_hurts_no_other(plain: Store):
    store, content = sealed(plain), os.urandom(SIZE)
    stored = keep(store, content)
    text = bytearray(text_of(plain, stored))
    text[HEAD + 7 * (CHUNK + TAG) + 100] ^= 1
    other = altered(plain, stored, bytes(text))
    with pytest.raises(Altered):
        part(store.vault, other, range(7 * CHUNK + 9000, 7 * CHUNK + 9001))
    assert part(store.vault, other, range(8 * CHUNK, 9 * CHUNK)) == content[8 * CHUNK : 9 * CHUNK]


def test_nothing_of_a_chunk_that_was_changed_is_given_out(plain: Store):
    store, content = sealed(plain), os.urandom(SIZE)
    stored = keep(store, content)
    text = bytearray(text_of(plain, stored))
    text[HEAD + 100 * (CHUNK + TAG)] ^= 1
    other, got = altered(plain, stored, bytes(text)), bytearray()
    with closing(store.vault.open_part(other.key, other.version_id, range(5, SIZE))) as body, pytest.raises(Altered):
        got.extend(byte for block in body for byte in block)
    assert content[5:].startswith(got)
    assert len(got) <= 100 * CHUNK


@pytest.mark.parametrize("place", [0, 23, 24, HEAD - 1])
def test_a_head_that_was_changed_opens_nothing(plain: Store, place: int):
    store = sealed(plain)
    stored = keep(store, os.urandom(2 * CHUNK))
    text = bytearray(text_of(plain, stored))
    text[place] ^= 1
    with pytest.raises(Altered):
        part(store.vault, altered(plain, stored, bytes(text)), range(CHUNK, CHUNK + 1))


def test_chunks_in_another_order_are_found(plain: Store):
    store, step = sealed(plain), CHUNK + TAG
    stored = keep(store, os.urandom(4 * CHUNK))
    text = text_of(plain, stored)
    swapped = text[:HEAD] + text[HEAD + step : HEAD + 2 * step] + text[HEAD : HEAD + step] + text[HEAD + 2 * step :]
    other = altered(plain, stored, swapped)
    for first in (0, CHUNK):
        with pytest.raises(Altered):
            part(store.vault, other, range(first, first + 10))


@pytest.mark.parametrize("left", [HEAD, HEAD + 10, HEAD + CHUNK + TAG, HEAD + 2 * (CHUNK + TAG) - 1, 10])
def test_what_was_cut_off_is_found_by_whoever_asks_for_it(plain: Store, left: int):
    store = sealed(plain)
    stored = keep(store, os.urandom(2 * CHUNK + 10))
    short = altered(plain, stored, text_of(plain, stored)[:left])
    with pytest.raises(Altered):
        part(store.vault, short, range(CHUNK + 5, 2 * CHUNK + 10))


def test_another_key_or_another_object_opens_no_part(plain: Store):
    store = sealed(plain)
    stored = keep(store, os.urandom(2 * CHUNK))
    with pytest.raises(Altered):
        part(SealedVault(plain.vault, new_data_key()), stored, range(10))
    text = text_of(plain, stored)
    moved = plain.vault.put(new_key(uuid4()), [text], size=len(text))
    with pytest.raises(Altered):
        part(store.vault, moved, range(10))


def test_a_part_of_bytes_that_are_gone_is_altered_not_absent(store: Store):
    stored = keep(store, b"x" * 100)
    store.remove(stored)
    with pytest.raises(Altered):
        part(store.vault, stored, range(10))
