"""The rules of this project that no linter knows, read off the syntax tree."""

import ast

README = "README.rst"
LINK_FILE = "models/payplug_payment_link"  # as a prefix
# their rows have a state of their own
OTHER_STATES = ("models/payplug_sending", "models/payplug_refund")
STATE_WRITER = "_move_to"


def violations(addon):
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
            if function != STATE_WRITER and _writes_state(name, node):
                yield f"{place}: only {STATE_WRITER} writes the state of a link"
    if len(catching_all) > 1:
        yield f"More than one `except Exception`: {', '.join(catching_all)}"


def stale_readme(addon, fix):
    """Whether the addon's README is no copy (but for paths) of the project's."""
    text = (addon.parent / README).read_text()
    text = text.replace(f"{addon.name}/static/", "static/")
    if fix:
        (addon / README).write_text(text)
    return (addon / README).read_text() != text


def _nodes(tree, function=""):
    """Every node of the tree, with the name of the function it stands in."""
    for node in ast.iter_child_nodes(tree):
        yield node, function
        yield from _nodes(node, getattr(node, "name", None) or function)


def _catches_all(node):
    if not isinstance(node, ast.ExceptHandler):
        return False
    return node.type is None or ast.unparse(node.type) in ("Exception", "BaseException")


def _writes_state(name, node):
    """Whether `.state` is assigned, or a link written by a dictionary."""
    if name.startswith(OTHER_STATES):
        return False
    if isinstance(node, ast.Dict) and name.startswith(LINK_FILE):
        return any(getattr(key, "value", None) == "state" for key in node.keys)
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "state"
        and isinstance(node.ctx, ast.Store)
    )
