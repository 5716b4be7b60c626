"""Named tuples of arrays passed to kernels by reference.

Numba passes a named tuple by value: every number and every array of it, field by field, to every
function. The state of the market has some hundred arrays, and compiling
these arguments took most of a first run. Behind a reference, a kernel reads only the fields that
it uses; in Python a reference is the tuple itself, so that kernels are written the same way.
"""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    infer_getattr,
    intrinsic,
    lower_getattr_generic,
    models,
    register_model,
)

from marketsim.numerics.jit import numba_config


class Reference(types.Type):
    """Type of the address of a named tuple.

    Parameters
    ----------
    held : numba.types.BaseNamedTuple
        Type of the tuple; its fields are numbers, arrays, tuples of numbers, and named tuples.
    """

    def __init__(self, held: types.BaseNamedTuple) -> None:
        self.held: Any = held
        super().__init__(name=f"Reference({held})")

    def field(self, name: str) -> int | None:
        """Return the place of a field in the tuple, None if there is no such field."""
        return self.held.fields.index(name) if name in self.held.fields else None


@register_model(Reference)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Reference) -> None:
        pointer = manager.lookup(kind.held).get_value_type().as_pointer()
        super().__init__(manager, kind, pointer)


@infer_getattr
class _Fields(AttributeTemplate):
    key = Reference

    def generic_resolve(self, kind: Any, name: str) -> Any:  # type: ignore[override]
        """Return the type of a field: a reference again, if it is a named tuple."""
        place = kind.field(name)
        if place is None:
            return None
        found = kind.held.types[place]
        return Reference(found) if isinstance(found, types.BaseNamedTuple) else found


@lower_getattr_generic(Reference)
def _load(context: Any, builder: Any, kind: Reference, address: Any, name: str) -> Any:
    """Load a field: a number, the few words that describe an array, or an address within."""
    place = kind.field(name)
    found = kind.held.types[place]
    inside = cgutils.gep_inbounds(builder, address, 0, place)
    if isinstance(found, types.BaseNamedTuple):
        return inside
    if not isinstance(found, types.Array):
        return builder.load(inside)
    # Arrays of the market stay where they are while a kernel runs: their address and shape may be
    # loaded once, before a loop that writes to them. The owner of the memory is left out, so that
    # nobody counts references.
    proxy = cgutils.create_struct_proxy(found)(context, builder)
    constant = builder.module.add_metadata([])
    for k, part in enumerate(proxy._datamodel._fields):
        if part not in ("meminfo", "parent"):
            value = builder.load(cgutils.gep_inbounds(builder, inside, 0, k))
            value.set_metadata("invariant.load", constant)
            setattr(proxy, part, value)
    return proxy._getvalue()


@intrinsic
def _address(_context, held):
    def place(_context: Any, builder: Any, _signature: Any, values: Any) -> ir.Value:
        slot = cgutils.alloca_once(builder, values[0].type)
        builder.store(values[0], slot)
        return slot

    return Reference(held)(held), place


def _itself(held: Any) -> Any:
    return held


by_reference: Any = _itself if numba_config.DISABLE_JIT else _address
