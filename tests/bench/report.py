"""Show the results of a run: a table for people, JSON for comparing runs."""

import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from tests.bench.measure import Memory
from tests.bench.plan import AT_ONCE, CUSTOMERS, Phase, Report
from tests.bench.tenants import ORGANIZATIONS

ONE, TWO = "questions, saturated", "questions, saturated, two workers"


def as_data(report: Report, seconds: float) -> dict[str, object]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "arch": platform.machine()},
        "customers": CUSTOMERS,
        "at_once": AT_ONCE,
        "seconds": round(seconds, 1),
        "round_trips_per_second": round(report.phase(ONE).outcome.rate),
        "round_trips_per_second_of_the_bus": round(report.phase("greetings, saturated").outcome.rate),
        "two_workers_against_one": round(gain(report), 2),
        "phases": {phase.name: _phase(phase) for phase in report.phases},
        "idle_organizations": {
            "organizations": ORGANIZATIONS,
            "cores": {who: round(cores, 4) for who, cores in report.tenants.items()},
            "memory_mib": _memory(report.tenants_memory),
        },
        "memory_mib": {"idle": _memory(report.idle), "loaded": _memory(report.loaded)},
        "lost": sum(lost(phase) for phase in report.phases),
        "unasked": report.unasked,
        "complaints": report.complaints,
    }


def gain(report: Report) -> float:
    return report.phase(TWO).outcome.rate / max(1.0, report.phase(ONE).outcome.rate)


def lost(phase: Phase) -> int:
    return phase.outcome.sent - phase.outcome.answered - phase.outcome.refused


def _phase(phase: Phase) -> dict[str, object]:
    outcome = phase.outcome
    return {
        "sent": outcome.sent,
        "answered": outcome.answered,
        "refused": outcome.refused,
        "per_second": round(outcome.rate, 1),
        "p50_ms": round(outcome.quantile(0.5) * 1000, 1),
        "p99_ms": round(outcome.quantile(0.99) * 1000, 1),
        "cpu_ms": {who: round(ms, 3) for who, ms in phase.cpu.items()},
        "cores_busy_elsewhere": round(phase.elsewhere, 2),
        "cpu_ms_of_the_product": round(sum(ms for who, ms in phase.cpu.items() if who != "load"), 3),
    }


def _memory(memory: Mapping[str, Memory]) -> dict[str, dict[str, float]]:
    return {who: {"rss": round(held.rss, 1), "pss": round(held.pss, 1)} for who, held in memory.items()}


def show(report: Report, console: Console) -> None:
    processes = ["serve", "work", "work 2", "PostgreSQL", "Valkey", "load"]
    table = Table(title="Round trips: signed webhook in, committed, answered, reply at the platform")
    table.add_column("phase")
    for heading in ("answered", "per s", "p50 ms", "p99 ms", *(f"{who}\nCPU ms" for who in processes)):
        table.add_column(heading, justify="right")
    table.add_column("cores busy\nelsewhere", justify="right")
    for phase in report.phases:
        if phase.name.startswith("warm-up"):
            continue
        outcome = phase.outcome
        table.add_row(
            phase.name,
            str(outcome.answered),
            f"{outcome.rate:.0f}",
            f"{outcome.quantile(0.5) * 1000:.1f}",
            f"{outcome.quantile(0.99) * 1000:.1f}",
            *(f"{phase.cpu[who]:.2f}" if who in phase.cpu else "" for who in processes),
            f"{phase.elsewhere:.1f}",
        )
    console.print(table)
    weights = Table(title="Memory, MiB (PSS shares out what processes map together)")
    weights.add_column("process")
    for heading in ("idle RSS", "idle PSS", "after load RSS", "after load PSS"):
        weights.add_column(heading, justify="right")
    for who, held in report.idle.items():
        after = report.loaded[who]
        weights.add_row(who, f"{held.rss:.0f}", f"{held.pss:.0f}", f"{after.rss:.0f}", f"{after.pss:.0f}")
    console.print(weights)
    many = Table(title=f"Idle with {ORGANIZATIONS} organizations more, each with five webhook accounts")
    for heading in ("process", "% of a core", "RSS MiB", "PSS MiB"):
        many.add_column(heading, justify="right")
    for who, cores in report.tenants.items():
        held = report.tenants_memory[who]
        many.add_row(who, f"{cores * 100:.1f}", f"{held.rss:.0f}", f"{held.pss:.0f}")
    console.print(many)
    console.print(f"Two workers against one: [bold]{gain(report):.2f}[/] times as many answers.")
    trouble = {
        "refused": sum(phase.outcome.refused for phase in report.phases),
        "not answered within 15 s": sum(lost(phase) for phase in report.phases),
        "answered twice": report.unasked,
        **report.complaints,
    }
    for what, count in trouble.items():
        if count:
            console.print(f"[bold red]{what}: {count}[/]")
