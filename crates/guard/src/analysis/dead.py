"""Which variables are not used again after a line. What is not sure is unknown."""

import ast
import sys

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
LOOPS = (ast.For, ast.AsyncFor, ast.While)
BLOCKS = ("body", "orelse", "handlers", "finalbody", "cases")
LOOKS = {"locals", "globals", "vars", "eval", "exec", "dir"}


def tree_of(file):
    with open(file, encoding="utf-8", errors="replace") as text:
        return ast.parse(text.read(5_000_000))


def scope_of(tree, function, first):
    if function == "<module>":
        return tree
    name = function.rpartition(".")[2]
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name:
            if first in [node.lineno] + [decorator.lineno for decorator in node.decorator_list]:
                return node
    return None


def own(node):
    """The nodes of a statement that are evaluated with it: not the statements in it, not the bodies of functions in it."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        for field, value in ast.iter_fields(node):
            if field in BLOCKS and isinstance(node, ast.stmt) or isinstance(node, (ast.ExceptHandler, ast.Lambda)) and field == "body":
                continue
            waiting += [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, ast.AST)]


def statements(node):
    for field in BLOCKS:
        for item in getattr(node, field, None) or []:
            if isinstance(item, ast.AST):
                yield item


def reads(node, name):
    if isinstance(node, ast.Name):
        return node.id == name and isinstance(node.ctx, ast.Load)
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and "@" + name in node.value
    return False


def reads_itself(statement, name):
    increments = isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name) and statement.target.id == name
    return increments or any(reads(node, name) for node in own(statement))


def reads_anywhere(statement, name):
    if reads_itself(statement, name):
        return statement.lineno if hasattr(statement, "lineno") else 0
    for inner in statements(statement):
        found = reads_anywhere(inner, name)
        if found:
            return found
    return 0


def sets(statement, name):
    """Whether the statement gives the name another value, whatever happens, without a look at the old one."""
    targets = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, (ast.AnnAssign, ast.For, ast.AsyncFor)):
        targets = [statement.target] if getattr(statement, "value", True) is not None else []
    elif isinstance(statement, ast.Delete):
        targets = statement.targets
    return any(isinstance(part, ast.Name) and part.id == name for target in targets for part in ast.walk(target))


def next_read(block, name):
    """The line where the name is read in a block, before it is set; 0 for none, -1 if it is set before."""
    for statement in block:
        line = reads_anywhere(statement, name)
        if line:
            return line
        if sets(statement, name) and not isinstance(statement, (ast.For, ast.AsyncFor)):
            return -1
    return 0


def way_to(node, line):
    """The statements around a line, the outermost first, each with its block."""
    for field in BLOCKS:
        block = getattr(node, field, None)
        if not isinstance(block, list):
            continue
        for at, inner in enumerate(block):
            end = getattr(inner, "end_lineno", None) or max((getattr(part, "end_lineno", 0) or 0 for part in ast.walk(inner)), default=0)
            if getattr(inner, "lineno", end) <= line <= end:
                return [(node, field, block, at)] + way_to(inner, line)
    return []


def read_later(way, name):
    """The line where the name may be read after the statement at the end of the way; 0 for none."""
    node, field, block, at = way[-1]
    # The statement itself, and, where the line is the head of a block, all that is in it.
    found = reads_anywhere(block[at], name)
    if found:
        return found
    for depth in range(len(way) - 1, -1, -1):
        node, field, block, at = way[depth]
        found = next_read(block[at + 1 :], name)
        if found:
            return max(found, 0)
        if isinstance(node, ast.Try) and field == "body":
            for rest in (node.orelse, node.finalbody) + tuple(handler.body for handler in node.handlers):
                found = next_read(rest, name)
                if found > 0:
                    return found
        elif isinstance(node, ast.Try) and field != "finalbody":
            found = next_read(node.finalbody, name)
            if found:
                return max(found, 0)
        if isinstance(node, LOOPS) and field == "body":
            # The next turn: the head, then the body from its beginning.
            if isinstance(node, ast.While) and any(reads(part, name) for part in ast.walk(node.test)):
                return node.lineno
            if sets(node, name):
                return 0
            found = next_read(node.body, name)
            if found:
                return max(found, 0)
            found = next_read(node.orelse, name)
            if found:
                return max(found, 0)
    return 0


def last_use(scope, way, name):
    """The end of the statement after which the name can go: the last one before the line that uses it or sets it."""
    for depth in range(len(way) - 1, -1, -1):
        node, field, block, at = way[depth]
        for statement in reversed(block[:at]):
            mentions = any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(statement))
            if mentions or reads_anywhere(statement, name):
                return statement.end_lineno
        if isinstance(node, LOOPS) and field == "body":
            # What the turn before left: its last use comes later in the body.
            for statement in reversed(block[at:]):
                if any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(statement)):
                    return statement.end_lineno
        if isinstance(node, ast.stmt) and any(isinstance(part, ast.Name) and part.id == name for part in own(node)):
            return node.lineno
    return 0


def captured(scope, name):
    """The line of a function or class that may use the name later."""
    for node in ast.walk(scope):
        if node is scope or not isinstance(node, SCOPES + (ast.GeneratorExp,)):
            continue
        parts = [part for part in ast.walk(node) if isinstance(part, ast.Name) and part.id == name]
        arguments = getattr(node, "args", None)
        is_own = isinstance(arguments, ast.arguments) and any(item.arg == name for item in ast.walk(arguments) if isinstance(item, ast.arg))
        stored = any(isinstance(part.ctx, ast.Store) for part in parts) and not isinstance(node, ast.ClassDef)
        shared = any(isinstance(part, (ast.Global, ast.Nonlocal)) and name in part.names for part in ast.walk(node))
        if parts and (shared or not (stored or is_own)):
            return node.lineno
    return 0


def fate(file, function, first, line, name):
    """`dead, line to delete it after`, `used, line`, or `unknown, reason`."""
    if line == 0:
        return "unknown", "it is a name of a module, which others may use"
    tree = tree_of(file)
    scope = scope_of(tree, function, first)
    if scope is None:
        return "unknown", "its function was not found"
    way = way_to(scope, line)
    if not way:
        return "unknown", "its line was not found"
    arguments = getattr(scope, "args", None)
    if arguments is not None and any(item.arg == name for item in ast.walk(arguments) if isinstance(item, ast.arg)):
        return "unknown", "it is an argument, which the caller may hold"
    later = captured(scope, name)
    if later:
        return "unknown", "the function at line %d may use it" % later
    for node in ast.walk(scope):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in LOOKS:
            return "unknown", "line %d looks at names" % node.lineno
        if isinstance(node, (ast.Global, ast.Nonlocal)) and name in node.names:
            return "unknown", "it is a name of another scope"
    later = read_later(way, name)
    if later:
        return "used", later
    return "dead", last_use(scope, way, name)
