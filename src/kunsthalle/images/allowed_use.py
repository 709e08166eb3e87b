"""What an image may be used for: expressions over the properties of the new server (reference/vpc-api.md D1).

The language is CEL without functions and macros: literals, the documented variables, `! - * / % + < <= > >= == !=`
`in && || ?:`, lists and parentheses. An expression is read and its types are checked when it is stored; nothing of
it is ever run as code.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from kunsthalle.core.records import dataclass

INSTANCE = {
    "enable_secure_boot": "bool",
    "gpu.count": "int",
    "gpu.manufacturer": "string",
    "gpu.memory": "int",
    "gpu.model": "string",
    "metadata_service.enabled": "bool",
    "metadata_service.protocol": "string",
    "vcpu.count": "int",
}
"""The variables of an expression about a virtual server, and their types."""
BARE_METAL = {"enable_secure_boot": "bool"}
"""The same for bare metal servers."""

LONGEST = 1_000
_MOST_TOKENS = 200
_DEEPEST = 20
_EMPTY: dict[str, Any] = {"bool": False, "int": 0, "string": ""}
_INT64 = 2**63

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<float>\d+\.\d+(?:[eE][+-]?\d{1,3})?)
    | (?P<int>0[xX][0-9a-fA-F]{1,16}|\d{1,19})
    | (?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
    | (?P<string>"(?:[^"\\\n]|\\["'\\nrt])*"|'(?:[^'\\\n]|\\["'\\nrt])*')
    | (?P<op>&&|\|\||[=!<>]=|[-+*/%<>!?:(),\[\]])
    )""",
    re.VERBOSE | re.ASCII,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


class BadExpression(ValueError):
    """Not an expression of this language, or not one that is true or false. The text says why."""


class _Undefined(Exception):
    """The expression has no value for these variables: a division by zero, an integer that is too large."""


class _Token(NamedTuple):
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class _Node:
    """A part of an expression: its type (`list:` and the items' for lists), and how its value is had."""

    type: str
    value: Callable[[Mapping[str, Any]], Any]


def check(expression: str, variables: Mapping[str, str]) -> None:
    """BadExpression unless the text is an expression over these variables that is true or false."""
    _parse(expression, variables)


def permits(expression: str, variables: Mapping[str, Any]) -> bool:
    """Whether the expression holds for a virtual server with these properties.

    Names are those of INSTANCE; what is absent counts as 0, false or empty. What cannot be decided is not permitted.
    """
    return _decide(expression, INSTANCE, variables)


def permits_bare_metal(expression: str, variables: Mapping[str, Any]) -> bool:
    """The same for a bare metal server, with the names of BARE_METAL."""
    return _decide(expression, BARE_METAL, variables)


def _decide(expression: str, known: Mapping[str, str], variables: Mapping[str, Any]) -> bool:
    values = {name: variables.get(name, _EMPTY[type_]) for name, type_ in known.items()}
    try:
        return bool(_parse(expression, known).value(values))
    except (BadExpression, _Undefined):
        return False


def _parse(expression: str, variables: Mapping[str, str]) -> _Node:
    parser = _Parser(_tokens(expression), variables)
    node = parser.conditional()
    parser.end()
    if node.type != "bool":
        raise BadExpression(f"the expression is a {node.type}, and must be true or false")
    return node


def _tokens(expression: str) -> list[_Token]:
    if len(expression) > LONGEST:
        raise BadExpression(f"an expression has at most {LONGEST} characters")
    tokens, at, text = [], 0, expression.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise BadExpression(f"the expression cannot be read from character {at + 1} on")
        tokens.append(_Token(match.lastgroup, match[match.lastgroup]))
        at = match.end()
    if len(tokens) > _MOST_TOKENS:
        raise BadExpression(f"an expression has at most {_MOST_TOKENS} words and signs")
    return [*tokens, _Token("end", "the end")]


_NUMBERS, _ORDERED = ("int", "double"), ("int", "double", "string", "bool")
_RELATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _fits(value: Any) -> Any:
    """Integers have 64 bits; what does not fit is an error in CEL, not another number."""
    if isinstance(value, int) and not -_INT64 <= value < _INT64:
        raise _Undefined
    return value


def _divide(left: Any, right: Any) -> Any:
    """Towards zero for integers, as CEL divides."""
    if right == 0:
        raise _Undefined
    if isinstance(left, float):
        return left / right
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def _rest(left: Any, right: Any) -> Any:
    return left - right * _divide(left, right)


_SUMS: dict[str, Callable[[Any, Any], Any]] = {"+": operator.add, "-": operator.sub}
_PRODUCTS: dict[str, Callable[[Any, Any], Any]] = {"*": operator.mul, "/": _divide, "%": _rest}


class _Parser:
    """One method a level of precedence, the loosest first."""

    def __init__(self, tokens: list[_Token], variables: Mapping[str, str]) -> None:
        self._tokens, self._variables = tokens, variables
        self._at = self._depth = 0

    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self, *texts: str) -> str | None:
        token = self._next()
        if token.kind in {"op", "name"} and token.text in texts:
            self._at += 1
            return token.text
        return None

    def _expect(self, text: str) -> None:
        if self._take(text) is None:
            raise BadExpression(f"{text} is expected before {self._next().text}")

    def end(self) -> None:
        if self._next().kind != "end":
            raise BadExpression(f"{self._next().text} is not expected here")

    def conditional(self) -> _Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise BadExpression("the expression is nested too deeply")
        node = self._either()
        if self._take("?") is not None:
            _need(node, "?", "bool")
            yes = self.conditional()
            self._expect(":")
            no = self.conditional()
            _need(no, ":", yes.type)
            test, then, other = node.value, yes.value, no.value
            node = _Node(yes.type, lambda known: then(known) if test(known) else other(known))
        self._depth -= 1
        return node

    def _either(self) -> _Node:
        node = self._both()
        while self._take("||") is not None:
            node = _logic(node, self._both(), "||", deciding=True)
        return node

    def _both(self) -> _Node:
        node = self._relation()
        while self._take("&&") is not None:
            node = _logic(node, self._relation(), "&&", deciding=False)
        return node

    def _relation(self) -> _Node:
        node = self._sum()
        while (sign := self._take(*_RELATIONS, "in")) is not None:
            node = _member(node, self._sum()) if sign == "in" else _compare(node, self._sum(), sign)
        return node

    def _sum(self) -> _Node:
        node = self._product()
        while (sign := self._take(*_SUMS)) is not None:
            types = (*_NUMBERS, "string") if sign == "+" else _NUMBERS
            node = _arithmetic(node, self._product(), sign, types, _SUMS[sign])
        return node

    def _product(self) -> _Node:
        node = self._unary()
        while (sign := self._take(*_PRODUCTS)) is not None:
            types = ("int",) if sign == "%" else _NUMBERS
            node = _arithmetic(node, self._unary(), sign, types, _PRODUCTS[sign])
        return node

    def _unary(self) -> _Node:
        signs = []
        while (sign := self._take("!", "-")) is not None:
            signs.append(sign)
        node = self._primary()
        for sign in reversed(signs):
            node = _negate(node) if sign == "-" else _not(node)
        return node

    def _primary(self) -> _Node:
        token = self._next()
        self._at += 1
        if token.kind == "int":
            number = int(token.text, 0 if token.text[:2].lower() == "0x" else 10)
            return _Node("int", lambda _known: _fits(number))
        if token.kind == "float":
            return _constant("double", float(token.text))
        if token.kind == "string":
            return _constant("string", _unescaped(token.text[1:-1]))
        if token.kind == "name":
            return self._name(token.text)
        if token.text == "(":
            node = self.conditional()
            self._expect(")")
            return node
        if token.text == "[":
            return self._list()
        raise BadExpression(f"{token.text} is not expected here")

    def _name(self, name: str) -> _Node:
        if name in {"true", "false"}:
            return _constant("bool", name == "true")
        if self._next().text == "(" and self._next().kind == "op":
            raise BadExpression(f"functions and macros such as {name} are not supported")
        type_ = self._variables.get(name)
        if type_ is None:
            raise BadExpression(f"{name} is not known; known are {', '.join(self._variables)}")
        return _Node(type_, lambda known: known[name])

    def _list(self) -> _Node:
        items: list[_Node] = []
        while self._take("]") is None:
            if items:
                self._expect(",")
            items.append(self.conditional())
            _need(items[-1], "in a list", items[0].type)
        values = [value_node.value for value_node in items]
        return _Node(f"list:{items[0].type if items else ''}", lambda known: [value(known) for value in values])


def _constant(type_: str, value: Any) -> _Node:
    return _Node(type_, lambda _known: value)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text)


def _need(node: _Node, sign: str, *types: str) -> None:
    if node.type not in types:
        raise BadExpression(f"{sign} needs {' or '.join(types)}, not {node.type}")


def _logic(left: _Node, right: _Node, sign: str, *, deciding: bool) -> _Node:
    """One side that decides is enough, even where the other has no value (CEL)."""
    _need(left, sign, "bool")
    _need(right, sign, "bool")

    def value(known: Mapping[str, Any]) -> bool:
        try:
            if left.value(known) is deciding:
                return bool(deciding)
        except _Undefined:
            if right.value(known) is deciding:
                return bool(deciding)
            raise
        return bool(right.value(known))

    return _Node("bool", value)


def _compare(left: _Node, right: _Node, sign: str) -> _Node:
    if sign not in {"==", "!="}:
        _need(left, sign, *_ORDERED)
    _need(right, sign, left.type)
    decide = _RELATIONS[sign]
    return _Node("bool", lambda known: decide(left.value(known), right.value(known)))


def _member(left: _Node, right: _Node) -> _Node:
    _need(right, "in", f"list:{left.type}", "list:")
    return _Node("bool", lambda known: bool(left.value(known) in right.value(known)))


def _arithmetic(left: _Node, right: _Node, sign: str, types: tuple[str, ...], make: Callable[[Any, Any], Any]) -> _Node:
    _need(left, sign, *types)
    _need(right, sign, left.type)
    return _Node(left.type, lambda known: _fits(make(left.value(known), right.value(known))))


def _negate(node: _Node) -> _Node:
    _need(node, "-", *_NUMBERS)
    return _Node(node.type, lambda known: _fits(-node.value(known)))


def _not(node: _Node) -> _Node:
    _need(node, "!", "bool")
    return _Node("bool", lambda known: not node.value(known))
