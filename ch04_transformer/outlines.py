"""Outlines: models whose parameters have shapes but take no memory yet.

A checkpoint brings all the numbers that a model has learned. To make room for them
first, and to fill it with random numbers that are overwritten at once, would cost as
much memory as the weights and more time than reading them.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook
from torch.overrides import TorchFunctionMode


class _NoFirstNumbers(TorchFunctionMode):
    """Leave out what would change a tensor without memory in place, as first draws do.

    There is nothing to change, and finding that out takes torch seconds.
    """

    def __torch_function__(
        self, function: Callable, types: object, args: tuple = (), kwargs: object = None
    ) -> object:
        """Call every other function as it is."""
        named = dict(kwargs or {})
        first = args[0] if args else named.get("tensor")
        in_place = re.fullmatch(r"[a-z]\w*_", function.__name__)
        if in_place and getattr(first, "is_meta", False):
            return first
        return function(*args, **named)


@contextmanager
def parameters_on_meta() -> Iterator[None]:
    """Let modules that are built meanwhile have parameters without memory.

    What is computed and not learned, as the speeds of the rotary planes, stays real.
    """
    handle = register_module_parameter_registration_hook(
        lambda module, name, parameter: nn.Parameter(parameter.to("meta"))
    )
    try:
        with _NoFirstNumbers():
            yield
    finally:
        handle.remove()
