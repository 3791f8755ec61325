"""What encryption adds to the contract: nothing readable in the store, nothing that passes for something else."""

import hashlib
import os
from contextlib import closing
from dataclasses import replace
from uuid import uuid4

import pytest

from jit_server.core.errors import Altered
from jit_server.core.vault import BLOCK, SealedVault, Stored, new_data_key, new_key, sealed_size, verified
from jit_server.core.vault.sealing import CHUNK, HEAD, TAG, plain_size
from tests.contracts.conftest import Store, sealed
from tests.contracts.test_vault import pieces, read

WORKSPACE = uuid4()
SIZES = [1, CHUNK - 1, CHUNK, CHUNK + 1, BLOCK, 3 * BLOCK + 5]


def keep(vault: SealedVault, content: bytes) -> Stored:
    return vault.put(new_key(WORKSPACE), pieces(content, 65536), size=len(content))


def lying(plain: Store, stored: Stored) -> bytes:
    """What is in the store."""
    with closing(plain.vault.open(stored.key, stored.version_id)) as body:
        return b"".join(body)


@pytest.mark.parametrize("size", SIZES)
def test_both_digests_are_of_the_plain_bytes_and_the_third_of_what_lies_in_the_store(plain: Store, size: int):
    content = os.urandom(size)
    vault = sealed(plain).vault
    stored = keep(vault, content)
    there = lying(plain, stored)
    found = vault.read_back(stored.key, stored.version_id)
    assert stored.sha256 == found.sha256 == hashlib.sha256(content).hexdigest()
    assert found.sha512 == hashlib.sha512(content).hexdigest()
    assert found.stored_sha256 == hashlib.sha256(there).hexdigest()
    assert (stored.size, found.size, len(there)) == (size, size, sealed_size(size))


def test_what_lies_in_the_store_is_proved_without_any_key(plain: Store):
    vault = sealed(plain).vault
    stored = keep(vault, os.urandom(BLOCK))
    found = vault.read_back(stored.key, stored.version_id)

    def scrub() -> None:
        body = plain.vault.open(stored.key, stored.version_id)
        for _ in verified(body, size=sealed_size(stored.size), sha256=found.stored_sha256):
            pass

    scrub()
    plain.alter(stored)
    with pytest.raises(Altered):
        scrub()


def test_nothing_of_the_content_lies_in_the_store(plain: Store):
    content = b"the diary of Maria Example. " * 4000
    assert b"Maria" not in lying(plain, keep(sealed(plain).vault, content))


def test_the_same_bytes_twice_look_different_in_the_store(plain: Store):
    vault = sealed(plain).vault
    first, second = keep(vault, b"same" * 5000), keep(vault, b"same" * 5000)
    assert lying(plain, first)[HEAD:] != lying(plain, second)[HEAD:]


def test_another_key_opens_nothing(plain: Store):
    stored = keep(sealed(plain).vault, os.urandom(1000))
    with pytest.raises(Altered):
        read(SealedVault(plain.vault, new_data_key()), stored)


def test_the_bytes_of_one_object_do_not_pass_for_another_under_the_same_key(plain: Store):
    vault = sealed(plain).vault
    stored = keep(vault, os.urandom(1000))
    there = lying(plain, stored)
    moved = plain.vault.put(new_key(WORKSPACE), [there], size=len(there))
    with pytest.raises(Altered):
        read(vault, replace(stored, key=moved.key, version_id=moved.version_id))


@pytest.mark.parametrize("cut", [1, TAG, CHUNK + TAG, BLOCK])
def test_a_shortened_text_is_found_wherever_it_was_cut(plain: Store, cut: int):
    vault = sealed(plain).vault
    stored = keep(vault, os.urandom(2 * BLOCK))
    there = lying(plain, stored)[:-cut]
    short = plain.vault.put(stored.key, [there], size=len(there))
    with pytest.raises(Altered):
        b"".join(vault.open(stored.key, short.version_id))


def test_chunks_in_another_order_are_found(plain: Store):
    vault = sealed(plain).vault
    stored, step = keep(vault, os.urandom(4 * CHUNK)), CHUNK + TAG
    there = lying(plain, stored)
    first, second = there[HEAD : HEAD + step], there[HEAD + step : HEAD + 2 * step]
    swapped = there[:HEAD] + second + first + there[HEAD + 2 * step :]
    other = plain.vault.put(stored.key, [swapped], size=len(swapped))
    with pytest.raises(Altered):
        b"".join(vault.open(stored.key, other.version_id))


def test_a_store_that_keeps_something_else_is_found_out_when_it_is_read_back(plain: Store):
    vault = sealed(plain).vault
    stored = keep(vault, os.urandom(1000))
    plain.alter(stored)
    with pytest.raises(Altered):
        vault.read_back(stored.key, stored.version_id)


@pytest.mark.parametrize("size", [0, *SIZES])
def test_sizes_are_told_from_each_other_without_reading(size: int):
    assert plain_size(sealed_size(size)) == size


@pytest.mark.parametrize("size", [0, HEAD, HEAD + TAG - 1, HEAD + CHUNK + TAG, HEAD + CHUNK + TAG + TAG - 1])
def test_a_size_that_no_text_has_is_said(size: int):
    with pytest.raises(Altered):
        plain_size(size)
