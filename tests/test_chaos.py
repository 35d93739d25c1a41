"""A small version of every fault of `make chaos`: nothing acknowledged is lost, nothing is counted twice."""

from __future__ import annotations

import os

import databases
import pytest
from chaos import faults


def held(found: faults.Outcome) -> None:
    assert found.holds, f"{found.fault}: {found.happened}"


def test_a_power_cut_takes_nothing_that_was_acknowledged() -> None:
    held(faults.power_cut(every=40, uploads=2))


def test_a_power_cut_takes_nothing_that_a_phone_was_told_is_received() -> None:
    held(faults.power_cut_on_phones(every=60, submissions=8))


def test_a_writer_killed_at_any_moment_leaves_nothing_torn() -> None:
    held(faults.killed("", kills=3))


def test_what_a_killed_writer_leaves_in_no_upload_is_told_and_taken_up(database: str) -> None:
    held(faults.cut_off(database, kills=3))


def test_the_phones_door_killed_at_any_moment_keeps_what_it_acknowledged() -> None:
    held(faults.door_killed("", kills=2))


def test_a_full_disk_is_told_in_words_and_mended_by_room() -> None:
    held(faults.disk_full("", step_kb=24))


def test_a_registry_held_by_somebody_else_is_told_in_words(database: str) -> None:
    held(faults.locked(database))


def test_moments_follow_the_order_of_arrival_when_the_clock_jumps_back() -> None:
    held(faults.clock_back(""))


def test_harmed_parts_are_found_and_mended() -> None:
    held(faults.harmed_parts(""))


def test_a_corrupted_page_is_found_and_mended() -> None:
    held(faults.corrupted_page())


@pytest.mark.skipif(not databases.available() and not os.environ.get("CI"), reason="PostgreSQL 15 is not installed")
def test_a_server_that_restarts_loses_nothing() -> None:
    with databases.postgresql(durable=True) as server, server.database() as url:
        held(faults.restarted(server, url, times=1))
