"""The package as it is imported: its names, loaded when they are used."""

from __future__ import annotations

import inspect

import pytest

import rightkey


@pytest.mark.parametrize("name", rightkey.__all__)
def test_every_public_name_is_there(name: str) -> None:
    """As an attribute, and among what `dir` shows."""
    assert getattr(rightkey, name) is getattr(rightkey, name)
    assert name in dir(rightkey)
    namespace: dict[str, object] = {}
    exec(f"from rightkey import {name}", namespace)
    assert namespace[name] is getattr(rightkey, name)


@pytest.mark.parametrize("name", [name for name in rightkey.__all__ if callable(getattr(rightkey, name))])
def test_every_public_class_and_function_has_a_docstring(name: str) -> None:
    """Of its own, and so has each of its public methods and properties."""
    thing = getattr(rightkey, name)
    assert inspect.getdoc(thing)
    if inspect.isclass(thing):
        members = [value for attribute, value in vars(thing).items() if not attribute.startswith("_")]
        methods = [one for one in members if inspect.isroutine(one) or isinstance(one, property)]
        assert [one for one in methods if not inspect.getdoc(one)] == []


def test_an_unknown_name_is_an_attribute_error() -> None:
    """That says which."""
    with pytest.raises(AttributeError, match=r"module 'rightkey' has no attribute 'Verifer'"):
        rightkey.Verifer  # noqa: B018


def test_the_names_are_sorted_and_each_once() -> None:
    """The version first."""
    assert rightkey.__all__[0] == "__version__"
    assert rightkey.__all__[1:] == sorted(set(rightkey.__all__[1:]))
    assert rightkey.__version__
