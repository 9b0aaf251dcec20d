"""The rules of this project that no linter knows, read off the syntax tree."""

import ast

SPEAKER = "payplug_api.py"
REMOTE = ("payplug", "requests")
LINK = "models/payplug_payment_link"
QUEUE = "models/payplug_sending"
MOVER = "_move_to"


def broken(addon):
    """The places in the folder `addon` that break a rule, one sentence each."""
    catching_all = []
    for path in sorted(addon.rglob("*.py")):
        name = path.relative_to(addon).as_posix()
        if name.startswith("tests/"):
            continue
        for node, function in _nodes(ast.parse(path.read_text())):
            place = f"{addon.name}/{name}:{getattr(node, 'lineno', 0)}"
            if _catches_all(node):
                catching_all.append(place)
            if name != SPEAKER and _speaks(node):
                yield f"{place}: only {SPEAKER} imports {' and '.join(REMOTE)}"
            if function != MOVER and _moves_link(name, node):
                yield f"{place}: only {MOVER} writes the state of a link"
    if len(catching_all) > 1:
        # booking may be refused for any reason, everything else is known by name
        yield f"More than one `except Exception`: {', '.join(catching_all)}"


def _nodes(tree, function=""):
    """Every node of the tree, with the name of the function it stands in."""
    for node in ast.iter_child_nodes(tree):
        yield node, function
        yield from _nodes(node, getattr(node, "name", None) or function)


def _catches_all(node):
    if not isinstance(node, ast.ExceptHandler):
        return False
    return node.type is None or ast.unparse(node.type) in ("Exception", "BaseException")


def _speaks(node):
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and not node.level:
        names = [node.module]
    else:
        return False
    return any(name.split(".")[0] in REMOTE for name in names)


def _moves_link(name, node):
    """Whether the attribute "state" is set, or a link written by a dictionary."""
    if name.startswith(QUEUE):  # whose rows have a state of their own
        return False
    if isinstance(node, ast.Dict) and name.startswith(LINK):
        return any(getattr(key, "value", None) == "state" for key in node.keys)
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "state"
        and isinstance(node.ctx, ast.Store)
    )
