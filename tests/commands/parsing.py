"""Parse a command line as the program itself does, and stop before it would run."""

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

# A placeholder for the reader → the value that a test puts there.
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
OTHER_PROGRAMS = ("uvx", "source", "torchrun")  # not ours: their arguments are not parsed


class WrongCommandError(AssertionError):
    """A line that would fail."""


class ParsedError(Exception):
    """Raised to stop a program once it has parsed its arguments."""


def parse_line(text: str, first_day: date, *, is_mention: bool = False) -> None:
    """Raise WrongCommandError unless the line would run.

    first_day: FRESHET_FIRST_DAY on the line's page. is_mention: the name alone, without its arguments, is enough.
    """
    for placeholder, value in PLACEHOLDERS.items():
        text = re.sub(rf"(?<!\w){re.escape(placeholder)}(?!\w)", value, text)
    arguments = shlex.split(text, comments=True)
    if "|" in arguments:
        arguments = arguments[: arguments.index("|")]
    arguments = arguments[1:] if arguments[0] == "export" else arguments
    while arguments and "=" in arguments[0].partition(" ")[0] and not arguments[0].startswith("-"):
        _check_setting(*arguments.pop(0).split("=", 1))
    if arguments:
        _check_program(arguments, first_day, is_mention)


def _check_program(arguments_line: list[str], first_day: date, is_mention: bool) -> None:
    name, arguments = arguments_line[0].removeprefix(".venv/bin/"), arguments_line[1:]
    if name == "dagster":
        _check_dagster(arguments, first_day, is_mention)
    elif name == "freshet":
        _check_freshet(arguments, is_mention)
    elif name == "make":
        _run_to_end(["make", "-n", *arguments])
    elif name == "python" and arguments[:1] == ["-m"]:
        _check_module(arguments[1], arguments[2:])
    elif name == "curl":
        _check_request(arguments)
    elif name not in OTHER_PROGRAMS:
        raise WrongCommandError(f"{name} is not a program that this test knows")


def _check_setting(name: str, value: str) -> None:
    if name.startswith(PREFIX):
        field = name.removeprefix(PREFIX).lower()
        if field not in Settings.model_fields:
            raise WrongCommandError(f"{name} is not a setting")
        Settings(_env_file=None, **{field: value})


def _run_to_end(arguments: Sequence[str]) -> None:
    completed_process = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
    if completed_process.returncode:
        raise WrongCommandError(completed_process.stderr)


# click and typer


def _parse_with_click(command: Any, name: str, arguments: Sequence[str], is_mention: bool = False) -> Any:
    """The context in which the command would be called."""
    arguments = list(arguments)
    while arguments and arguments[0] in getattr(command, "commands", {}):
        name = arguments.pop(0)
        command = command.commands[name]
    if is_mention and not arguments:
        return None
    try:
        return command.make_context(name, arguments)
    except Exception as error:
        if hasattr(error, "format_message"):  # click's own, or the copy that typer brings
            raise WrongCommandError(error.format_message()) from None
        raise


@functools.cache
def _freshet_app() -> Any:
    from freshet.cli.main import app

    return typer.main.get_command(app)


def _check_freshet(arguments: Sequence[str], is_mention: bool) -> None:
    context = _parse_with_click(_freshet_app(), "freshet", arguments, is_mention)
    if context is None or getattr(context.command, "invoke_without_command", False):
        return
    if hasattr(context.command, "commands"):
        raise WrongCommandError(f"freshet has no command {arguments[0] if arguments else ''}")


def _check_module(name: str, arguments: Sequence[str]) -> None:
    """`python -m name`: run up to the end of its parser."""
    source = ROOT / name.replace(".", "/")
    source = source / "__main__.py" if source.is_dir() else source.with_suffix(".py")
    if not source.is_file():
        raise WrongCommandError(f"there is no module {name}")
    if not any(parser in source.read_text() for parser in ("ArgumentParser", "program_entry.run(")):
        raise WrongCommandError(f"{name} has no parser: it would run")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(argparse.ArgumentParser, "parse_args", _stop_after_parsing(argparse.ArgumentParser.parse_args))
        patched.setattr(typer, "run", _check_typer_main)
        patched.setattr(sys, "argv", [str(source), *arguments])
        try:
            runpy.run_path(str(source), run_name="__main__")
        except ParsedError:
            return
        except SystemExit as ended:
            raise WrongCommandError(f"{name} does not take {' '.join(arguments)}") from ended
    raise WrongCommandError(f"{name} parsed nothing")


def _stop_after_parsing(parse_args: Callable[..., Any]) -> Callable[..., Any]:
    def parse(parser: argparse.ArgumentParser, *arguments: Any) -> Any:
        parse_args(parser, *arguments)
        raise ParsedError

    return parse


def _check_typer_main(main: Callable[..., Any]) -> None:
    app = typer.Typer()
    app.command()(main)
    _parse_with_click(typer.main.get_command(app), "main", sys.argv[1:])
    raise ParsedError


# dagster


def _check_dagster(arguments: Sequence[str], first_day: date, is_mention: bool) -> None:
    from dagster._cli import create_dagster_cli

    context = _parse_with_click(create_dagster_cli(), "dagster", arguments, is_mention)
    if context is not None and arguments[0] in ("asset", "job"):
        _resolve_selection(dict(context.params), first_day)


def _resolve_selection(params: dict[str, Any], first_day: date) -> None:
    """Check what Dagster checks before a run: definitions, selection, days, configuration."""
    import dagster as dg

    repository = _load_repository(params)
    try:
        job = _resolve_job(repository, params)
        dg.validate_run_config(job, json.loads(params.get("config_json") or "{}"))
    except dg.DagsterError as error:
        raise WrongCommandError(str(error)) from None
    daily = any(job.asset_layer.get(key).is_partitioned for key in job.asset_layer.selected_asset_keys)
    _check_days(params.get("partition_range"), params.get("partition"), first_day, daily=daily)


def _resolve_job(repository: Any, params: dict[str, Any]) -> Any:
    import dagster as dg

    if "select" not in params:
        return repository.get_job(params["job_name"])
    keys = dg.AssetSelection.from_coercible(params["select"].split(",")).resolve(repository.asset_graph)
    return repository.get_implicit_job_def_for_assets(keys).get_subset(asset_selection=keys)


def _load_repository(params: dict[str, Any]) -> Any:
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


def _check_days(partition_range: str | None, partition: str | None, first_day: date, *, daily: bool) -> None:
    days = partition_range.split("...") if partition_range else [partition] * 2 if partition else []
    if daily != bool(days):
        raise WrongCommandError("a selection with daily tables needs days, any other takes none")
    if days and not first_day <= date.fromisoformat(days[0]) <= date.fromisoformat(days[1]):
        raise WrongCommandError(f"{days[0]} to {days[1]} is not a range of days from {first_day} on")


# curl


@functools.cache
def _gateway_routes() -> dict[tuple[str, ...], set[str]]:
    """Path, split, `*` for a parameter → methods."""
    from freshet.serving.http.app import ROUTES

    methods_by_path: dict[tuple[str, ...], set[str]] = {}
    for handler in ROUTES:
        for path in handler.paths:
            parts = tuple("*" if part.startswith("{") else part for part in path.split("/"))
            methods_by_path.setdefault(parts, set()).update(handler.http_methods)
    return methods_by_path


def _check_request(arguments: Sequence[str]) -> None:
    url = next(word for word in arguments if "/" in word and not word.startswith(("-", "{", "[")))
    body = arguments[arguments.index("-d") + 1] if "-d" in arguments else None
    if body is not None:
        json.loads(body)
    path = urlsplit("//" + url).path.split("/")
    fits = [
        methods
        for parts, methods in _gateway_routes().items()
        if len(parts) == len(path) and all(a in ("*", b) for a, b in zip(parts, path, strict=True))
    ]
    method = "GET" if body is None else "POST"
    if not any(method in methods for methods in fits):
        raise WrongCommandError(f"the gateway has no {method} {'/'.join(path)}")
