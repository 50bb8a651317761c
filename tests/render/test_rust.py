"""Rust symbols, as GNU's demangler writes them."""

from __future__ import annotations

import pytest

from pycrash.render.rust import demangle, demangle_call

NAMES = {
    "_RNvCs1234_7mycrate3foo": "mycrate::foo",
    "_RNvNvNvC7mycrate1a1b1c": "mycrate::a::b::c",
    "_RNvC6_123foo3bar": "123foo::bar",
    "_RNvMCsdJzZcVD6n4a_10rust_panicNtB2_10HelloPanic8step_two": (
        "<rust_panic::HelloPanic>::step_two"
    ),
    "_RNvXCs1234_7mycrateNtB2_3FooNtNtCs5678_4core3fmt5Debug3fmt": (
        "<mycrate::Foo as core::fmt::Debug>::fmt"
    ),
    "_RNvYNtC3std6StringNtNtC4core3fmt5Debug3fmt": "<std::String as core::fmt::Debug>::fmt",
    "_RNvXs_C7mycrateINtB4_3FoomENtB4_3Bar3baz": "<mycrate::Foo<u32> as mycrate::Bar>::baz",
    "_RINvNtC3std3mem8align_ofdE": "std::mem::align_of::<f64>",
    "_RINvCs1234_7mycrate3fooRjQmPaOxE": "mycrate::foo::<&usize, &mut u32, *const i8, *mut i64>",
    "_RINvCs1234_7mycrate3fooAjj10_E": "mycrate::foo::<[usize; 16]>",
    "_RINvCs1234_7mycrate3fooTjmEE": "mycrate::foo::<(usize, u32)>",
    "_RINvCs1234_7mycrate3fooTjEE": "mycrate::foo::<(usize,)>",
    "_RINvCs1234_7mycrate3fooFjmEuE": "mycrate::foo::<fn(usize, u32)>",
    "_RINvCs1234_7mycrate3fooFUKCjmElE": 'mycrate::foo::<unsafe extern "C" fn(usize, u32) -> i32>',
    "_RINvCs1234_7mycrate3fooDNtC4core5DebugEL_E": "mycrate::foo::<dyn core::Debug>",
    "_RINvCs1234_7mycrate3fooDINtC4core2FnjEp6OutputmEL_E": (
        "mycrate::foo::<dyn core::Fn<usize, Output = u32>>"
    ),
    "_RINvNtNtC4core3str7pattern3fooFG_RL0_hEuE": "core::str::pattern::foo::<for<'a> fn(&'a u8)>",
    "_RINvC7mycrate3fooKj1f_Kb1_Kc61_Kln5_E": "mycrate::foo::<31, true, 'a', -5>",
    "_RNCNvCs1234_7mycrate4mains_0B3_": "mycrate::main::{closure#1}",
    "_RNSNvCs1234_7mycrate4main6vtable": "mycrate::main::{shim:vtable#0}",
    "_RNqCs4fqI2P2rA04_11utf8_identsu30____7hkackfecea1cbdathfdh9hlq6y": (
        "utf8_idents::საჭმელად_გემრიელი_სადილი"
    ),
    "_RNvCs1234_7mycrate3foo.cold": "mycrate::foo",
    "_ZN4core3fmt9Formatter3pad17h0123456789abcdefE": "core::fmt::Formatter::pad",
    "_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$3bar"
    "17h930b740aa94f1d3aE": "<Test + 'static as foo::Bar<Test>>::bar",
    "_ZN3foo17h05af221e174051e9E.llvm.9D1C9369": "foo",
}


@pytest.mark.parametrize("mangled", NAMES)
def test_names(mangled: str) -> None:
    assert demangle(mangled) == NAMES[mangled]


@pytest.mark.parametrize(
    "text",
    [
        "schedule",
        "_R",
        "_RNvC",
        "_Rnothing",
        "_ZN3fooE",
        "_ZN3foo17h05af221e174051ezE",
        "_RNvB_3foo",
        "_RNvCs1234_7mycrate300foo",
        "_RINvC1a1b" + "R" * 5000 + "jE",
        "_RNvC1a1b!",
    ],
)
def test_what_is_no_name_of_rust(text: str) -> None:
    assert demangle(text) is None


def test_the_symbol_before_the_last_plus_of_each_line() -> None:
    text = " ? _RNvC1a1b+0x1/0x2 [m]\nnothing _RNvC1a1b here\n_ZN1a17h0123456789abcdefE+0x3/0x4"
    assert demangle_call(text) == " ? a::b+0x1/0x2 [m]\nnothing _RNvC1a1b here\na+0x3/0x4"
