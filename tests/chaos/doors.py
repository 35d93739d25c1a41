"""The phones' door in a process that is killed: eight send through it, each waiting for its answer before the next."""

from __future__ import annotations

import os
import random
import threading
import time

from field_office import submission

from chaos.ground import Ground, definitions
from chaos.writers import CONTEXT, HANDS, acknowledged, acks, is_watched
from collect.openrosa.door import ACCEPTED, Door, Sending
from collect.openrosa.fold import fold
from collect.problems import CollectError
from collect.store import open_store


def take_in(where: Ground, begin: list[int]) -> None:
    """What the killed process does: eight senders at one door."""
    store = open_store(where.settings)
    door = Door(lambda: store)

    def send(sender: int) -> None:
        told = os.open(acks(where, sender), os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        number = begin[sender]
        while True:
            name = f"d{sender}n{number}"
            data = submission({"id": name, "size": "1", "remark": f"remark of {name}"}).encode()
            try:
                outcome = door.send(Sending("hh", f"uuid:{name}", "1", "", data, f"team {sender % 2}")).result()
            except CollectError:
                time.sleep(0.05)
                continue
            assert outcome in ACCEPTED
            os.write(told, f"{name}\n".encode())
            number += 1

    for sender in range(HANDS):
        threading.Thread(target=send, args=(sender,), daemon=True).start()
    while is_watched():
        time.sleep(1.0)


def kill_door(where: Ground, kills: int, chance: random.Random) -> set[str]:
    """Kill the door at random moments, start it again each time, then make tables. Returns what was acknowledged."""
    for _ in range(kills):
        said = [len(acknowledged(where, sender)) for sender in range(HANDS)]
        begin = [max(0, count - 1) for count in said]  # the last one again: who can know that it was told?
        process = CONTEXT.Process(target=take_in, args=(where, begin), daemon=True)
        process.start()
        while len(acknowledged(where)) <= sum(said) + HANDS and process.is_alive():
            time.sleep(0.005)
        time.sleep(chance.uniform(0.0, 0.3))
        process.kill()
        process.join()
    with where.store() as store:
        fold(store, definitions())
    return set(acknowledged(where))
