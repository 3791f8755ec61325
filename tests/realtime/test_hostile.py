"""D2: whatever a signed-in client sends, the worker keeps its memory and its calm; no traceback is ever written."""

import asyncio
import contextlib
import json
import zlib
from uuid import uuid4

import pytest

from jit_server.web.sockets.wire import acceptable
from tests.realtime.line import Line, frame, play

MIB = 1024 * 1024


async def flood(line, chunks):
    """Send until the server has had enough; answers how many bytes it took."""
    sent = 0
    for chunk in chunks:
        if line.closed.is_set():
            break
        line.writer.write(chunk)
        sent += len(chunk)
        try:
            await asyncio.wait_for(line.writer.drain(), 5)
        except (TimeoutError, OSError):
            break
        await asyncio.sleep(0)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(line.closed.wait(), 5)
    return sent


def one_frame_of(size):
    head = b"\x81\xff" + size.to_bytes(8, "big") + b"\0\0\0\0"
    yield head
    for _ in range(size // MIB):
        yield b"4" * MIB


def endless_fragments(payload):
    yield frame(b"42", fin=False)
    block = frame(payload, opcode=0, fin=False) * 1000
    for _ in range(1000):
        yield block


def deflate_bomb():
    squeezed = zlib.compressobj(wbits=-15)
    body = squeezed.compress(b"4" + b"a" * (300 * MIB)) + squeezed.flush(zlib.Z_SYNC_FLUSH)
    whole = frame(body[:-4], rsv=4)
    for start in range(0, len(whole), MIB):
        yield whole[start : start + MIB]


ATTACKS = {
    "one frame of 300 MiB": lambda: one_frame_of(300 * MIB),
    "a million fragments": lambda: endless_fragments(b"x"),
    "a million empty fragments": lambda: endless_fragments(b""),
    "a deflate bomb": deflate_bomb,
    "endless pings": lambda: (frame(b"x" * 100, opcode=9) * 1000 for _ in range(1000)),
    "binary headers": lambda: (frame(b'451-["message:post",{"_placeholder":true,"num":0}]') for _ in range(10_000)),
    "binary frames": lambda: (frame(b"\x04" * 1000, opcode=2) for _ in range(10_000)),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_d2_an_attack_costs_next_to_nothing_and_ends_the_connection(served, team, cookie, name):
    async def scenario():
        await (await Line.open(served.port, cookie(team.admin))).connected()
        before = served.rss()
        line = await (await Line.open(served.port, cookie(team.admin))).connected()
        sent = await flood(line, ATTACKS[name]())
        assert line.closed.is_set()
        assert sent < 40 * MIB  # what the kernel's buffers take in
        assert line.close_code in {1002, 1008, 1009, None}  # None: reset while we were still sending
        assert served.rss() - before <= 20 * MIB
        calm = await (await Line.open(served.port, cookie(team.admin))).connected()
        assert "problem" not in await calm.join(team.id, 0)

    play(scenario)


def test_d2_a_message_just_over_the_limit_is_named_too_big(served, team, cookie):
    async def scenario():
        line = await (await Line.open(served.port, cookie(team.admin))).connected()
        line.send('42["message:post",{"text":"' + "x" * 70_000 + '"}]')
        await asyncio.wait_for(line.closed.wait(), 5)
        assert line.close_code == 1009

    play(scenario)


@pytest.mark.parametrize(
    "packet",
    [
        "", "x", "4", "49", "5", "6", "2probe", "0{}", "b4AAAA", "42", "42{}", '42"x"', "42[]", "42[1]", '42[["a"]]',
        '42[{"a":1}]', "42[null]", '42["connect",{}]', '42["disconnect"]', '42["a","b","c"]', '42["a",' + "[" * 10_000,
        '42["a",' + "[" * 40 + "]" * 40 + "]", '42["a",{"b":NaN}]', '42["a",{"b":Infinity}]',
        '42["a",' + "9" * 500 + "]", '43["x"]', '431["x"]', "44", '450-["a"]', '46-["a"]', '42/x,["a"]',
        '42999999999999["a"]', '42\u0663["a"]', '41{"a":1}', "40[" * 500, "400.5", "401", "40-1", '42["a",{]',
    ],
)  # fmt: skip
def test_d2_what_is_no_packet_of_ours_never_reaches_the_libraries(packet):
    assert acceptable(packet) is False


@pytest.mark.parametrize(
    "packet", ["3", "1", "40", "40{}", "41", '42["message:post",{}]', '4217["a",{"b":[1,2]}]', '42["a"]']
)
def test_what_our_clients_send_passes(packet):
    assert acceptable(packet) is True


WRONG = [None, True, 1, 1.5, "text", [], [1], {}, {"x": 1}, {"channel_id": 1}, {"text": {"a": []}}, {"position": -1},
         {"position": 2**60}, {"position": 1.5}, {"workspace_id": "x"}, {"message_id": [], "text": 1}]  # fmt: skip
EVENTS = ["workspace:join", "message:post", "message:edit", "message:withdraw", "message:mark_read", "presence:typing"]


def test_d2_wrong_types_are_answered_with_problems_and_who_goes_on_is_cut_off(served, team, channel, cookie):
    async def scenario():
        before = served.rss()
        secret = cookie(team.admin)
        answered = 0
        for _ in range(4):
            line = await (await Line.open(served.port, secret)).connected()
            with contextlib.suppress(ConnectionError, TimeoutError, OSError):
                for wrong in WRONG * 7:
                    for event in EVENTS:
                        problem = (await line.emit(event, wrong, 5))["problem"]
                        assert problem["status"] in {400, 404, 422}, (event, wrong, problem)
                        assert problem["type"].startswith("/problems/")
                        answered += 1
            await asyncio.wait_for(line.closed.wait(), 3)
        assert 150 <= answered <= 300
        assert served.rss() - before <= 20 * MIB

    play(scenario)


def test_d2_ten_thousand_frames_of_nonsense_leave_the_worker_as_it_was(served, team, channel, cookie):
    async def scenario():
        before = served.rss()
        secret = cookie(team.admin)
        frames = 0
        while frames < 10_000:
            lines = [await (await Line.open(served.port, secret)).connected() for _ in range(10)]
            for line in lines:
                for number in range(100):
                    line.send(f'42{number}["message:post",{json.dumps(WRONG[number % len(WRONG)])}]')
                    frames += 1
            await asyncio.gather(*(asyncio.wait_for(line.closed.wait(), 20) for line in lines))
        assert served.rss() - before <= 20 * MIB
        calm = await (await Line.open(served.port, secret)).connected()
        wish = {"channel_id": str(channel), "topic": "t", "text": "x", "client_id": uuid4().hex}
        assert "problem" not in await calm.emit("message:post", wish)

    play(scenario)


def test_an_unknown_event_is_a_problem_and_no_silence(served, team, cookie):
    async def scenario():
        line = await (await Line.open(served.port, cookie(team.admin))).connected()
        answer = await line.emit("message:destroy", {})
        assert answer["problem"]["status"] == 400

    play(scenario)


def test_a_foreign_workspace_or_channel_is_absent_in_every_event(served, world, cookie):
    from tests.messaging.test_speaking import channel_in, say

    theirs, mine = world.workspace(), world.workspace()
    foreign = channel_in(theirs)
    message = say(theirs, theirs.admin, foreign)

    async def scenario():
        line = await (await Line.open(served.port, cookie(mine.admin))).connected()
        post = {"topic": "t", "text": "x", "client_id": uuid4().hex}
        wishes = {
            "workspace:join": {"workspace_id": str(theirs.id), "position": 0},
            "message:post": {"channel_id": str(foreign), **post},
            "message:edit": {"message_id": str(message.id), "text": "x"},
            "message:withdraw": {"message_id": str(message.id), "reason": "x"},
            "message:mark_read": {"channel_id": str(foreign), "topic": "x", "position": 0},
            "presence:typing": {"channel_id": str(foreign), "topic": "t"},
        }
        absent = {"workspace_id", "channel_id", "message_id"}
        for event, wish in wishes.items():
            there = await line.emit(event, wish)
            nowhere = await line.emit(event, {k: str(uuid4()) if k in absent else v for k, v in wish.items()})
            assert there == nowhere
            assert there["problem"]["status"] == 404

    play(scenario)
