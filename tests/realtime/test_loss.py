"""D5, X1, X3: what was acknowledged is stored; everybody ends with the same messages in the same order, none twice."""

import asyncio
import contextlib
import random
import threading
import time
from uuid import uuid4

import psycopg
from sqlalchemy import text

from jit_server.core.bus import Bus, Hint, address, parse
from tests.realtime.line import Line, Refused, play

CLIENTS, MESSAGES = 50, 4_000


class Client:
    """As the browser's client: keeps what is not acknowledged, comes back after a cut, asks from its position on."""

    def __init__(self, port, cookie, workspace_id, channel_id):
        self.port, self.cookie, self.workspace, self.channel = port, cookie, workspace_id, channel_id
        self.line = None
        self.position = 2**53 - 1
        self.seen = []
        self.acknowledged = {}

    async def _open(self):
        line = await (await Line.open(self.port, self.cookie)).connected(5)
        line.position = 0
        answer = await line.join(self.workspace, self.position)
        assert "problem" not in answer, answer
        if self.position == 2**53 - 1:
            self.position = answer["position"]
        assert answer["gap"] is False or not self.seen
        self.line = line

    async def come_back(self):
        """A connection, whatever happens; what was heard on the old one counts."""
        self.collect()
        while True:
            with contextlib.suppress(OSError, ConnectionError, TimeoutError, Refused, asyncio.IncompleteReadError):
                await self._open()
                return
            await asyncio.sleep(0.1 + random.random() / 5)

    def collect(self):
        if self.line is not None:
            for one in self.line.events("message:posted"):
                self.seen.append((one["position"], one["message"]["id"]))
                self.position = max(self.position, one["position"])
            self.line.heard.clear()

    async def say(self, count):
        for number in range(count):
            wish = {"channel_id": str(self.channel), "topic": "t", "text": str(number), "client_id": uuid4().hex}
            while wish["client_id"] not in self.acknowledged:
                try:
                    answer = await self.line.emit("message:post", wish, 5)
                except (ConnectionError, TimeoutError, OSError):
                    await self.come_back()
                    continue
                if "problem" in answer:
                    assert answer["problem"]["status"] == 503, answer
                    await asyncio.sleep(0.2)
                    continue
                self.acknowledged[wish["client_id"]] = answer["position"]


def test_d5_no_loss_no_repetition_one_order_although_a_worker_is_killed(start, world, cookie, owner_engine):
    from tests.messaging.test_speaking import channel_in

    team = world.workspace()
    channel = channel_in(team)
    secrets = [cookie(team.join("FR")) for _ in range(10)]
    served = start(workers=2)

    async def scenario():
        clients = [Client(served.port, secrets[n % 10], team.id, channel) for n in range(CLIENTS)]
        for client in clients:
            await client.come_back()
        started = time.monotonic()
        talk = [asyncio.create_task(client.say(MESSAGES // CLIENTS)) for client in clients]

        async def nemesis():
            while sum(len(client.acknowledged) for client in clients) < MESSAGES // 3:  # noqa: ASYNC110 - 50 clients count
                await asyncio.sleep(0.05)
            served.workers[0].kill()

        await asyncio.gather(nemesis(), *talk)
        rate = MESSAGES / (time.monotonic() - started)
        last = max(max(client.acknowledged.values()) for client in clients)
        for client in clients:
            while not client.seen or client.seen[-1][0] < last:
                assert time.monotonic() - started < 200, f"{client.seen[-1:]} is not {last}: {served.log()}"
                if client.line.closed.is_set():
                    await client.come_back()
                await asyncio.sleep(0.05)
                client.collect()
        return clients, rate

    clients, rate = play(scenario)
    with owner_engine.connect() as connection:
        rows = connection.execute(
            text("SELECT position, id, client_id FROM message WHERE workspace_id = :w ORDER BY position"),
            {"w": team.id},
        ).all()
    stored = [(position, str(message)) for position, message, _ in rows]
    kept = {client_id: position for position, _, client_id in rows}
    acknowledged = {name: position for client in clients for name, position in client.acknowledged.items()}
    print(f"D5: {MESSAGES} messages, {rate:.0f}/s, one worker of two killed")
    assert len(acknowledged) == MESSAGES
    assert acknowledged.items() <= kept.items()
    assert len(kept) == MESSAGES
    for client in clients:
        assert client.seen == stored


def test_a_worker_that_leaves_says_so_and_its_sockets_go_on_elsewhere(start, world, cookie):
    from tests.messaging.test_speaking import channel_in

    team = world.workspace()
    channel = channel_in(team)
    secret = cookie(team.admin)
    served = start(workers=2)

    async def scenario():
        clients = [Client(served.port, secret, team.id, channel) for _ in range(8)]
        for client in clients:
            await client.come_back()
        leaving = max(served.workers, key=lambda worker: len(worker.net_connections("tcp")))  # who has sockets to lose
        started = time.monotonic()
        leaving.terminate()
        await asyncio.to_thread(leaving.wait, 10)
        assert time.monotonic() - started < 5
        told = [client for client in clients if client.line.closed.is_set()]
        assert told
        assert {client.line.close_code for client in told} == {1001}
        for client in told:
            await client.come_back()
        await clients[0].say(1)
        for client in clients:
            await client.line.until(lambda line=client.line: line.events("message:posted"), 5)

    play(scenario)


def bus_backends(settings):
    superuser = address(settings.database_owner_url).replace("jit_owner@", "postgres@")
    return psycopg.connect(superuser, autocommit=True)


def test_x3_a_bus_that_is_cut_again_and_again_delays_and_loses_nothing(start, world, settings, cookie):
    from tests.messaging.test_speaking import channel_in

    team = world.workspace()
    channel = channel_in(team)
    served = start(workers=2)
    stop = threading.Event()

    def nemesis():
        with bus_backends(settings) as connection:
            while not stop.is_set():
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'jit bus%'"
                )
                stop.wait(0.3)

    async def scenario():
        reader = await (await Line.open(served.port, cookie(team.leaders["FR"]))).connected()
        speaker = await (await Line.open(served.port, cookie(team.admin))).connected()
        for line in (reader, speaker):
            await line.join(team.id, 2**53 - 1)
        cutter = threading.Thread(target=nemesis)
        cutter.start()
        try:
            said, delays = [], []
            for _ in range(40):
                wish = {"channel_id": str(channel), "topic": "t", "text": "x", "client_id": uuid4().hex}
                said.append((await speaker.emit("message:post", wish))["position"])
                acknowledged = time.monotonic()
                await reader.until(lambda: said[-1] <= reader.position, 10)
                delays.append(time.monotonic() - acknowledged)
        finally:
            stop.set()
            cutter.join()
        assert [one["position"] for one in reader.events("message:posted")] == said
        print(f"X3: worst delay {max(delays):.2f} s")
        assert max(delays) <= 10

    play(scenario)
    assert "bus.lost" in served.log()


def test_d6_a_forged_hint_costs_a_read_and_gives_nothing(served, team, channel, settings, cookie):
    async def scenario():
        line = await (await Line.open(served.port, cookie(team.admin))).connected()
        await line.join(team.id, 2**53 - 1)
        await asyncio.sleep(0.6)
        line.heard.clear()
        payloads = [
            f"{team.id} 999999999", f"{team.id} 0", f"{uuid4()} 5", "", "x", "{}", "\x80\x04K\x01.", "a" * 7000,
            f"{team.id} -1", f"{team.id} 99999999999999999999", f"{str(team.id).upper()} 5", f"{team.id}  5",
            '{"method": "emit", "event": "message:posted", "data": ["forged"]}', f"{team.id} 5\n", "' OR 1=1 --",
        ]  # fmt: skip
        with bus_backends(settings) as connection:
            for payload in payloads * 20:
                for channel_name in ("jit_log", "jit_presence"):
                    connection.execute("SELECT pg_notify(%s, %s)", [channel_name, payload])
        await asyncio.sleep(1)
        assert line.heard == []
        assert not line.closed.is_set()
        wish = {"channel_id": str(channel), "topic": "t", "text": "x", "client_id": uuid4().hex}
        kept = await line.emit("message:post", wish)
        await line.until(lambda: line.events("message:posted"), 5)
        assert line.events("message:posted")[0]["message"] == kept

    play(scenario)


def test_hints_are_merged_to_the_highest_position_and_heard_by_everyone(settings):
    workspace, heard, resumed = uuid4(), [], threading.Event()
    teller, listener = Bus(settings.database_url), Bus(settings.database_url)
    try:
        listener.listen(lambda channel, hint: heard.append((channel, hint)), resumed.set)
        assert resumed.wait(5)
        for position in range(1, 501):
            teller.hint(workspace, position)
        deadline = time.monotonic() + 5
        while (not heard or heard[-1] != ("jit_log", Hint(workspace, 500))) and time.monotonic() < deadline:
            time.sleep(0.01)
        positions = [hint.position for _, hint in heard]
        assert positions == sorted(positions)
        assert positions[-1] == 500
        assert len(positions) < 500
    finally:
        teller.close()
        listener.close()


def test_a_bus_without_a_database_neither_blocks_nor_fails():
    bus = Bus("postgresql://nobody@/nothing?host=/nonexistent")
    before = time.monotonic()
    for position in range(20_000):
        bus.hint(uuid4(), position)
    assert time.monotonic() - before < 2
    bus.close()


def test_a_payload_is_a_hint_or_nothing():
    workspace = uuid4()
    assert parse(f"{workspace} 7") == Hint(workspace, 7)
    for payload in ("", "7", str(workspace), f"{workspace} 07", f"{workspace} 7 ", f"{workspace} ٧", f"{workspace}\n7"):
        assert parse(payload) is None
