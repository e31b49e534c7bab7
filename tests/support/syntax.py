"""The syntax of the code, each module read once: reading all of them takes seconds, and a dozen
tests look through all.
"""

import ast
import gc
from functools import cache


@cache
def nodes(source: str) -> tuple[ast.AST, ...]:
    """Return every node of a module by its text, the module itself first, as `ast.walk` has it."""
    was_enabled = gc.isenabled()
    gc.disable()  # a million things that stay: it would look through them again and again
    try:
        return tuple(ast.walk(ast.parse(source)))
    finally:
        if was_enabled:
            gc.enable()
