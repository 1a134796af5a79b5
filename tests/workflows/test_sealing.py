"""PER-10: numbers and pictures of persons are sealed where they stand, found without being opened, sealed anew."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app import clock, vault
from app.errors import Refusal
from app.models import Account, Application, Job, Notification, Person, Version
from app.models.base import Model
from app.models.sealed import Sealed, SealedJson, holding, normal, numbers, whole_or_end
from app.rules.identifiers import mask_numbers, masked
from app.transaction import insert_many, transaction
from app.workflows.access import issuing
from app.workflows.core import audit, outbox
from app.workflows.files import attachments, sealed_files
from app.workflows.privacy import sealing
from tests.factories import World, make_person, picture

pytestmark = pytest.mark.feature("PER-10")
PHONE, ID, MAIL = "13812345678", "11010519491231002X", "wen-zhi.qiu@example.com"
PNG = picture(size=(900, 700))


@pytest.fixture(autouse=True)
def keys(app: Any) -> Iterator[None]:
    yield
    vault.use_keys(app.config["DATA_KEYS"], app.config["INDEX_KEYS"])


def stored(session: Any, table: str, column: str, key: int) -> Any:
    session.commit()
    return session.execute(text(f"SELECT CAST({column} AS TEXT) FROM {table} WHERE id = :key"), {"key": key}).scalar()


# --- the vault


def test_a_token_tells_nothing_and_opens_only_in_its_place() -> None:
    first, second = vault.seal_text(PHONE, "person.phone"), vault.seal_text(PHONE, "person.phone")
    assert first != second and vault.open_text(first, "person.phone") == PHONE
    assert PHONE[-4:] not in first and first[vault.INDEX] == second[vault.INDEX]
    with pytest.raises(vault.Unreadable, match="DATA_KEYS"):
        vault.open_text(first, "account.phone")
    with pytest.raises(vault.Unreadable):
        vault.open_text(first[:-1] + ("A" if first[-1] != "A" else "B"), "person.phone")
    assert vault.seal_text(PHONE, "account.phone")[vault.INDEX] != first[vault.INDEX]


def test_many_are_sealed_as_each_alone() -> None:
    texts = [PHONE, "", "备注", PHONE]
    tokens = vault.seal_texts(texts, "import_row.raw")
    assert [vault.open_text(token, "import_row.raw") for token in tokens] == texts
    assert len(set(tokens)) == 4
    # Nobody looks for them: no token tells of what is in it.
    assert {token[vault.INDEX] for token in tokens} == {vault.seal_text("x", "import_row.raw", "")[vault.INDEX]}
    assert vault.seal_texts([], "import_row.raw") == []
    # Or under the same spelling.
    sought = vault.seal_texts([PHONE, "", f"+86 {PHONE}", PHONE], "person.phone", normal)
    alone = [vault.seal_text(text, "person.phone", normal(text)) for text in (PHONE, "")]
    assert [token[: vault.START] for token in sought] == [alone[n][: vault.START] for n in (0, 1, 0, 0)]
    assert len({token[vault.START :] for token in sought}) == 4
    assert [vault.open_text(token, "person.phone") for token in sought] == [PHONE, "", f"+86 {PHONE}", PHONE]


def test_contents_read_as_text_are_opened_as_each_alone() -> None:
    kind = SealedJson("version.data")
    values = [{"name": "甲", "safety_phone": PHONE}, None, {"name": "乙", "safety_phone": PHONE}, {"name": "~1"}]
    values += [{"name": "丙", "safety_phone": phone} for phone in (PHONE, None, "", PHONE)]
    assert kind.of_texts(kind.texts(values)) == values
    # A column of them is sealed at once: still each by itself, and found by the same digest.
    tokens = [json.loads(text)["safety_phone"] for text in kind.texts(values[4:]) if text]
    assert tokens[1:3] == [None, ""] and tokens[0] != tokens[3] and tokens[0][vault.INDEX] == tokens[3][vault.INDEX]
    assert tokens[0][vault.INDEX] == kind.sealed(values[4])["safety_phone"][vault.INDEX]
    assert kind.of_texts([]) == [] and kind.of_texts([None, '{"name": "丙"}']) == [None, {"name": "丙"}]



def test_a_missing_key_is_named(app: Any) -> None:
    token = vault.seal_text(PHONE, "person.phone")
    vault.use_keys([vault.new_key()])
    with pytest.raises(vault.Unreadable, match="DATA_KEYS"):
        vault.open_text(token, "person.phone")
    vault.use_keys(app.config["DATA_KEYS"], [vault.new_key()])
    with pytest.raises(vault.Unreadable, match="INDEX_KEYS"):
        vault.open_text(token, "person.phone")
    with pytest.raises(RuntimeError, match="INDEX_KEYS"):
        vault.use_keys(app.config["DATA_KEYS"], ["short"])


@pytest.mark.parametrize("size", [0, 1, vault.BLOCK - 1, vault.BLOCK, vault.BLOCK + 1, 3 * vault.BLOCK])
def test_a_file_comes_back_as_it_was(size: int) -> None:
    content, out = bytes(n % 251 for n in range(size)), io.BytesIO()
    assert vault.seal_stream(io.BytesIO(content), out, "attachment.face") == size
    sealed = out.getvalue()
    reader = vault.SealedReader(io.BytesIO(sealed), "attachment.face")
    assert reader.size == size and reader.read() == content
    reader.seek(size // 2)
    assert reader.read(10) == content[size // 2 :][:10]
    if size:
        for broken in (sealed[:-20], sealed[:-1] + bytes([sealed[-1] ^ 1])):
            with pytest.raises(vault.Unreadable):
                vault.SealedReader(io.BytesIO(broken), "attachment.face").read()
        with pytest.raises(vault.Unreadable):
            vault.SealedReader(io.BytesIO(sealed), "attachment.grade").read()


# --- columns


@pytest.mark.parametrize("typed", ["138 1234 5678", "138-1234-5678", "+8613812345678", "１３８１２３４５６７８"])
def test_a_number_is_one_however_it_is_spelt(typed: str) -> None:
    assert normal(typed) == PHONE


def test_numbers_are_masked_wherever_they_stand() -> None:
    assert (masked("mobile", PHONE), masked("id", ID)) == ("138****5678", "110***********002X")
    assert mask_numbers(f"电话 {PHONE}，证 {ID}，单号 2026112600001234567") == (
        "电话 138****5678，证 110***********002X，单号 2026112600001234567"
    )
    assert mask_numbers("写给 Wen.Zhiqiu@example.com 或 13812345678@example.com") == (
        "写给 W***@example.com 或 1***@example.com"
    )
    assert numbers() == {
        "phone": "mobile", "head_phone": "mobile", "safety_phone": "mobile", "resident_id": "id", "id_number": "id",
        "email": "mail", "head_resident_id": "id",
    }  # fmt: skip


def test_whatever_is_declared_as_a_number_is_sealed() -> None:
    """A column that says `sensitive` and stands open is a mistake."""
    bare = [
        f"{table.name}.{column.name}"
        for table in Model.metadata.tables.values()
        for column in table.columns
        if column.info.get("sensitive") and not isinstance(column.type, Sealed)
    ]
    assert not bare


def test_the_database_holds_tokens_and_finds_by_the_index(session: Any, world: World) -> None:
    person = make_person(session, world.firm, phone=PHONE, resident_id=ID)
    session.commit()
    for column, value in (("phone", PHONE), ("resident_id", ID)):
        raw = stored(session, "person", column, person.id)
        assert raw.startswith(vault.MARK) and value not in raw and value[-4:] not in raw
    session.expire_all()
    assert (person.phone, person.resident_id) == (PHONE, ID)
    asked = session.query(Person.id)
    assert asked.filter(holding(Person.phone, "138 1234 5678")).scalar() == person.id
    assert asked.filter(holding(Person.resident_id, ID.lower())).scalar() == person.id
    for typed, found in ((PHONE, 1), ("5678", 1), ("5679", 0), (PHONE[:6], 0), ("", 0), ("%", 0)):
        assert asked.filter(whole_or_end(Person.phone)(typed)).count() == found, typed
    person.phone = None
    session.commit()
    assert asked.filter(holding(Person.phone, PHONE)).count() == 0


def test_a_sealed_column_is_not_compared() -> None:
    for wrong in (lambda: Person.phone == PHONE, lambda: Person.phone.like("138%"), lambda: Person.phone.desc()):
        with pytest.raises(TypeError, match="holding"):
            wrong()
    assert str(Person.phone.is_(None)) and str(Person.phone.is_not(None))


def test_many_rows_come_in_sealed(session: Any, world: World) -> None:
    rows = [
        {"id": 7000 + n, "name": "多", "phone": f"1390000{n:04d}", "unit_id": world.firm.id,
         "region_code": "980402000000", "created_at": clock.now(), "updated_at": clock.now()}
        for n in range(3)
    ]  # fmt: skip
    version = {
        "id": 7000, "entity": "unit", "entity_id": 1, "number": 90, "state": "draft", "edited_at": clock.now(),
        "data": {"head_phone": PHONE, "name": "甲"},
    }  # fmt: skip
    with transaction(session):
        insert_many(session, Person.__table__, rows)
        insert_many(session, Version.__table__, [version])
    assert stored(session, "person", "phone", 7001).startswith(vault.MARK)
    assert session.query(Person.id).filter(holding(Person.phone, "13900000001")).scalar() == 7001
    raw = stored(session, "version", "data", 7000)
    assert PHONE not in raw and json.loads(raw)["name"] == "甲"
    assert session.get(Version, 7000).data["head_phone"] == PHONE


def test_copies_are_sealed_too(session: Any, world: World) -> None:
    """Applications and jobs hold what was asked for; a search for a phone is a phone."""
    at = clock.now()
    asked = Application(
        number="TY-1", kind="registration_change", entity="elevator", entity_id=1, title="甲", region_code="98",
        data={"changes": {"safety_phone": PHONE}, "before": {"safety_phone": None}},
    )  # fmt: skip
    job = Job(kind="export", title="导出", params={"query": f"f_phone={PHONE}"}, created_at=at, heartbeat_at=at)
    session.add_all([asked, job])
    session.commit()
    assert PHONE not in stored(session, "application", "data", asked.id)
    assert PHONE not in stored(session, "job", "params", job.id)
    session.expire_all()
    assert asked.data["changes"]["safety_phone"] == PHONE and job.params == {"query": f"f_phone={PHONE}"}


def test_the_log_never_holds_a_whole_number(session: Any, world: World) -> None:
    after = {"phone": PHONE, "changes": {"resident_id": ID}, "name": "甲"}
    with transaction(session):
        entry = audit.record(session, world.actor("clerk"), clock.now(), "person.edit", "person", 1, after=after)
    assert entry.after == {"phone": "138****5678", "changes": {"resident_id": "110***********002X"}, "name": "甲"}


def test_no_two_accounts_bind_one_phone(session: Any, world: World) -> None:
    session.query(Account).filter(Account.id == world.accounts["clerk"].id).one().phone = PHONE
    session.commit()
    with pytest.raises(Refusal, match="已绑定"):
        issuing.free_phone(session, world.actor("inspector"), "138-1234-5678", "phone", clock.now())
    world.accounts["inspector"].phone = PHONE
    with pytest.raises(Exception, match=r"(?i)unique"):
        session.commit()
    session.rollback()


def test_an_address_of_mail_is_sealed_and_found_in_small_letters(session: Any, world: World) -> None:
    clerk, worker = world.accounts["clerk"], world.accounts["worker"]
    clerk.email = MAIL
    session.commit()
    raw = stored(session, "ab_user", "email", clerk.id)
    assert raw.startswith(vault.MARK) and "example" not in raw
    session.expire_all()
    assert clerk.email == MAIL
    asked = session.query(Account.id)
    assert asked.filter(holding(Account.email, "Wen-Zhi.Qiu@Example.COM")).scalar() == clerk.id
    assert asked.filter(holding(Account.email, "wenzhi.qiu@example.com")).count() == 0, "a hyphen is a part of it"
    with pytest.raises(TypeError, match="holding"):
        asked.filter_by(email=MAIL)
    worker.email = MAIL.upper()
    with pytest.raises(Exception, match=r"(?i)unique"):
        session.commit()
    session.rollback()


def test_who_asks_for_a_page_is_known_without_opening_his_mail(session: Any, world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["clerk"])
    key = world.accounts["clerk"].id
    torn = {"torn": "~1" + "x" * 60, "key": key}
    session.rollback()
    with transaction(session):
        session.execute(text("UPDATE ab_user SET email = :torn WHERE id = :key"), torn)
    assert browser.get("/inbox/").status_code == 200


def test_what_a_notice_says_and_whom_it_failed_to_reach_is_not_in_the_table(
    session: Any, world: World, monkeypatch: Any
) -> None:
    """A code waits in the outbox until it is sent; a mail server repeats the addresses that it refuses."""

    def refuses(_session: Any, notice: Notification) -> None:
        raise OSError(f"{{'{notice.address}': (550, b'{PHONE}')}}")

    monkeypatch.setitem(outbox.SENDERS, "email", refuses)
    with transaction(session):
        notice = outbox.send_to(
            session, clock.now(), None, "email", MAIL, "code.mail", "您的验证码是 482913", secret=True
        )
    assert "482913" not in stored(session, "notification", "body", notice.id)
    assert stored(session, "notification", "body", notice.id)[vault.INDEX] == vault.seal_text(
        "别的", "notification.body", ""
    )[vault.INDEX], "nobody can try six digits against the index"
    session.expire_all()
    assert notice.body == "您的验证码是 482913"
    with transaction(session):
        assert not outbox.send(session, notice.id, clock.now())
    assert notice.error == "OSError: {'w***@example.com': (550, b'138****5678')}"


# --- sealing anew


def test_new_keys_take_over_while_the_old_ones_are_open(app: Any, session: Any, world: World) -> None:
    person = make_person(session, world.firm, phone=PHONE)
    clerk = world.accounts["clerk"]
    clerk.email = MAIL
    version = Version(
        entity="unit", entity_id=5, number=9, state="draft", edited_at=clock.now(), data={"head_phone": PHONE}
    )
    job = Job(
        kind="export", title="导出", params={"query": PHONE}, created_at=clock.now(), heartbeat_at=clock.now()
    )
    session.add_all([version, job])
    session.commit()
    old_data, old_index = app.config["DATA_KEYS"], app.config["INDEX_KEYS"]
    new_data, new_index = [vault.new_key()], [vault.new_key()]
    runner = app.test_cli_runner()
    vault.use_keys(new_data, new_index)
    lost = runner.invoke(args=["seal-anew"])
    assert lost.exit_code == 1 and "没有改变" in lost.output and "DATA_KEYS" in lost.output
    vault.use_keys(new_data + old_data, new_index)
    lost = runner.invoke(args=["seal-anew"])
    assert lost.exit_code == 1 and "INDEX_KEYS" in lost.output
    vault.use_keys(new_data + old_data, new_index + old_index)
    assert session.query(Person.id).filter(holding(Person.phone, PHONE)).scalar() == person.id, "found meanwhile"
    told = json.loads(runner.invoke(args=["seal-anew", "--json"]).output)
    assert told["values"] >= 4
    again = json.loads(runner.invoke(args=["seal-anew", "--json"]).output)
    assert again["values"] == again["files"] == 0
    vault.use_keys(new_data, new_index)
    session.rollback()  # it still reads as of before the run
    assert (person.phone, version.data["head_phone"], job.params["query"]) == (PHONE, PHONE, PHONE)
    session.refresh(clerk)
    assert clerk.email == MAIL
    assert session.query(Account.id).filter(holding(Account.email, MAIL)).scalar() == clerk.id
    assert session.query(Person.id).filter(holding(Person.phone, PHONE)).scalar() == person.id
    held = json.loads(runner.invoke(args=["seal-anew", "--check", "--json"]).output)
    assert set(held["held"]) == {held["current"]}


def test_a_run_that_was_stopped_goes_on(app: Any, session: Any, world: World, monkeypatch: Any) -> None:
    for n in range(5):
        make_person(session, world.firm, phone=f"1380000000{n}")
    session.commit()
    old = app.config["DATA_KEYS"]
    vault.use_keys([vault.new_key(), *old])
    monkeypatch.setattr(sealing, "BLOCK", 2)
    whole, seen = sealing.Place.renewed, []

    def dies(self: Any, value: str) -> Any:
        seen.append(value)
        if len(seen) == 4:
            raise KeyboardInterrupt
        return whole(self, value)

    monkeypatch.setattr(sealing.Place, "renewed", dies)
    with pytest.raises(KeyboardInterrupt):
        sealing.seal_anew(session, world.actor("inspector"), clock.now())
    session.rollback()
    monkeypatch.setattr(sealing.Place, "renewed", whole)
    half = sealing.needed(session)
    assert len(half) == 2, "some under the new key, some under the old"
    sealing.seal_anew(session, world.actor("inspector"), clock.now())
    assert set(sealing.needed(session)) == {vault.current_names()}


def test_what_is_written_meanwhile_is_not_lost(session: Any, world: World, app: Any) -> None:
    """A value that changed between reading and writing stays as it was changed."""
    person = make_person(session, world.firm, phone=PHONE)
    session.commit()
    vault.use_keys([vault.new_key(), *app.config["DATA_KEYS"]])
    place = next(p for p in sealing.places() if p.word == "person.phone")
    whole = sealing.Place.renewed

    def slow(self: Any, value: str) -> Any:
        if self.word == "person.phone":
            token = vault.seal_text("13999999999", "person.phone")
            session.execute(text("UPDATE person SET phone = :new WHERE id = :id"), {"new": token, "id": person.id})
        return whole(self, value)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealing.Place, "renewed", slow)
        sealing._renew(session, place)
    session.expire_all()
    assert session.get(Person, person.id).phone == "13999999999"


# --- files


def face_of(session: Any, world: World, tmp_path: Path) -> Any:
    attachments.use_folder(tmp_path)
    with transaction(session):
        return attachments.store(
            session, world.actor("worker"), clock.now(), io.BytesIO(PNG), "脸.png", "face", "person", world.worker.id,
            world.firm.id, world.firm.region_code,
        )  # fmt: skip


def content_of(row: Any) -> bytes:
    with sealed_files.opened(attachments.path(None, row), row.kind) as stream:
        return stream.read()


@pytest.fixture
def uploads(app: Any) -> Iterator[None]:
    yield
    attachments.use_folder(app.config["UPLOAD_DIR"])


def test_a_face_is_sealed_on_disk(session: Any, world: World, tmp_path: Path, uploads: None, app: Any) -> None:
    row = face_of(session, world, tmp_path)
    place, small = attachments.path(None, row), attachments.path(None, row, small=True)
    assert place != small and all(vault.is_sealed_file(p.read_bytes()) for p in (place, small))
    held = content_of(row)
    assert held.startswith(b"\x89PNG") and len(held) == row.size
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and p not in (place, small)], "no open copy is left"
    with sealed_files.in_the_open(place, row.kind) as plain:
        assert plain != place and plain.read_bytes() == held
    assert not plain.exists()
    vault.use_keys([vault.new_key(), *app.config["DATA_KEYS"]])
    told = sealing.seal_anew(session, world.actor("inspector"), clock.now())
    session.expire_all()
    assert told["files"] == 1 and not place.exists() and not small.exists()
    assert content_of(row) == held
    for place in (attachments.path(None, row), attachments.path(None, row, small=True)):
        assert sealed_files.key_name(place, row.kind) == vault.current_names()[:4]


def test_a_sealed_kind_that_stands_open_is_sealed(session: Any, world: World, tmp_path: Path, uploads: None) -> None:
    """Scans that were uploaded before this was so."""
    row = face_of(session, world, tmp_path)
    with transaction(session):
        attachments.forget(session, row)
        row = attachments.store(
            session, world.actor("worker"), clock.now(), io.BytesIO(PNG), "证.png", "photo", "person", world.worker.id,
            world.firm.id, world.firm.region_code,
        )  # fmt: skip
        row.kind = "grade"
    assert sealing.seal_anew(session, world.actor("inspector"), clock.now())["files"] == 1
    session.expire_all()
    assert PNG[:4] not in attachments.path(None, row).read_bytes()
    assert content_of(row).startswith(PNG[:4])


def test_every_sealed_column_has_an_own_context() -> None:
    contexts = [
        column.type.context
        for table in Model.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, Sealed | SealedJson)
    ]
    assert len(contexts) == len(set(contexts)) >= 15
