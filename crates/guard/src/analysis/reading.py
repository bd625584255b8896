

# What a script does with the file that a line reads: the columns that it uses, and the same as a query.

READERS = {"read_csv", "read_table", "read_json", "read_parquet"}
AGGREGATES = {"sum": "sum", "mean": "avg", "min": "min", "max": "max", "count": "count", "median": "median"}
SIGNS = {ast.Eq: "=", ast.NotEq: "<>", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


def texts(node):
    """The texts that an expression consists of; nothing if there is something else in it."""
    parts = node.elts if isinstance(node, (ast.List, ast.Tuple)) else [node]
    values = [getattr(part, "value", None) if isinstance(part, ast.Constant) else None for part in parts]
    return values if values and all(isinstance(value, str) for value in values) else None


def inner(node):
    """The expression in an index, which versions before 3.9 wrap."""
    return getattr(node.slice, "value", node.slice) if type(node.slice).__name__ == "Index" else node.slice


def read_at(tree, line):
    """The name that a line gives to what it reads, the path, and the scope; nothing if it reads nothing."""
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    for scope in functions[::-1] + [tree]:
        for node in ast.walk(scope):
            if not isinstance(node, ast.Assign) or not node.lineno <= line <= node.end_lineno:
                continue
            call, target = node.value, node.targets[0]
            is_read = isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in READERS
            if is_read and isinstance(target, ast.Name) and call.args:
                path = texts(call.args[0])
                return target.id, path[0] if path else None, scope
    return None


def is_name(node, name):
    return isinstance(node, ast.Name) and node.id == name


def used_by(scope, node, name):
    """Where a node uses some columns of a frame: the name's node and the columns."""
    if isinstance(node, ast.Subscript) and is_name(node.value, name):
        return node.value, texts(inner(node))
    if not isinstance(node, ast.Call):
        return None, None
    if isinstance(node.func, ast.Name) and node.func.id == "len" and len(node.args) == 1:
        return node.args[0], []
    if isinstance(node.func, ast.Attribute) and node.func.attr == "groupby":
        frame = node.func.value
        frame = frame.value if isinstance(frame, ast.Subscript) else frame
        keys = node.args[0] if node.args else next((word.value for word in node.keywords if word.arg == "by"), node)
        keys, values = texts(keys), values_of(scope, node.func)
        return frame, None if keys is None or values is None else keys + values
    return None, None


def columns_used(scope, name):
    """The columns of a frame that a script uses; nothing if it may use others."""
    columns, understood, uses = [], set(), []
    for node in ast.walk(scope):
        if is_name(node, name) and isinstance(node.ctx, ast.Load):
            uses.append(id(node))
        use, found = used_by(scope, node, name)
        if found is not None and is_name(use, name):
            columns += found
            understood.add(id(use))
    return list(dict.fromkeys(columns)) if uses and understood.issuperset(uses) else None


def values_of(scope, groups):
    """The columns that are taken of the groups of a call; nothing if all are."""
    for node in ast.walk(scope):
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Call) and node.value.func is groups:
            return texts(inner(node))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Call) and node.value.func is groups:
            return [] if node.attr == "size" else None
    return None


def quoted(column):
    return column if column.isidentifier() and column.islower() else '"%s"' % column.replace('"', '""')


def condition(node, name):
    """`frame["status"] == 200` as SQL."""
    if not isinstance(node, ast.Compare) or len(node.ops) != 1 or type(node.ops[0]) not in SIGNS:
        return None
    left, right = node.left, node.comparators[0]
    is_column = isinstance(left, ast.Subscript) and isinstance(left.value, ast.Name) and left.value.id == name
    column = texts(inner(left)) if is_column else None
    value = right.value if isinstance(right, ast.Constant) else None
    if not column or type(value) not in (int, float, str):
        return None
    value = "'%s'" % value.replace("'", "''") if isinstance(value, str) else repr(value)
    return "%s %s %s" % (quoted(column[0]), SIGNS[type(node.ops[0])], value)


def query(scope, name, path, columns):
    """The first aggregate of groups as SQL; else the columns that are used."""
    source = "'%s'" % path.replace("'", "''")
    for node in ast.walk(scope):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        function, groups, values = node.func.attr, node.func.value, []
        if isinstance(groups, ast.Subscript) and isinstance(groups.value, ast.Call):
            values, groups = texts(inner(groups)) or [], groups.value
        if not isinstance(groups, ast.Call) or getattr(groups.func, "attr", "") != "groupby" or not groups.args:
            continue
        frame, keys, where = groups.func.value, texts(groups.args[0]), ""
        if isinstance(frame, ast.Subscript):
            where = condition(inner(frame), name)
            where, frame = " WHERE %s" % where if where else None, frame.value
        if not isinstance(frame, ast.Name) or frame.id != name or not keys or where is None:
            continue
        if function == "size":
            results = ["count(*)"]
        else:
            results = ["%s(%s)" % (AGGREGATES[function], quoted(value)) for value in values] if function in AGGREGATES else []
        if results:
            keys = ", ".join(map(quoted, keys))
            return "SELECT %s, %s FROM %s%s GROUP BY %s" % (keys, ", ".join(results), source, where, keys)
    return "SELECT %s FROM %s" % (", ".join(map(quoted, columns)), source) if columns else ""


def reading(file, line):
    """The columns that are used, separated by commas, and the query; each empty where it is not known."""
    tree = tree_of(file)
    found = read_at(tree, line)
    if found is None:
        return "", ""
    name, path, scope = found
    columns = columns_used(scope, name)
    return ",".join(columns or []), query(scope, name, path, columns) if path else ""
