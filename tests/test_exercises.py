"""Exercises are fair: solvable, not solved by the stub, and not passed by mistakes."""

import ast
import functools
import importlib
import inspect
import subprocess
import sys

import pytest

from common.exercises import (
    ROOT,
    chapter_folder,
    chapters,
    copy_stubs,
    exercises,
    grade,
    main,
    report_lines,
)

FOLDERS = [pytest.param(folder, id=folder.name) for folder in chapters()]
each_chapter = pytest.mark.parametrize("folder", FOLDERS)


@functools.cache
def graded(folder, impl):
    """Grade once, look at it in several tests."""
    return grade(folder, impl)


def public(module, name):
    return getattr(importlib.import_module(module), name)


# How many the chapters that are told in depth have; any other has two at least.
LEAST = {"ch01_data": 6, "ch02_tokenization": 6}
LEAST |= {"ch03_attention": 8, "ch04_transformer": 8}


@each_chapter
def test_a_chapter_has_its_number_of_exercises_with_task_and_hint(folder):
    tasks = exercises(folder)
    assert len({task.number for task in tasks}) >= LEAST.get(folder.name, 2)
    for task in tasks:
        assert task.number.partition(".")[0] == str(int(folder.name[2:4])), task
        assert task.task and task.hint, f"{task.name}: no task or no 'Hint:' paragraph"


def test_the_chapters_in_depth_are_among_the_graded_ones():
    assert set(LEAST) <= {folder.name for folder in chapters()}


@each_chapter
def test_every_stub_is_an_exercise(folder):
    tree = ast.parse((folder / "exercises.py").read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.ClassDef)
    stubs = {node.name for node in tree.body if isinstance(node, kinds)}
    assert stubs == {task.name for task in exercises(folder)}


@each_chapter
def test_stub_and_solution_have_the_same_signature(folder):
    for task in exercises(folder):
        stub = public(f"{folder.name}.exercises", task.name)
        solution = public(f"{folder.name}.solutions", task.name)
        assert inspect.isclass(stub) == inspect.isclass(solution), task.name
        assert inspect.signature(stub) == inspect.signature(solution), task.name
        if inspect.isclass(stub):
            for name, method in vars(stub).items():
                if inspect.isfunction(method):
                    other = getattr(solution, name)
                    assert inspect.signature(method) == inspect.signature(other), name


@each_chapter
def test_the_solutions_pass_every_check(folder):
    checks = graded(folder, "solutions")
    assert {c.number for c in checks} == {task.number for task in exercises(folder)}
    assert not [check for check in checks if not check.passed]


@each_chapter
def test_an_untouched_stub_passes_no_check(folder):
    checks = graded(folder, "exercises")
    assert checks and not [check.test for check in checks if check.passed]
    assert not [check for check in checks if check.started], "a check fails for itself"


@each_chapter
def test_planted_mistakes_are_rejected_with_a_guess(folder):
    checks = graded(folder, "wrong")
    for task in exercises(folder):
        variants = {c.variant for c in checks if c.number == task.number}
        assert variants, f"no wrong answer planted for {task.number} {task.name}"
        for variant in sorted(variants):
            mine = [c for c in checks if c.variant == variant and not c.passed]
            assert mine, f"{folder.name}: the wrong answer {variant} passes every check"
            assert mine[0].message and not mine[0].message.startswith("assert "), (
                f"{mine[0].test} rejects {variant} without a message that guesses why"
            )


@each_chapter
def test_no_planted_mistake_is_forgotten(folder):
    chapter = folder.name[:4]
    module = importlib.import_module(f"tests.exercises.wrong.{chapter}")
    planted = {name for name in vars(module) if name.strip("_") and "__" in name[1:-1]}
    planted = {name for name in planted if not name.startswith("__")}
    used = {check.variant for check in graded(folder, "wrong")}
    assert planted == used, "a planted mistake is called name__what_is_wrong"


def test_grading_says_which_line_of_an_answer_failed(tmp_path):
    folder = chapters()[0]
    task = exercises(folder)[0]
    answer = copy_stubs(folder, tmp_path / "answers")
    stub = f'raise NotImplementedError("exercise {task.number}")'
    text = answer.read_text(encoding="utf-8").replace(stub, "return 1 // 0", 1)
    answer.write_text(text, encoding="utf-8")
    lines = report_lines(folder, grade(folder, "answers", answer.parent))
    assert "not yet: ZeroDivisionError" in lines[0] and "1 // 0" in lines[0]
    assert lines[1].endswith("not yet: not started")


def test_grading_never_overwrites_the_readers_work(tmp_path):
    folder = chapters()[0]
    answer = copy_stubs(folder, tmp_path)
    assert answer.read_bytes() == (folder / "exercises.py").read_bytes()
    answer.write_text("mine = 1\n", encoding="utf-8")
    assert copy_stubs(folder, tmp_path) == answer
    assert answer.read_text(encoding="utf-8") == "mine = 1\n"
    lines = report_lines(folder, grade(folder, "answers", tmp_path))
    assert "is not defined: copy its stub from the chapter" in lines[0]


def test_an_answer_that_does_not_load_is_one_line(tmp_path):
    folder = chapters()[0]
    (tmp_path / f"{folder.name[:4]}.py").write_text("x = 1\nx = (\n", encoding="utf-8")
    first = report_lines(folder, grade(folder, "answers", tmp_path))[0]
    assert "not yet: line 2 of" in first and "was never closed" in first


def test_an_unknown_chapter_or_hint_is_one_clear_line(capsys):
    assert main(["77"]) == 2
    assert capsys.readouterr().err.startswith("error: no exercises for chapter '77'")
    chapter = chapters()[0].name[2:4]
    assert main([chapter, "--hint", "9.99"]) == 2
    assert "there are:" in capsys.readouterr().err
    assert chapter_folder(str(int(chapter))) == chapters()[0]


def test_the_command_lists_every_exercise_and_gives_hints(capsys):
    assert main(["--list"]) == 0
    listed = capsys.readouterr().out
    for folder in chapters():
        for task in exercises(folder):
            assert f"{task.number:<5} {task.name}" in listed
    task = exercises(chapters()[0])[0]
    assert main([chapters()[0].name[2:4], "--hint", task.number]) == 0
    assert capsys.readouterr().out == f"{task.number}: {task.hint}\n"


def test_the_checks_run_under_plain_pytest_too():
    command = [sys.executable, "-m", "pytest", "-q", "--impl=exercises"]
    file = f"tests/exercises/test_{chapters()[0].name[:4]}.py"
    done = subprocess.run(
        [*command, file], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stdout
    assert "passed" not in done.stdout.splitlines()[-1]
