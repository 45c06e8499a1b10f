"""Sealed values open for their owner and field alone, and for nobody after their key is gone."""

from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import CannotDecrypt, KeyDestroyed, SettingsError
from storage.sealing import HASH_BYTES, DataKeys, KeyedHash, Keyring, Sealer

OLD, NEW, OTHER = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96))
ANA, BEN = UUID(int=1), UUID(int=2)
FIELD = "messages.content"

sealer = Sealer(OLD, ANA)
any_text = st.text(st.characters(codec=None))  # lone surrogates and NUL included


@given(any_text, st.text(max_size=20))
def test_any_text_comes_back_as_it_was(text: str, field: str) -> None:
    assert sealer.open(sealer.seal(text, field=field), field=field) == text


@given(st.binary(max_size=2000))
def test_any_bytes_come_back_as_they_were(data: bytes) -> None:
    assert sealer.open_bytes(sealer.seal_bytes(data, field=FIELD), field=FIELD) == data


def test_a_long_text_comes_back_as_it_was() -> None:
    text = "naïve 👩‍👩‍👧 " * 100_000
    assert sealer.open(sealer.seal(text, field=FIELD), field=FIELD) == text


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4096])
def test_sealed_bytes_are_29_longer_and_sealed_text_is_their_base64(length: int) -> None:
    assert len(sealer.seal_bytes(b"x" * length, field=FIELD)) == length + 29
    assert len(sealer.seal("x" * length, field=FIELD)) == -(-(length + 29) // 3) * 4


def test_the_same_text_is_sealed_differently_each_time() -> None:
    assert len({sealer.seal("hello", field=FIELD) for _ in range(100)}) == 100


def test_nonces_come_from_the_randomness_that_was_given() -> None:
    first, second = (Sealer(OLD, ANA, randomness=bytes).seal("hello", field=FIELD) for _ in range(2))
    assert first == second


def test_no_bit_of_a_sealed_text_can_be_changed() -> None:
    raw = sealer.seal_bytes(b"pay 10", field=FIELD)
    for place in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(CannotDecrypt):
            sealer.open_bytes(bytes(changed), field=FIELD)


@pytest.mark.parametrize("text", ["", "a", "ab"])  # with each of the three paddings
def test_no_character_of_a_sealed_text_can_be_changed(text: str) -> None:
    sealed = sealer.seal(text, field=FIELD)
    for place, was in enumerate(sealed):
        for character in "AB/+-_= \né\ud800":
            if character != was:
                with pytest.raises(CannotDecrypt):
                    sealer.open(sealed[:place] + character + sealed[place + 1 :], field=FIELD)


@given(any_text)
def test_a_text_that_was_never_sealed_is_refused(text: str) -> None:
    with pytest.raises(CannotDecrypt):
        sealer.open(text, field=FIELD)


def test_a_text_cut_off_anywhere_is_refused() -> None:
    sealed = sealer.seal("pay 10", field=FIELD)
    for length in range(len(sealed)):
        with pytest.raises(CannotDecrypt):
            sealer.open(sealed[:length], field=FIELD)


@pytest.mark.parametrize(
    ("reader", "field"),
    [(Sealer(OLD, ANA), "customers.profile"), (Sealer(OLD, BEN), FIELD), (Sealer(NEW, ANA), FIELD)],
    ids=["another field", "another customer", "another key"],
)
def test_a_text_moved_elsewhere_does_not_open(reader: Sealer, field: str) -> None:
    sealed = sealer.seal("hello", field=FIELD)
    with pytest.raises(CannotDecrypt) as caught:
        reader.open(sealed, field=field)
    assert field in str(caught.value)
    assert "hello" not in str(caught.value)


def test_a_data_key_of_another_length_is_refused() -> None:
    with pytest.raises(CannotDecrypt, match="16 bytes instead of 32"):
        Sealer(bytes(16), ANA)


# --- the keyring -------------------------------------------------------------------------------------------


@given(st.binary(min_size=32, max_size=32), st.uuids(), st.sampled_from(["data", "index"]))
def test_a_wrapped_key_comes_back_as_it_was(data_key: bytes, owner: UUID, purpose: str) -> None:
    ring = Keyring([NEW, OLD])
    wrapped = ring.wrap(data_key, owner=owner, purpose=purpose)
    assert len(wrapped) == 1 + 4 + 12 + 32 + 16
    assert ring.unwrap(wrapped, owner=owner, purpose=purpose) == data_key


def test_a_new_data_key_comes_from_the_randomness_that_was_given() -> None:
    assert Keyring([OLD], randomness=lambda count: b"r" * count).new_data_key() == b"r" * 32
    assert len({Keyring([OLD]).new_data_key() for _ in range(10)}) == 10


def test_no_bit_of_a_wrapped_key_can_be_changed() -> None:
    ring = Keyring([NEW, OLD])
    wrapped = ring.wrap(OTHER, owner=ANA)
    for place in range(len(wrapped) * 8):
        changed = bytearray(wrapped)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(CannotDecrypt):
            ring.unwrap(bytes(changed), owner=ANA)


def test_a_wrapped_key_cut_off_anywhere_is_refused() -> None:
    ring = Keyring([OLD])
    wrapped = ring.wrap(OTHER, owner=ANA)
    for length in range(len(wrapped)):
        with pytest.raises(CannotDecrypt):
            ring.unwrap(wrapped[:length], owner=ANA)


def test_a_wrapped_key_opens_for_its_owner_and_purpose_alone() -> None:
    ring = Keyring([OLD])
    wrapped = ring.wrap(OTHER, owner=ANA, purpose="index")
    with pytest.raises(CannotDecrypt, match=str(BEN)):
        ring.unwrap(wrapped, owner=BEN, purpose="index")
    with pytest.raises(CannotDecrypt):
        ring.unwrap(wrapped, owner=ANA)


def test_rotation_wraps_the_same_data_key_under_the_newest_key() -> None:
    before, during, after = Keyring([OLD]), Keyring([NEW, OLD]), Keyring([NEW])
    wrapped = before.wrap(OTHER, owner=ANA)
    assert before.is_current(wrapped)
    assert not during.is_current(wrapped)
    again = during.rewrap(wrapped, owner=ANA)
    assert during.is_current(again)
    assert after.unwrap(again, owner=ANA) == OTHER


def test_a_key_that_is_no_longer_there_is_named_by_its_fingerprint() -> None:
    gone = Keyring([OLD])
    wrapped = gone.wrap(OTHER, owner=ANA)
    here = Keyring([NEW, OTHER])
    with pytest.raises(CannotDecrypt) as caught:
        here.unwrap(wrapped, owner=ANA)
    assert str(caught.value) == (
        f"the data key of {ANA} was wrapped with key {gone.fingerprints[0]}, and ENCRYPTION_KEY has only"
        f" {here.fingerprints[0]}, {here.fingerprints[1]}: add the old key behind the newest"
    )


@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
def test_keys_are_read_newest_first_in_either_alphabet(encode: object) -> None:
    newest, older = b"\xff" * 32, b"\xfb\xef\xbe" * 10 + b"ab"
    assert callable(encode)
    ring = Keyring.parse(f" {encode(newest).decode()} ,{encode(older).decode()}\n")
    assert ring.fingerprints == Keyring([newest, older]).fingerprints


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "ENCRYPTION_KEY is empty: give at least one key of 32 random bytes in base64"),
        (
            b64encode(OLD).decode() + ",not base64!",
            "key 2 of 2 in ENCRYPTION_KEY is not base64: make one with `openssl rand -base64 32`, and put"
            " commas between several",
        ),
        (
            b64encode(OLD[:16]).decode(),
            "key 1 of 1 in ENCRYPTION_KEY has 16 bytes instead of 32:"
            " make one with `openssl rand -base64 32`",
        ),
        (
            b64encode(OLD).decode() + ",",
            "key 2 of 2 in ENCRYPTION_KEY has 0 bytes instead of 32: make one with `openssl rand -base64 32`",
        ),
        (",".join([b64encode(OLD).decode()] * 2), "key 2 of 2 in ENCRYPTION_KEY is there twice"),
    ],
    ids=["empty", "not base64", "too short", "trailing comma", "twice"],
)
def test_keys_that_cannot_be_used_are_refused_without_being_shown(text: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Keyring.parse(text)
    assert str(caught.value) == sentence


@given(st.text())
def test_any_keyring_in_the_settings_is_read_or_refused(text: str) -> None:
    try:
        ring = Keyring.parse(text)
    except SettingsError:
        return
    assert ring.fingerprints


# --- keyed hashes ------------------------------------------------------------------------------------------


def test_equal_parts_have_equal_hashes_under_one_key_and_other_hashes_under_another() -> None:
    assert KeyedHash(OLD).of("telegram", "42") == KeyedHash(OLD).of("telegram", "42")
    assert KeyedHash(OLD).of("telegram", "42") != KeyedHash(NEW).of("telegram", "42")
    assert len(KeyedHash(OLD).of("telegram", "42")) == HASH_BYTES


@given(st.lists(any_text, max_size=4), st.lists(any_text, max_size=4))
def test_different_parts_have_different_hashes(one: list[str], two: list[str]) -> None:
    hashed = KeyedHash(OLD)
    assert (hashed.of(*one) == hashed.of(*two)) == (one == two)


@given(any_text, any_text, any_text)
def test_the_hash_depends_on_where_one_part_ends(a: str, b: str, c: str) -> None:
    hashed = KeyedHash(OLD)
    assert (hashed.of(a + b, c) == hashed.of(a, b + c)) == (b == "")
    assert hashed.of(a, b) != hashed.of(a + b)


# --- data keys ---------------------------------------------------------------------------------------------


def test_a_sealer_is_kept_until_others_were_used_more_recently() -> None:
    ring = Keyring([OLD])
    keys = DataKeys(ring, capacity=2)
    wrapped = {owner: ring.wrap(OTHER, owner=owner) for owner in (ANA, BEN, UUID(int=3))}
    ana, ben = keys.sealer(ANA, wrapped[ANA]), keys.sealer(BEN, wrapped[BEN])
    assert keys.sealer(ANA, wrapped[ANA]) is ana
    keys.sealer(UUID(int=3), wrapped[UUID(int=3)])
    assert len(keys) == 2
    assert keys.sealer(ANA, wrapped[ANA]) is ana
    assert keys.sealer(BEN, wrapped[BEN]) is not ben


def test_a_destroyed_key_is_refused_even_though_it_was_kept() -> None:
    ring = Keyring([OLD])
    keys = DataKeys(ring)
    keys.sealer(ANA, ring.wrap(OTHER, owner=ANA))
    with pytest.raises(KeyDestroyed, match=str(ANA)):
        keys.sealer(ANA, None)
    assert len(keys) == 0


def test_a_key_that_was_rewrapped_or_replaced_is_unwrapped_anew() -> None:
    ring = Keyring([OLD])
    keys = DataKeys(ring)
    before = keys.sealer(ANA, ring.wrap(OTHER, owner=ANA))
    sealed = before.seal("hello", field=FIELD)
    assert keys.sealer(ANA, ring.wrap(OTHER, owner=ANA)).open(sealed, field=FIELD) == "hello"
    with pytest.raises(CannotDecrypt):
        keys.sealer(ANA, ring.wrap(NEW, owner=ANA)).open(sealed, field=FIELD)
    assert len(keys) == 1


def test_a_wrapped_key_that_does_not_open_leaves_nothing_behind() -> None:
    keys = DataKeys(Keyring([OLD]))
    with pytest.raises(CannotDecrypt):
        keys.sealer(ANA, Keyring([NEW]).wrap(OTHER, owner=ANA))
    assert len(keys) == 0


def test_forgetting_drops_the_key_and_may_be_repeated() -> None:
    ring = Keyring([OLD])
    keys = DataKeys(ring)
    keys.sealer(ANA, ring.wrap(OTHER, owner=ANA))
    keys.forget(ANA)
    keys.forget(ANA)
    assert len(keys) == 0


def test_keys_are_not_shown_by_what_holds_them() -> None:
    for holder in (sealer, Keyring([OLD]), KeyedHash(OLD), DataKeys(Keyring([OLD]))):
        assert repr(OLD)[2:-1] not in repr(holder)


def test_a_sealed_text_is_url_safe() -> None:
    sealed = sealer.seal("ÿ" * 500, field=FIELD)
    assert urlsafe_b64decode(sealed)[:1] == b"\x01"
    assert not set(sealed) & set("+/")
