"""Grade the reader's answers with the very checks that the book's own solutions pass.

    python -m common.exercises --list          every exercise of the book
    python -m common.exercises 03              copy the stubs, grade answers/ch03.py
    python -m common.exercises 03 --hint 3.1   one hint

The stubs of chapter 3 (ch03_attention/exercises.py) are copied once to answers/ch03.py,
which git ignores: the reader's work is never overwritten, and a pull never meets it.
"""

import argparse
import ast
import contextlib
import io
import re
import traceback
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from ch01_data.files import run_command, write_text

ROOT = Path(__file__).resolve().parents[1]
ANSWERS = ROOT / "answers"
CHECKS = ROOT / "tests" / "exercises"


@dataclass(frozen=True)
class Exercise:
    """One stub: its number ("3.1"), the name to define, what to do, and a hint."""

    number: str
    name: str
    task: str
    hint: str


@dataclass(frozen=True)
class Check:
    """The outcome of one check; the message of a failed one guesses the bug."""

    number: str
    test: str
    variant: str | None
    passed: bool
    started: bool
    message: str


def chapter_folder(chapter: str) -> Path:
    """Find the folder of a chapter given as "3", "03" or "ch03".

    Raises:  ValueError if there is no such chapter with exercises.
    """
    digits = chapter.lower().removeprefix("ch")
    if digits.isdigit():
        for path in sorted(ROOT.glob(f"ch{int(digits):02d}_*/exercises.py")):
            return path.parent
    known = ", ".join(folder.name[2:4] for folder in chapters())
    raise ValueError(f"no exercises for chapter {chapter!r}; there are: {known}")


def chapters() -> list[Path]:
    """List the folders of all chapters that have exercises."""
    return sorted(path.parent for path in ROOT.glob("ch*/exercises.py"))


def exercises(folder: Path) -> list[Exercise]:
    """Read a chapter's exercises from its stubs, without running them."""
    tree = ast.parse((folder / "exercises.py").read_text(encoding="utf-8"))
    found = []
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            for number in sorted(set(_numbers(node))):
                task, _, hint = (ast.get_docstring(node) or "").partition("Hint:")
                task, hint = task.partition("\n\n")[0], hint.partition("\n\n")[0]
                words = [" ".join(text.split()) for text in (task, hint)]
                found.append(Exercise(number, node.name, *words))
    return found


def _numbers(node: ast.AST) -> Iterator[str]:
    """Yield "3.1" for every `raise NotImplementedError("exercise 3.1")` inside."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Raise) and isinstance(inner.exc, ast.Call):
            match = re.fullmatch(
                r"NotImplementedError\('exercise (\d+\.\d+)'\)", ast.unparse(inner.exc)
            )
            if match:
                yield match[1]


def copy_stubs(folder: Path, answers: Path = ANSWERS) -> Path:
    """Copy a chapter's stubs to the reader's folder, unless there is work already."""
    answer = answers / f"{folder.name[:4]}.py"
    if not answer.exists():
        stubs = (folder / "exercises.py").read_text(encoding="utf-8")
        write_text(answer, stubs)
    return answer


def grade(folder: Path, impl: str = "answers", answers: Path = ANSWERS) -> list[Check]:
    """Run a chapter's checks on an implementation and return what each one said.

    `impl` is "answers", "exercises" (the untouched stubs), "solutions" or "wrong"
    (planted mistakes: then a check has one outcome for each variant).

    Raises:  ValueError if the checks themselves cannot be run.
    """
    file = CHECKS / f"test_{folder.name[:4]}.py"
    recorder = _Recorder()
    options = [f"--impl={impl}", f"--answers={answers}", f"--rootdir={ROOT}"]
    plain = ["-q", "--capture=sys", "-p", "no:cacheprovider", "-p", "no:xdist"]
    with contextlib.redirect_stdout(io.StringIO()) as output:
        status = pytest.main([str(file), *options, *plain], plugins=[recorder])
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise ValueError(f"the checks in {file.name} did not run: {output.getvalue()}")
    return recorder.checks


class _Recorder:
    """A pytest plugin that keeps one `Check` for every check that ran."""

    def __init__(self) -> None:
        self.checks: list[Check] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if call.when == "call" or report.failed:
            number = re.match(r"test_(\d+)_(\d+)_", item.name)
            params = item.callspec.params if hasattr(item, "callspec") else {}
            error = call.excinfo.value if call.excinfo else None
            check = Check(
                number=f"{number[1]}.{number[2]}" if number else "",
                test=item.name,
                variant=params.get("impl"),
                passed=report.passed,
                started=not isinstance(error, NotImplementedError),
                message=explain(error) if error else "",
            )
            self.checks.append(check)
        return report


def explain(error: BaseException) -> str:
    """Say in one line what a failed check found.

    A failed assertion says it itself; anything else that the answer raised is named
    with its place in the answer.
    """
    text = " ".join(str(error).partition("\nassert ")[0].split())
    if isinstance(error, AssertionError):
        return text
    if isinstance(error, NotImplementedError):
        return "not started"
    if isinstance(error, AttributeError) and isinstance(error.obj, ModuleType):
        return f"{error.name} is not defined: copy its stub from the chapter"
    places = [f for f in traceback.extract_tb(error.__traceback__) if _is_answer(f)]
    where = f" (line {places[-1].lineno}: {places[-1].line})" if places else ""
    return f"{type(error).__name__}: {text}{where}"


def _is_answer(frame: traceback.FrameSummary) -> bool:
    """Tell the reader's code from the checks and the libraries."""
    path = Path(frame.filename)
    return path.parent.name == ANSWERS.name and path.stem.startswith("ch")


def report_lines(folder: Path, checks: list[Check]) -> list[str]:
    """Say for each exercise whether it passed, or what its first failed check says."""
    lines, done = [], 0
    tasks = exercises(folder)
    for task in tasks:
        mine = [check for check in checks if check.number == task.number]
        failed = next((check for check in mine if not check.passed), None)
        done += failed is None
        verdict = f"not yet: {failed.message}" if failed else "passed"
        lines.append(f"{task.number:<5} {task.name:<24} {verdict}")
    lines.append(f"{done} of {len(tasks)} exercises of {folder.name} passed")
    return lines


def show_hint(folder: Path, number: str) -> str:
    """Return the hint of one exercise.

    Raises:  ValueError if the chapter has no such exercise.
    """
    hints = {task.number: task.hint for task in exercises(folder)}
    if number not in hints:
        raise ValueError(f"no exercise {number!r}; there are: {', '.join(hints)}")
    return f"{number}: {hints[number]}"


def main(argv: list[str] | None = None) -> int:
    """Grade your answers to the exercises of a chapter."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("chapter", nargs="?", help="a chapter's number, such as 03")
    parser.add_argument("--list", action="store_true", help="list every exercise")
    parser.add_argument("--hint", metavar="N.M", help="show the hint of one exercise")
    args = parser.parse_args(argv)

    def run() -> None:
        if args.list or args.chapter is None:
            folders = [chapter_folder(args.chapter)] if args.chapter else chapters()
            for task in (task for folder in folders for task in exercises(folder)):
                print(f"{task.number:<5} {task.name:<24} {task.task}")
            return
        folder = chapter_folder(args.chapter)
        if args.hint:
            print(show_hint(folder, args.hint))
            return
        answer = copy_stubs(folder)
        print(f"Your work: {answer.relative_to(ROOT)}")
        print("\n".join(report_lines(folder, grade(folder))))
        print(f"A hint: python -m common.exercises {folder.name[2:4]} --hint N.M")

    return run_command(run)


if __name__ == "__main__":
    raise SystemExit(main())
