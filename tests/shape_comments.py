"""Prove that trailing shape comments are true, by looking at the values they speak of.

A comment such as `q = split(x)  # (B, H, T, Dh)` is a claim about q. `ShapeChecker`
compiles a module once more with a probe beside every claim, swaps the code of the
module's living functions for the probed one while a driver runs them, and compares each
value's true shape with the sizes that the driver gives the letters:

    with ShapeChecker(attention) as checker:
        with checker.sizes(B=2, H=6, K=3, T=5, S=7, Dh=4):
            attention.scaled_dot_product_attention(q, k, v)
    assert not checker.problems()

The letters' sizes are told, not learned, so a swapped order is seen. Where two letters
have one size (S = T without a cache), their claims must still be true, but only a run
in which the sizes differ counts as a proof. A claim with a letter that is given no size
waits for another run. `problems()` lists what is false, was never proved, uses a letter
outside the book's notation, or stands where nothing can be checked.

Where a claim may stand, and what it speaks of:
- at the end of an assignment (also annotated or augmented): its targets;
- at the end of a `return`, `yield` or bare expression: the value;
- at the end of a `for` or `with ... as` header: its target, each time round;
- at the end of a parameter's line: the argument;
- inside a statement of several lines: the largest expression that ends on that line.
A tuple (of targets or of values) takes one claim that holds for every part, or one for
each, separated by semicolons; `_` alone claims nothing: `# (B, T, D); _; (T,)`.
A dimension is a letter, a number, `_` (any size), or arithmetic of them: `H*Dh`, `T+1`.
"""

import ast
import copy
import gc
import io
import re
import tokenize
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FunctionType

LETTERS = {*"BTSDHKVFLECR", "Dh"}
PROBE = "__shape_probe__"
# A comment with a pair of brackets that could be meant as a shape.
LOOKS_LIKE_A_SHAPE = re.compile(
    r"^#\s*\(([^()]*,[^()]*|\s*\w{0,2}\s*)\)"  # begins with (a, b), (B) or ()
    r"|\(\s*([A-Z_][a-z]?|\d+)\s*,[^()]*\)"  # or has something like (B, ...) later
)
OPERATORS = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: a // b,
}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
# Expressions that have no shape themselves; what ends inside them may have one.
NO_VALUE = (ast.Starred, ast.Lambda, ast.GeneratorExp)


def parse_claims(comment):
    """Turn "# (B, T); _" into [[dimension, ...], None].

    Raises ValueError where the comment is no claim.
    """
    claims = []
    for part in comment.lstrip("#").split(";"):
        if part.strip() == "_":
            claims.append(None)
            continue
        match = re.fullmatch(r"\s*\(([^()]*)\)\s*", part)
        if not match:
            raise ValueError(f"{comment!r} holds more than shapes")
        pieces = [piece.strip() for piece in match[1].split(",")]
        if pieces and not pieces[-1]:
            pieces.pop()
        elif len(pieces) == 1:
            raise ValueError(f"({match[1]}) is no tuple; write ({match[1]},)")
        claims.append([parse_dimension(piece) for piece in pieces])
    return claims


def parse_dimension(text):
    """Read one dimension into a syntax tree of letters, numbers and arithmetic."""
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError:
        raise ValueError(f"{text!r} is no dimension") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id not in {*LETTERS, "_"}:
            raise ValueError(f"{node.id!r} is not a letter of the notation")
        if isinstance(node, ast.Name) and node.id == "_" and node is not tree:
            raise ValueError(f"{text!r}: `_` stands alone")
        known = (ast.Name, ast.Load, ast.BinOp, ast.operator)
        number = isinstance(node, ast.Constant) and isinstance(node.value, int)
        if not (isinstance(node, known) or number):
            raise ValueError(f"{text!r} is no dimension")
    return tree


def size_of(dimension, sizes):
    """Return a dimension's size, None for `_`; KeyError where a letter has none."""
    if isinstance(dimension, ast.Constant):
        return dimension.value
    if isinstance(dimension, ast.Name):
        return None if dimension.id == "_" else sizes[dimension.id]
    left, right = size_of(dimension.left, sizes), size_of(dimension.right, sizes)
    return OPERATORS[type(dimension.op)](left, right)


def comments_by_line(source):
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]: (token.string, token.line[: token.start[1]].strip() != "")
        for token in tokens
        if token.type == tokenize.COMMENT
    }


def leaves(target):
    """List the parts of an assignment's target, from left to right."""
    if isinstance(target, (ast.Tuple, ast.List)):
        return [leaf for part in target.elts for leaf in leaves(part)]
    return leaves(target.value) if isinstance(target, ast.Starred) else [target]


def as_value(target):
    """Copy an assignment's target as an expression that reads it."""
    value = copy.deepcopy(target)
    for node in ast.walk(value):
        if hasattr(node, "ctx"):
            node.ctx = ast.Load()
    return value


class _Instrument:
    """Put a probe beside every claim of one syntax tree."""

    def __init__(self, tree, wanted):
        self.tree, self.wanted, self.placed = tree, wanted, set()
        for line in sorted(wanted):
            self.place(line)
        ast.fix_missing_locations(tree)

    def call(self, line, value):
        """Build `__shape_probe__(line, value)`, which returns the value."""
        probe = ast.Call(ast.Name(PROBE, ast.Load()), [ast.Constant(line), value], [])
        for node in ast.walk(probe):
            if not hasattr(node, "lineno"):
                ast.copy_location(node, value)
        return probe

    def statement(self, line, targets):
        parts = [as_value(leaf) for target in targets for leaf in leaves(target)]
        value = parts[0] if len(parts) == 1 else ast.Tuple(parts, ast.Load())
        ast.copy_location(value, targets[0])
        return ast.copy_location(ast.Expr(self.call(line, value)), targets[0])

    def place(self, line):
        ends = [found for found in self.statements() if found[1].end_lineno == line]
        if len(ends) == 1:
            placed = self.at_statement(line, *ends[0])
        else:
            # Two statements on one line: nobody could say which one is meant.
            others = (self.at_header, self.at_argument, self.at_expression)
            placed = not ends and any(attach(line) for attach in others)
        if placed:
            self.placed.add(line)

    def statements(self):
        """Yield every simple statement, with the list of statements that holds it."""
        for node in ast.walk(self.tree):
            for name in ("body", "orelse", "finalbody"):
                body = getattr(node, name, None)
                for statement in body if isinstance(body, list) else ():
                    if not hasattr(statement, "body"):
                        yield body, statement

    def at_statement(self, line, body, statement):
        simple = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return, ast.Expr)
        if not isinstance(statement, simple) or statement.value is None:
            return False
        if isinstance(statement, ast.Return):
            statement.value = self.call(line, statement.value)
        elif isinstance(statement, ast.Expr):
            inner = statement.value
            yields = isinstance(inner, ast.Yield) and inner.value is not None
            holder = inner if yields else statement
            holder.value = self.call(line, holder.value)
        else:
            targets = getattr(statement, "targets", None) or [statement.target]
            check = self.statement(line, targets)
            body.insert(body.index(statement) + 1, check)
        return True

    def at_header(self, line):
        for node in ast.walk(self.tree):
            if isinstance(node, (ast.For, ast.AsyncFor)):
                targets, end = [node.target], node.iter.end_lineno
            elif isinstance(node, (ast.With, ast.AsyncWith)):
                targets = [i.optional_vars for i in node.items if i.optional_vars]
                end = max(item.context_expr.end_lineno for item in node.items)
            else:
                continue
            if targets and end == line and node.body[0].lineno > line:
                node.body.insert(0, self.statement(line, targets))
                return True
        return False

    def at_argument(self, line):
        for node in ast.walk(self.tree):
            if isinstance(node, FUNCTIONS):
                given = node.args
                every = [*given.posonlyargs, *given.args, *given.kwonlyargs]
                mine = [arg for arg in every if arg.end_lineno == line]
                if len(mine) == 1:
                    name = ast.Name(mine[0].arg, ast.Load())
                    ast.copy_location(name, mine[0])
                    documented = ast.get_docstring(node) is not None
                    check = self.statement(line, [name])
                    node.body.insert(int(documented), check)
                    return True
        return False

    def at_expression(self, line):
        """Probe the largest expression that ends on a line inside a statement."""
        best = None
        for parent in ast.walk(self.tree):
            if isinstance(parent, (ast.JoinedStr, ast.arg, ast.arguments)):
                continue
            for field, value in ast.iter_fields(parent):
                if field in ("annotation", "returns", "decorator_list"):
                    continue
                children = value if isinstance(value, list) else [value]
                for index, child in enumerate(children):
                    reads = isinstance(getattr(child, "ctx", ast.Load()), ast.Load)
                    fits = isinstance(child, ast.expr) and child.end_lineno == line
                    if not (fits and reads) or isinstance(child, NO_VALUE):
                        continue
                    start = (child.lineno, child.col_offset)
                    if best is None or start < best[0]:
                        best = start, value, index, parent, field
        if best is None:
            return False
        _, value, index, parent, field = best
        if isinstance(value, list):
            value[index] = self.call(line, value[index])
        else:
            setattr(parent, field, self.call(line, value))
        return True


def code_objects(code):
    """Yield every code object compiled from one file."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from code_objects(constant)


def name_of(code):
    return code.co_filename, code.co_qualname, code.co_firstlineno


class ShapeChecker:
    """Check every shape comment of one imported module while a driver runs it."""

    def __init__(self, module):
        self.module, self.path = module, Path(module.__file__)
        self.claims, self.wrong, self.proved, self._sizes = {}, [], set(), None
        source = self.path.read_text(encoding="utf-8")
        for line, (comment, trailing) in comments_by_line(source).items():
            if not LOOKS_LIKE_A_SHAPE.search(comment):
                continue
            try:
                if not trailing:
                    raise ValueError("a shape is a trailing comment")
                self.claims[line] = parse_claims(comment)
            except ValueError as error:
                self.wrong.append(f"{self.path.name}:{line}: {error}")
        instrument = _Instrument(ast.parse(source), self.claims)
        for line in sorted(set(self.claims) - instrument.placed):
            self.wrong.append(f"{self.path.name}:{line}: attached to nothing to check")
        self.claims = {line: self.claims[line] for line in instrument.placed}
        self._code = compile(instrument.tree, module.__file__, "exec")

    @contextmanager
    def sizes(self, **sizes):
        """Say how large each letter is in what is run inside."""
        if not set(sizes) <= LETTERS:
            raise ValueError(f"unknown letters: {sorted(set(sizes) - LETTERS)}")
        before, self._sizes = self._sizes, sizes
        try:
            yield
        finally:
            self._sizes = before

    def __enter__(self):
        probed = {name_of(code): code for code in code_objects(self._code)}
        self._swapped = []
        setattr(self.module, PROBE, self._probe)
        # Every function of a module, also a hidden or wrapped one, holds its globals.
        for function in gc.get_referrers(vars(self.module)):
            if isinstance(function, FunctionType):
                code = function.__code__
                if name_of(code) in probed:
                    self._swapped.append((function, code))
                    function.__code__ = probed[name_of(code)]
        return self

    def __exit__(self, *_):
        for function, code in self._swapped:
            function.__code__ = code
        delattr(self.module, PROBE)

    def problems(self):
        """List every false, unproved, unreadable or unattached claim."""
        idle = sorted(set(self.claims) - self.proved)
        never = [
            f"{self.path.name}:{line}: never executed with known and different sizes"
            for line in idle
        ]
        return list(dict.fromkeys([*self.wrong, *never]))

    def _probe(self, line, value):
        if self._sizes is not None:
            try:
                self._compare(line, value)
                if self._tells(line):
                    self.proved.add(line)
            except KeyError:  # a letter without a size
                pass
            except ValueError as error:
                self.proved.add(line)
                self.wrong.append(f"{self.path.name}:{line}: {error}")
        return value

    def _tells(self, line):
        """Say whether no other letter and no number in the claim has the same size."""
        trees = [dim for claim in self.claims[line] if claim for dim in claim]
        nodes = [node for tree in trees for node in ast.walk(tree)]
        letters = {node.id for node in nodes if isinstance(node, ast.Name)} - {"_"}
        others = [node.value for node in nodes if isinstance(node, ast.Constant)]
        every = [*self._sizes.values(), *set(others)]
        return all(every.count(self._sizes[letter]) == 1 for letter in letters)

    def _compare(self, line, value):
        claims = self.claims[line]
        plain = isinstance(value, tuple) and not hasattr(value, "shape")
        parts = value if plain else (value,)
        if len(claims) == 1:
            claims = claims * len(parts)
        if len(claims) != len(parts):
            raise ValueError(f"{len(claims)} claims on {len(parts)} values")
        for claim, part in zip(claims, parts):
            if claim is not None:
                self._compare_one(claim, part)

    def _compare_one(self, claim, value):
        said = ", ".join(ast.unparse(dimension) for dimension in claim)
        said = f"({said},)" if len(claim) == 1 else f"({said})"
        if not hasattr(value, "shape"):
            raise ValueError(f"{said} is claimed of a {type(value).__name__}")
        shape = tuple(value.shape)
        meant = tuple(size_of(dimension, self._sizes) for dimension in claim)
        same = len(meant) == len(shape) and all(
            want is None or want == have for want, have in zip(meant, shape)
        )
        if not same:
            raise ValueError(f"{said} is {meant} here, but the shape is {shape}")
