"""A command line, parsed as the program itself parses it: up to the point where it would begin to work."""

import argparse
import functools
import json
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import pytest
import typer

from freshet.settings import PREFIX, Settings
from tests.commands.pages import ROOT

# What a reader fills in, and what a test puts there.
PLACEHOLDERS = {
    "[--partition-range FIRST...LAST]": "",
    "FIRST...LAST": "2024-03-01...2024-03-09",
    "NUMBER": "1",
    "DAY": "2024-03-01",
    "{where}": "2024-03-01",  # of a gate's rule: the day
    "FILE…": "export.csv",
    "FILES…": "export.csv",
    "…": "x",
    "[--mapping M]": "--mapping M",
    "[--date D]": "--date 2024-03-01",
}
OTHERS = ("uvx", "source", "torchrun")  # not ours: only that the line is whole


class WrongCommandError(AssertionError):
    """A line that would not do what it says."""


class Parsed(Exception):  # noqa: N818 - no error: what ends a program once its words are understood
    """The program understood its words."""


def parse_line(text: str, first_day: date, *, mention: bool = False) -> None:
    """Raise WrongCommandError unless the line would run.

    first_day: FRESHET_FIRST_DAY where the line stands. mention: the name alone, without its arguments, is enough.
    """
    for placeholder, value in PLACEHOLDERS.items():
        text = re.sub(rf"(?<!\w){re.escape(placeholder)}(?!\w)", value, text)
    words = shlex.split(text, comments=True)
    if "|" in words:
        words = words[: words.index("|")]
    words = words[1:] if words[0] == "export" else words
    while words and "=" in words[0].partition(" ")[0] and not words[0].startswith("-"):
        _setting(*words.pop(0).split("=", 1))
    if words:
        _program(words, first_day, mention)


def _program(words: list[str], first_day: date, mention: bool) -> None:
    name, rest = words[0].removeprefix(".venv/bin/"), words[1:]
    if name == "dagster":
        _dagster(rest, first_day, mention)
    elif name == "freshet":
        _freshet(rest, mention)
    elif name == "make":
        _ran(["make", "-n", *rest])
    elif name == "python" and rest[:1] == ["-m"]:
        _module(rest[1], rest[2:])
    elif name == "curl":
        _request(rest)
    elif name not in OTHERS:
        raise WrongCommandError(f"{name} is no program that this test knows")


def _setting(name: str, value: str) -> None:
    if name.startswith(PREFIX):
        field = name.removeprefix(PREFIX).lower()
        if field not in Settings.model_fields:
            raise WrongCommandError(f"{name} is no setting")
        Settings(_env_file=None, **{field: value})


def _ran(words: Sequence[str]) -> None:
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise WrongCommandError(done.stderr)


# click and typer


def _parsed(command: Any, name: str, words: Sequence[str], mention: bool = False) -> Any:
    """The context in which the command would be called."""
    words = list(words)
    while words and words[0] in getattr(command, "commands", {}):
        name = words.pop(0)
        command = command.commands[name]
    if mention and not words:
        return None
    try:
        return command.make_context(name, words)
    except Exception as error:
        if hasattr(error, "format_message"):  # click's own, or the copy that typer brings
            raise WrongCommandError(error.format_message()) from None
        raise


@functools.cache
def _app() -> Any:
    from freshet.cli.main import app

    return typer.main.get_command(app)


def _freshet(words: Sequence[str], mention: bool) -> None:
    context = _parsed(_app(), "freshet", words, mention)
    if context is None or getattr(context.command, "invoke_without_command", False):
        return
    if hasattr(context.command, "commands"):
        raise WrongCommandError(f"freshet has no command {words[0] if words else ''}")


def _module(name: str, words: Sequence[str]) -> None:
    """`python -m name`: run up to the end of its parser."""
    source = ROOT / name.replace(".", "/")
    source = source / "__main__.py" if source.is_dir() else source.with_suffix(".py")
    if not source.is_file():
        raise WrongCommandError(f"there is no module {name}")
    if not any(parser in source.read_text() for parser in ("ArgumentParser", "entry.run(")):
        raise WrongCommandError(f"{name} has no parser: it would run")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(argparse.ArgumentParser, "parse_args", _stopping(argparse.ArgumentParser.parse_args))
        patched.setattr(typer, "run", _typer_parsed)
        patched.setattr(sys, "argv", [str(source), *words])
        try:
            runpy.run_path(str(source), run_name="__main__")
        except Parsed:
            return
        except SystemExit as ended:
            raise WrongCommandError(f"{name} does not take {' '.join(words)}") from ended
    raise WrongCommandError(f"{name} parsed nothing")


def _stopping(parse_args: Callable[..., Any]) -> Callable[..., Any]:
    def parse(parser: argparse.ArgumentParser, *given: Any) -> Any:
        parse_args(parser, *given)
        raise Parsed

    return parse


def _typer_parsed(main: Callable[..., Any]) -> None:
    app = typer.Typer()
    app.command()(main)
    _parsed(typer.main.get_command(app), "main", sys.argv[1:])
    raise Parsed


# dagster


def _dagster(words: Sequence[str], first_day: date, mention: bool) -> None:
    from dagster._cli import create_dagster_cli

    context = _parsed(create_dagster_cli(), "dagster", words, mention)
    if context is not None and words[0] in ("asset", "job"):
        _selected(dict(context.params), first_day)


def _selected(params: dict[str, Any], first_day: date) -> None:
    """What Dagster does before it begins a run: definitions, selection, days, configuration."""
    import dagster as dg

    repository = _repository(params)
    try:
        job = _job(repository, params)
        dg.validate_run_config(job, json.loads(params.get("config_json") or "{}"))
    except dg.DagsterError as error:
        raise WrongCommandError(str(error)) from None
    daily = any(job.asset_layer.get(key).is_partitioned for key in job.asset_layer.selected_asset_keys)
    _days(params.get("partition_range"), params.get("partition"), first_day, daily=daily)


def _job(repository: Any, params: dict[str, Any]) -> Any:
    import dagster as dg

    if "select" not in params:
        return repository.get_job(params["job_name"])
    keys = dg.AssetSelection.from_coercible(params["select"].split(",")).resolve(repository.asset_graph)
    return repository.get_implicit_job_def_for_assets(keys).get_subset(asset_selection=keys)


def _repository(params: dict[str, Any]) -> Any:
    """The definitions that the line names."""
    from dagster._cli.workspace.cli_target import PythonPointerOpts, get_repository_python_origin_from_cli_opts
    from dagster._utils.hosted_user_process import recon_repository_from_origin

    try:
        origin = get_repository_python_origin_from_cli_opts(PythonPointerOpts.extract_from_cli_options(params))
    except Exception as error:
        if hasattr(error, "format_message"):
            raise WrongCommandError(error.format_message()) from None
        raise
    return recon_repository_from_origin(origin).get_definition()


def _days(several: str | None, one: str | None, first_day: date, *, daily: bool) -> None:
    days = several.split("...") if several else [one] * 2 if one else []
    if daily != bool(days):
        raise WrongCommandError("a selection with daily tables needs days, another takes none")
    if days and not first_day <= date.fromisoformat(days[0]) <= date.fromisoformat(days[1]):
        raise WrongCommandError(f"{days[0]} to {days[1]} are no days from {first_day} on")


# curl


@functools.cache
def _routes() -> dict[tuple[str, ...], set[str]]:
    """Path, split, `*` for a parameter → methods."""
    from freshet.serving.app import ROUTES

    found: dict[tuple[str, ...], set[str]] = {}
    for handler in ROUTES:
        for path in handler.paths:
            parts = tuple("*" if part.startswith("{") else part for part in path.split("/"))
            found.setdefault(parts, set()).update(handler.http_methods)
    return found


def _request(words: Sequence[str]) -> None:
    url = next(word for word in words if "/" in word and not word.startswith(("-", "{", "[")))
    body = words[words.index("-d") + 1] if "-d" in words else None
    if body is not None:
        json.loads(body)
    path = urlsplit("//" + url).path.split("/")
    fits = [
        methods
        for parts, methods in _routes().items()
        if len(parts) == len(path) and all(a in ("*", b) for a, b in zip(parts, path, strict=True))
    ]
    method = "GET" if body is None else "POST"
    if not any(method in methods for methods in fits):
        raise WrongCommandError(f"the gateway has no {method} {'/'.join(path)}")
