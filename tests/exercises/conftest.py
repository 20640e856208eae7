"""The `impl` fixture: whose work the checks of this folder grade (--impl)."""

import importlib
import importlib.util
import re
from types import SimpleNamespace

import pytest

from common.exercises import chapter_folder, exercises


def chapter_of(module):
    """Return "ch03" for the checks in test_ch03.py."""
    return re.fullmatch(r"test_(ch\d\d)", module.__name__.rpartition(".")[2])[1]


def wrong_answers(chapter, number):
    """Return {variant: (name, wrong answer)} planted for one exercise.

    A wrong answer for `attend` is called `attend__what_is_wrong`.
    """
    module = importlib.import_module(f"tests.exercises.wrong.{chapter}")
    names = {e.name for e in exercises(chapter_folder(chapter)) if e.number == number}
    variants = {}
    for variant, value in vars(module).items():
        name, separator, mistake = variant.partition("__")
        if separator and mistake and name in names:
            variants[variant] = (name, value)
    return variants


def number_of(check):
    """Return "3.1" for the check test_3_1_what_it_says."""
    return ".".join(re.match(r"test_(\d+)_(\d+)_", check.__name__).groups())


def pytest_generate_tests(metafunc):
    wrong = metafunc.config.getoption("--impl") == "wrong"
    if wrong and "impl" in metafunc.fixturenames:
        number = number_of(metafunc.function)
        variants = wrong_answers(chapter_of(metafunc.module), number)
        metafunc.parametrize("impl", sorted(variants), indirect=True)


def load_answers(path):
    """Import the reader's file, or fail with one line that says what is wrong in it."""
    if not path.exists():
        raise AssertionError(f"{path} is not there: run python -m common.exercises")
    spec = importlib.util.spec_from_file_location(f"answers_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        line = getattr(error, "lineno", None) or error.__traceback__.tb_next.tb_lineno
        raise AssertionError(f"line {line} of {path.name}: {error}") from error
    return module


@pytest.fixture
def impl(request):
    """One implementation: the answers, the stubs, the solutions, or a planted mistake
    among the solutions."""
    choice = request.config.getoption("--impl")
    chapter = chapter_of(request.module)
    package = chapter_folder(chapter).name
    if choice == "answers":
        folder = request.config.rootpath / request.config.getoption("--answers")
        return load_answers(folder / f"{chapter}.py")
    if choice != "wrong":
        return importlib.import_module(f"{package}.{choice}")
    names = vars(importlib.import_module(f"{package}.solutions"))
    name, wrong = wrong_answers(chapter, number_of(request.function))[request.param]
    return SimpleNamespace(**{**names, name: wrong})
