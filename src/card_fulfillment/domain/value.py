"""Values that an event makes many of, as plain classes: the cheapest that Python can make."""

from typing import ClassVar


class Value:
    """Compared, hashed and shown by its fields, which never change.

    `__match_args__` names them. Making one and reading its fields is cheap. Comparing, hashing and
    showing are not, for they look each field up by its name: classes of which many are compared or
    hashed do that themselves (`Key`, `Subject`, `Reference`).
    """

    __match_args__: ClassVar[tuple[str, ...]] = ()

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Value)
            and type(self) is type(other)
            and self.values() == other.values()
        )

    def __hash__(self) -> int:
        return hash(self.values())

    def __repr__(self) -> str:
        fields = zip(self.__match_args__, self.values(), strict=True)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in fields)})"

    def values(self) -> tuple[object, ...]:
        """Those of its fields, in their order."""
        return tuple([getattr(self, name) for name in self.__match_args__])
