"""The book keeps its shape: the roof, the seams, the listings and the notebooks.

Read from source alone wherever that can be; one subprocess imports every module.
"""

import ast
import codecs
import copy
import hashlib
import importlib
import inspect
import json
import re
import subprocess
import sys
import textwrap
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOF = 100
CHAPTERS = (
    "ch01_data ch02_tokenization ch03_attention ch04_transformer ch05_pretraining "
    "ch06_generation ch07_finetuning ch08_alignment ch09_scaling"
).split()
TOP_LEVEL = {
    *CHAPTERS,
    *("common", "tests", "README.md", "requirements.txt", "Makefile", "pyproject.toml"),
    *("LICENSE", "CITATION.cff", "CONTRIBUTING.md", ".gitignore", ".gitattributes"),
    ".ci",
}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINITIONS = (*FUNCTIONS, ast.ClassDef)
# Main modules that do not bear the chapter's name, and the one name with two meanings
# that the design gives: a world's stories and a model's tokens are both generated.
MAIN_MODULES = {"ch09_scaling": "data_parallel"}
SHARED_NAMES = {"generate", "main"}
# What an import name is called in requirements.txt, where the two differ.
DISTRIBUTIONS = {
    **{"IPython": "jupyter", "nbformat": "jupyter", "nbclient": "jupyter"},
    "PIL": "matplotlib",
}


# What there is to read


def modules():
    folders = [ROOT / name for name in (*CHAPTERS, "common")]
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def suite():
    return sorted((ROOT / "tests").rglob("*.py"))


def notebooks():
    folders = [ROOT / name for name in (*CHAPTERS, "common")]
    found = (path for folder in folders for path in folder.rglob("*.ipynb"))
    return sorted(path for path in found if ".ipynb_checkpoints" not in path.parts)


def parse(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def short(path):
    return path.relative_to(ROOT).as_posix()


def dotted(path):
    """Turn ch03_attention/attention.py into ch03_attention.attention."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def cells(path, kind="code"):
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in found if cell["cell_type"] == kind]


def cell_tree(cell):
    """Parse a code cell, without IPython's own lines."""
    lines = "".join(cell["source"]).splitlines()
    plain = ["" if line.lstrip().startswith(("%", "!")) else line for line in lines]
    return ast.parse("\n".join(plain))


def sources():
    """Yield (file, syntax tree) of every module and every notebook's code cells."""
    for path in modules():
        yield path, parse(path)
    for path in notebooks():
        for cell in cells(path):
            yield path, cell_tree(cell)


def committed():
    """List what git has, or would add: (paths relative to the root)."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    except FileNotFoundError:
        done = None
    if done is None or done.returncode:
        # An unpacked archive: everything but what use and tools make (.gitignore).
        made = {".venv", "runs", "answers", "build", "dist", "__pycache__"}
        return [
            path.relative_to(ROOT)
            for path in ROOT.rglob("*")
            if path.is_file()
            and not made & set(path.relative_to(ROOT).parts)
            and not re.search(r"\.egg-info|\.pytest_cache|\.ruff_cache", str(path))
        ]
    names = (Path(name) for name in done.stdout.split("\0") if name)
    return [name for name in names if (ROOT / name).is_file()]


# The roof: imports point backwards


def rank(package):
    match = re.fullmatch(r"ch(\d\d)_\w+", package)
    return int(match[1]) if match else {"common": ROOF}.get(package)


def imports(tree, package):
    """Yield (name, line) of everything imported, wherever in the tree it stands.

    Counts imports inside functions, relative ones (resolved against `package`) and
    `import_module`, `__import__` and `find_spec` with a constant or an f-string that
    begins with one; the rest of the name does not matter for the direction.
    """
    calls = {"import_module", "__import__", "find_spec", "run_module", "get_loader"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: 1 - node.level or None] if node.level else []
            name = ".".join([*base, *filter(None, [node.module])])
            yield name, node.lineno
            yield from ((f"{name}.{alias.name}", node.lineno) for alias in node.names)
        elif isinstance(node, ast.Call) and node.args:
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if called in calls:
                name = constant_prefix(node.args[0])
                yield (package + name if name.startswith(".") else name), node.lineno


def constant_prefix(node):
    """Return a string constant, or the constant beginning of a joined one."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr) and node.values:
        return constant_prefix(node.values[0])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return constant_prefix(node.left)
    return ""


def forward_imports(tree, package):
    """List what a module of `package` imports against the direction of the book."""
    here = package.split(".")[0]
    bad = []
    for name, line in imports(tree, package):
        there = name.split(".")[0]
        if there in ("tests", "answers"):
            bad.append(f"line {line}: {name}")
        elif rank(there) is not None and there != here and rank(there) >= rank(here):
            bad.append(f"line {line}: {name}")
    return bad


def package_of(path):
    return ".".join(path.relative_to(ROOT).parent.parts)


def test_imports_only_point_backwards():
    bad = []
    for path in modules():
        found = forward_imports(parse(path), package_of(path))
        bad += [f"{short(path)}, {problem}" for problem in found]
    assert not bad, "\n".join(bad)


@pytest.mark.parametrize(
    "source",
    [
        "import ch05_pretraining.pretraining",
        "from ch05_pretraining import pretraining",
        "def f():\n    from ch04_transformer.transformer import RMSNorm",
        "from ..ch04_transformer import transformer",
        "import importlib\nimportlib.import_module('ch09_scaling.data_parallel')",
        "__import__('common.model')",
        "import importlib\nimportlib.import_module(f'ch06_generation.{name}')",
        "from importlib import import_module\nimport_module('ch06_' + name)",
        "import common.book as book",
        "import tests.conftest",
    ],
)
def test_a_forward_import_is_seen_however_it_is_written(source):
    # "ch06_" alone has no rank: pad it so that a cut name counts as its chapter.
    source = source.replace("'ch06_'", "'ch06_generation'")
    assert forward_imports(ast.parse(source), "ch03_attention")


def test_backward_imports_are_allowed():
    source = "from . import attention\nfrom ch01_data.files import sha256\nimport torch"
    assert not forward_imports(ast.parse(source), "ch03_attention")


def test_dynamic_imports_name_what_they_import():
    """A computed module name would hide the direction of an import."""
    bad = []
    for path in modules():
        if path.parent.name == "common":
            continue
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.Call) and node.args:
                called = getattr(node.func, "attr", getattr(node.func, "id", ""))
                computed = not constant_prefix(node.args[0])
                if called in ("import_module", "__import__") and computed:
                    bad.append(f"{short(path)}:{node.lineno}")
    assert not bad, bad


def test_nothing_touches_the_import_path_or_imports_a_star():
    bad = []
    trees = [*sources(), *((path, parse(path)) for path in suite())]
    for path, tree in trees:
        for node in ast.walk(tree):
            text = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
            star = isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
            from_sys = isinstance(node, ast.ImportFrom) and node.module == "sys"
            if star or text in ("sys.path", "site.addsitedir"):
                bad.append(f"{short(path)}:{node.lineno}")
            elif from_sys and any(alias.name == "path" for alias in node.names):
                bad.append(f"{short(path)}:{node.lineno}")
    assert not bad, bad


def test_no_module_bears_the_name_of_a_standard_one():
    names = {path.stem for path in modules()} - {"__init__"}
    assert not names & sys.stdlib_module_names


def test_chapters_need_nothing_that_requirements_do_not_install():
    """`make llm` installs requirements.txt alone; extras are imported when used."""
    listed = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    core = {re.split(r"[=~<>\[ ]", line)[0] for line in listed.split("\n")}
    bad = []
    for path in modules():
        for node in parse(path).body:
            if not isinstance(node, (ast.Import, ast.ImportFrom)):
                continue
            for name, line in imports(ast.Module([node], []), package_of(path)):
                top = name.split(".")[0]
                ours = rank(top) is not None or top in sys.stdlib_module_names
                if not ours and DISTRIBUTIONS.get(top, top) not in core:
                    bad.append(f"{short(path)}:{line} imports {top}")
    assert not bad, "\n".join(sorted(set(bad)))


def test_requirements_begin_with_torch_and_end_with_this_project():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").split()
    assert re.fullmatch(r"torch==[\d.]+", lines[0]) and lines[-2:] == ["-e", "."]


# Each thing once


def test_the_top_level_holds_exactly_what_the_design_says():
    assert {name.parts[0] for name in committed()} == TOP_LEVEL


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_has_module_notebook_exercises_and_tests(chapter):
    folder, topic = ROOT / chapter, MAIN_MODULES.get(chapter, chapter[5:])
    needed = [folder / "__init__.py", folder / "exercises.py", folder / "solutions.py"]
    needed += [folder / f"{topic}.py"]
    needed += [ROOT / "tests" / "exercises" / f"test_{chapter[:4]}.py"]
    assert not [short(path) for path in needed if not path.exists()]
    assert list(folder.glob("*.ipynb")), "no notebook"
    assert not (folder / "__init__.py").read_text(encoding="utf-8").strip()
    assert list((ROOT / "tests").glob(f"test_{chapter[:4]}_*.py")), "no tests"


class _Anonymous(ast.NodeTransformer):
    """Call the local names of a function by their order, so that a copy shows."""

    def __init__(self, names):
        self.names = names

    def visit_Name(self, node):
        node.id = self.names.get(node.id, node.id)
        return node

    def visit_arg(self, node):
        node.arg, node.annotation = self.names.get(node.arg, node.arg), None
        return node


def body_key(node):
    """Return what a definition does, whatever it and its variables are called."""
    body = [copy.deepcopy(part) for part in node.body]
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    names, walked = {}, [inner for part in body for inner in ast.walk(part)]
    arguments = [arg for arg in ast.walk(node) if isinstance(arg, ast.arg)]
    stored = [n for n in walked if isinstance(n, ast.Name)]
    stored = [n.id for n in stored if isinstance(n.ctx, ast.Store)]
    if isinstance(node, FUNCTIONS):
        for name in [*(argument.arg for argument in arguments), *stored]:
            names.setdefault(name, f"name{len(names)}")
    text = "\n".join(ast.dump(_Anonymous(names).visit(part)) for part in body)
    lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
    return hashlib.sha256(text.encode()).hexdigest(), lines


def repeated(trees, min_lines=4):
    seen = defaultdict(set)
    for path, tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, DEFINITIONS):
                key, lines = body_key(node)
                if lines >= min_lines:
                    seen[key].add(f"{short(path)}::{node.name}, line {node.lineno}")
    return [sorted(places) for places in seen.values() if len(places) > 1]


def test_every_body_is_written_once():
    assert not repeated(sources())


def test_a_copy_with_other_names_is_seen():
    first = "def f(x):\n  a = x\n  b = a + 1\n  c = b * a\n  return c"
    other = "def g(y):\n  'Doc.'\n  u = y\n  v = u + 1\n  w = v * u\n  return w"
    unlike = other.replace("v * u", "v - u")
    trees = [(ROOT / "a.py", ast.parse(first)), (ROOT / "b.py", ast.parse(other))]
    assert repeated(trees)
    assert not repeated([trees[0], (ROOT / "b.py", ast.parse(unlike))])


def public_names():
    """Return {name: module} of every public function and class of the book."""
    names = defaultdict(set)
    for path in modules():
        if path.stem not in ("exercises", "solutions") or path.parent.name == "common":
            for node in parse(path).body:
                if isinstance(node, DEFINITIONS) and not node.name.startswith("_"):
                    names[node.name].add(dotted(path))
    return names


def test_a_public_name_is_defined_in_one_module():
    twice = {name for name, found in public_names().items() if len(found) > 1}
    assert not twice - SHARED_NAMES


def test_notebooks_redefine_no_public_name():
    public, bad = public_names(), []
    for path in notebooks():
        imported = set()
        for cell in cells(path):
            tree = cell_tree(cell)
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom) and rank(
                    (node.module or "").split(".")[0]
                ):
                    imported |= {alias.asname or alias.name for alias in node.names}
            for node in ast.walk(tree):
                if isinstance(node, DEFINITIONS) and node.name in public:
                    bad.append(f"{short(path)} defines {node.name}")
            for node in tree.body:
                for name in assigned(node):
                    if name in imported:
                        bad.append(f"{short(path)} assigns to {name}")
    assert not bad, "\n".join(bad)


def assigned(statement):
    """Yield the names that one top-level statement binds."""
    if not isinstance(statement, DEFINITIONS):
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id


def test_common_defines_no_layer_of_its_own():
    """The roof assembles parts: a layer there would be taught nowhere."""
    import torch

    for path in modules():
        if path.parent.name == "common" and path.stem != "__init__":
            module = importlib.import_module(dotted(path))
            for name, value in vars(module).items():
                if inspect.isclass(value) and value.__module__ == module.__name__:
                    assert not issubclass(value, torch.nn.Module), f"{path}: {name}"
            for node in ast.walk(parse(path)):
                if isinstance(node, ast.Attribute):
                    assert node.attr not in ("Parameter", "Linear", "Embedding"), path


# Documented, typed, and idle when imported


def public_definitions(tree):
    """Yield (name, node) of public functions, classes and methods of public classes."""
    for node in tree.body:
        if isinstance(node, DEFINITIONS) and not node.name.startswith("_"):
            yield node.name, node
            if isinstance(node, ast.ClassDef):
                for part in node.body:
                    if isinstance(part, FUNCTIONS):
                        yield f"{node.name}.{part.name}", part


def missing_words(name, node):
    """Say what a public definition lacks: a docstring, or a type."""
    last = name.rpartition(".")[2]
    if not last.startswith("_") and not ast.get_docstring(node):
        yield "a docstring"
    if isinstance(node, ast.ClassDef) or (last.startswith("_") and last[:2] != "__"):
        return
    given = node.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    every += filter(None, [given.vararg, given.kwarg])
    static = any(getattr(d, "id", "") == "staticmethod" for d in node.decorator_list)
    if "." in name and not static:
        every = every[1:]
    yield from (f"a type for {arg.arg}" for arg in every if arg.annotation is None)
    if node.returns is None:
        yield "a return type"


def test_public_functions_and_classes_are_documented_and_typed():
    bad = []
    for path in modules():
        for name, node in public_definitions(parse(path)):
            for lack in missing_words(name, node):
                bad.append(f"{short(path)}:{node.lineno} {name} lacks {lack}")
    assert not bad, "\n".join(bad)


def test_every_module_says_what_it_is_for():
    files = [path for path in modules() if path.stem != "__init__"]
    assert not [short(path) for path in files if not ast.get_docstring(parse(path))]


def works_at_import(tree):
    """Yield the lines at which a module does more than define things."""
    for node in tree.body:
        quiet = (*DEFINITIONS, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)
        documents = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        guarded = isinstance(node, ast.If) and re.match(
            r"__name__ == '__main__'|TYPE_CHECKING|sys\.", ast.unparse(node.test)
        )
        optional = isinstance(node, ast.Try) and all(
            isinstance(part, (ast.Import, ast.ImportFrom)) for part in node.body
        )
        if not (isinstance(node, quiet) or documents or guarded or optional):
            yield node.lineno


def test_modules_only_define_things():
    bad = [(short(path), *works_at_import(parse(path))) for path in modules()]
    assert not [lines for lines in bad if len(lines) > 1]


IMPORT_EVERYTHING = """
import importlib, io, contextlib, os, sys, threading, time
import torch, numpy, matplotlib.figure, tiktoken, safetensors, pytest
import IPython.display
done = []
def watch(event, arguments):
    if event == "open" and set(arguments[1] or "") & set("wax+"):
        if arguments[0] != os.devnull:
            done.append(f"opens {arguments[0]} for writing")
    elif event in ("os.mkdir", "os.rename", "subprocess.Popen", "socket.connect"):
        done.append(f"{event} {arguments[:1]}")
sys.addaudithook(watch)
settings = lambda: (
    torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled(),
    torch.random.get_rng_state().sum().item(), threading.active_count(),
    dict(os.environ),
)
for name in sys.argv[1:]:
    before, start, said = settings(), time.process_time(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        importlib.import_module(name)
    seconds = time.process_time() - start
    if seconds > 3:
        done.append(f"takes {seconds:.1f} s")
    if settings() != before:
        done.append("changes a global setting")
    if said.getvalue():
        done.append(f"says {said.getvalue()!r}")
    for problem in done:
        print(name, problem)
    done.clear()
"""


def test_importing_a_module_does_nothing():
    """No file written, no process, no connection, no setting changed, nothing said."""
    names = [dotted(path) for path in modules() if path.stem != "__init__"]
    done = subprocess.run(
        [sys.executable, "-B", "-c", IMPORT_EVERYTHING, *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stdout, done.stdout


# Notebooks: executed, in order, honest


each_notebook = pytest.mark.parametrize(
    "path", [pytest.param(path, id=path.stem) for path in notebooks()]
)


@each_notebook
def test_a_notebook_is_committed_executed_in_order(path):
    run = [cell for cell in cells(path) if "".join(cell["source"]).strip()]
    counts = [cell["execution_count"] for cell in run]
    assert counts == list(range(1, len(run) + 1)), "run it from top to bottom"
    meta = json.loads(path.read_text(encoding="utf-8"))["metadata"]
    assert meta["kernelspec"]["name"] == "python3"


@each_notebook
def test_a_checked_cell_has_stored_output(path):
    for index, cell in enumerate(cells(path)):
        if "NBVAL_CHECK_OUTPUT" in "".join(cell["source"]):
            assert cell["execution_count"], f"code cell {index}: nbval would skip it"
            assert cell["outputs"], f"code cell {index}: there is nothing to compare"


@each_notebook
def test_a_notebook_checks_something(path):
    code = ["".join(cell["source"]) for cell in cells(path)]
    assert any("# NBVAL_CHECK_OUTPUT" in source for source in code)
    asserts = [n for c in cells(path) for n in ast.walk(cell_tree(c))]
    assert any(isinstance(node, ast.Assert) for node in asserts)


@each_notebook
def test_a_notebook_hides_no_error_and_skips_no_cell(path):
    for index, cell in enumerate(cells(path)):
        errors = [out for out in cell["outputs"] if out["output_type"] == "error"]
        assert not errors, f"code cell {index} ends in an error"
        words = "".join(cell["source"]) + str(cell["metadata"].get("tags", ""))
        for word in ("NBVAL_SKIP", "NBVAL_RAISES", "raises-exception", "nbval-skip"):
            assert word not in words, f"code cell {index}: {word}"


@each_notebook
def test_a_notebook_explains(path):
    """A chapter is prose with code, not code with headings."""
    texts = ["".join(cell["source"]) for cell in cells(path, "markdown")]
    words = sum(len(text.split()) for text in texts)
    assert words >= 1500, f"{words} words of explanation"


# Nothing of the author's machine


FOREIGN_PATH = re.compile(
    r"(?<![\w.\-/:])(?:/(?:home|Users|root|work|mnt|scratch|workspace)/[\w.]"
    r"|[A-Z]:\\+Users\\)|\.\./shared(?!\w)|site-packages/"
)
MAY_NAME_SHARED = {"tests/conftest.py", "tests/test_structure.py", "README.md"}
# Words of the workshop, not of the book; turned by 13 letters so that this list does
# not find itself.
FORBIDDEN = re.compile(
    codecs.decode(
        r"pynhqr(?! (r\. )?funaaba)|naguebcvp|pungtcg|pbcvybg|fhontrag|fho-ntrag"
        r"|pb-nhguberq-ol|trarengrq (jvgu|ol) na? ?nv|ntrag frffvba|urycre frffvba"
        r"|cnpxntr ertvfgel|cnpxntr ertvfgevrf|cnpxntr zveebe|\bsvkzr\b|\bgbqb\b",
        "rot13",
    ).replace(r"\o", r"\b"),
    re.IGNORECASE,
)


def text_files():
    for name in committed():
        try:
            yield name.as_posix(), (ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def test_no_text_names_a_path_outside_the_project():
    bad = []
    for name, text in text_files():
        for number, line in enumerate(text.splitlines(), 1):
            found = FOREIGN_PATH.search(line)
            if not found:
                continue
            if "../shared" in found[0] and name in MAY_NAME_SHARED:
                continue
            if name != "tests/test_structure.py":
                bad.append(f"{name}:{number}: {line[:100]}")
    assert not bad, "\n".join(bad)


def test_no_text_speaks_of_the_workshop():
    bad = []
    for name, text in text_files():
        for number, line in enumerate(text.splitlines(), 1):
            if FORBIDDEN.search(line):
                bad.append(f"{name}:{number}: {line[:100]}")
    assert not bad, "\n".join(bad)


def test_the_search_for_foreign_words_finds_them():
    for word in ("Gbqb:", "n cnpxntr ertvfgel", "Pb-Nhguberq-Ol: k"):
        assert FORBIDDEN.search(codecs.decode(word, "rot13"))
    assert not FORBIDDEN.search("the method of a mastodon")
    home = "/home"
    for text in (f"{home}/me/x", 'File "/Us' + 'ers/me/x.py"', r"C:\Users\me"):
        assert FOREIGN_PATH.search(text)
    inside = "/".join(("chapter", "work", "x"))
    for text in ("https://example.org/home/x", inside, "/dev/null"):
        assert not FOREIGN_PATH.search(text)


def test_tests_only_skip_through_the_marks_of_conftest():
    """A skip written into a test hides it on every machine."""
    bad = []
    for path in suite():
        if path.name in ("conftest.py", "test_structure.py"):
            continue
        text = path.read_text(encoding="utf-8")
        for word in ("pytest.skip", "mark.skip", "mark.xfail", "importorskip"):
            if word in text:
                bad.append(f"{short(path)}: {word}")
    assert not bad, bad


def test_docstring_labels_stand_in_order():
    """Shape, Units, Raises, Source: each at most once, in this order."""
    order, bad = ["Shape", "Units", "Raises", "Source"], []
    for path in modules():
        for node in ast.walk(parse(path)):
            if isinstance(node, DEFINITIONS):
                text = textwrap.dedent(ast.get_docstring(node) or "")
                labels = re.findall(r"^(\w+):  +\S", text, re.MULTILINE)
                known = [label for label in labels if label in order]
                if known != sorted(set(known), key=order.index):
                    bad.append(f"{short(path)}:{node.lineno} {known}")
    assert not bad, "\n".join(bad)


def test_code_follows_the_linter():
    """88 columns, no unused name, imports in order (the rules: pyproject.toml)."""
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--quiet", "."]
    command += ["--output-format", "concise"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
