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


def test_the_names_are_each_once_and_each_can_be_loaded() -> None:
    """`__all__` is a literal list, for tools that read and do not run; it lists what is loaded on demand."""
    assert len(rightkey.__all__) == len(set(rightkey.__all__))
    assert set(rightkey.__all__) == rightkey._HOME_OF.keys()
    assert rightkey.__version__
