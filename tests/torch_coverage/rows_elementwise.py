"""Elementwise functions."""

from __future__ import annotations

import math

import torch

from .rows import Section

SECTION = Section("Elementwise functions")

A = torch.tensor([[0.5, -1.5, 2.0], [0.0, 3.0, -0.25]])
B = torch.tensor([[1.5, 0.5, 2.0], [2.0, -1.0, 0.75]])
ROW = torch.tensor([1.0, -2.0, 0.5])
POSITIVE = torch.tensor([[0.5, 1.5, 2.0], [0.1, 3.0, 0.25]])
UNIT = torch.tensor([0.5, -0.9, 0.0, 0.25])
CORNERS = torch.tensor([0.0, -0.0, math.inf, -math.inf, math.nan, 1e-30, -2.5, 3.5])
INTS = torch.tensor([[3, -4, 5], [7, 0, -9]])
SMALL_INTS = torch.tensor([1, 2, 3], dtype=torch.int32)
BOOLS = torch.tensor([[True, False, True], [False, False, True]])

yes, no = SECTION.yes, SECTION.no

yes("`+`, `add`", lambda a, b: a + b, A, B, double=True)
yes("`+`, `add`", lambda a, b: torch.add(a, b, alpha=0.5) + 2 + b + a.add(1), A, ROW)
yes("`-`, `sub`, `rsub`", lambda a, b: (a - b, 1 - a, torch.rsub(a, b), a.sub(b, alpha=2)), A, B)
yes("`*`, `mul`", lambda a, b: (a * b, 2 * a, a.mul(b)), A, ROW, double=True)
yes("`/`, `div`, with `rounding_mode`", lambda a, b: (a / b, 1 / b, a.div(2)), A, B, double=True)
yes(
    "`/`, `div`, with `rounding_mode`",
    lambda a, b: (a * a.div(b, rounding_mode="floor"), a + a.div(b, rounding_mode="trunc")),
    A,
    B,
)
yes("`//`, `floor_divide`", lambda a, b: (a // b, torch.floor_divide(a, 2)), INTS, SMALL_INTS)
yes("`%`, `remainder`", lambda a, b: (a % b.detach(), torch.remainder(b, 1.5), a % 2), A, B)
yes("`fmod`", lambda a, b: torch.fmod(a, b), A, B)
yes("`**`, `pow`", lambda a, b: (a**b, a**2, a**0.5, 2**b, a.pow(3), a**-1), POSITIVE, B, double=True)
yes("`**`, `pow`", lambda a: (a**2, a**3, a**0), A)
yes("`neg`, `positive`, `abs`", lambda a: (-a, +a, a.abs(), torch.absolute(a), abs(a)), A)
yes("`sign`, `sgn`", lambda a: (a.sign() * a, torch.sgn(a) + a), CORNERS)
yes("`sign`, `sgn`", lambda a: a.sign(), INTS)
yes("`exp`, `log`, `sqrt`", lambda a: (a.exp(), torch.log(a), a.sqrt()), POSITIVE, double=True)
yes("`exp2`, `expm1`", lambda a: (torch.exp2(a), a.expm1()), A, double=True)
yes("`log1p`, `log2`, `log10`", lambda a: (a.log1p(), torch.log2(a), a.log10()), POSITIVE, double=True)
yes("`rsqrt`, `reciprocal`, `square`", lambda a: (a.rsqrt(), a.reciprocal(), a.square()), POSITIVE, double=True)
yes("`sin`, `cos`, `tan`", lambda a: (a.sin(), a.cos(), a.tan()), A, double=True)
yes(
    "`asin`, `acos`, `atan`, `atan2`",
    lambda a: (a.asin(), a.acos(), a.atan(), torch.atan2(a, a + 2)),
    UNIT,
    double=True,
)
yes(
    "`sinh`, `cosh`, `asinh`, `acosh`, `atanh`",
    lambda a: (a.sinh(), a.cosh(), a.asinh(), a.atanh(), (a + 2).acosh()),
    UNIT,
)
yes("`tanh`, `sigmoid`", lambda a: (a.tanh(), torch.sigmoid(a), torch.special.expit(a)), A, double=True)
yes("`erf`, `erfc`", lambda a: (a.erf(), torch.erfc(a), torch.special.erf(a)), A, double=True)
yes(
    "`logit`, `xlogy`, `logaddexp`, `sinc`",
    lambda a: (a.logit(), torch.xlogy(a, a), torch.logaddexp(a, -a), a.sinc()),
    UNIT.abs() * 0.9 + 0.05,
)
yes(
    "`floor`, `ceil`, `round`, `trunc`, `frac`",
    lambda a: (a.floor(), a.ceil(), a.round(), a.trunc(), a.frac()),
    A * 1.7,
)
yes("`hypot`, `copysign`", lambda a, b: (torch.hypot(a, b), torch.copysign(a, b)), POSITIVE, B)
yes(
    "`clamp`, `clip`, `clamp_min`, `clamp_max`",
    lambda a, b: (a.clamp(-1, 1.5), a.clip(min=0), a.clamp(b - 1, b), a.clamp_min(0.5), a.clamp_max(0)),
    A,
    B,
)
yes("`clamp`, `clip`, `clamp_min`, `clamp_max`", lambda i, r: (i.clamp(-1, 4), i.clamp(0.5, 4), i.clamp(r)), INTS, ROW)
yes("`maximum`, `minimum`, `max(a, b)`", lambda a, b: (torch.maximum(a, b), torch.minimum(a, b), torch.max(a, b)), A, B)
yes("`fmax`, `fmin`", lambda a, b: (torch.fmax(a, b), torch.fmin(a, b), (a / 0).fmax(b)), A, B)
yes(
    "`lerp`, `addcmul`, `addcdiv`",
    lambda a, b, c: (
        a.lerp(b, 0.25),
        a.lerp(b, 0.75),
        torch.lerp(a, b, c),
        torch.addcmul(a, b, c, value=0.5),
        a.addcdiv(b, c),
    ),
    A,
    B,
    POSITIVE,
)
yes("`where`", lambda a, b: (torch.where(a > b, a, b), torch.where(a > 0, a, 0.5), a.where(b > 1, b)), A, B)
yes("`masked_fill`", lambda a, m: (a.masked_fill(m, 2.0), a[0].masked_fill(m, -1)), A, BOOLS)
yes(
    "`==`, `!=`, `<`, `<=`, `>`, `>=`",
    lambda a, b: (a == b, a != b, a < 0.5, a <= b, a > b, 0 >= a, a.eq(b), a.ge(b)),
    A,
    B,
)
yes(
    "`isnan`, `isinf`, `isfinite`, `nan_to_num`",
    lambda a: (a.isnan(), a.isinf(), a.isfinite(), a.nan_to_num(1.5, 3, -3), torch.nan_to_num(a, posinf=2, neginf=-2)),
    CORNERS,
)
yes("`isclose`", lambda a: (torch.isclose(a, a + 1e-9), torch.isclose(a, a * 1.1)), CORNERS)
yes(
    "`logical_and`, `logical_or`, `logical_not`, `logical_xor`",
    lambda a, b: (torch.logical_and(a, b), a.logical_or(b), a.logical_not(), torch.logical_xor(a, b)),
    BOOLS,
    INTS,
)
yes("`&`, `|`, `^`, `~` of bools", lambda a, b: (a & ~b, a | b, a ^ b), BOOLS, BOOLS.flip(0))
no(
    "`&`, `|`, `<<` of integers",
    lambda a: a & 3,
    INTS,
    says="of integers cannot be staged yet",
)
yes("dtypes that meet", lambda a, b, c: (a + b, a * c, b * 0.5, b + c, a > b, c * 2), A, INTS, BOOLS)
yes(
    "`to`, `float`, `double`, `int`, `long`, `bool`, `type_as`",
    lambda a, b: (a.double(), a.long(), a.int().float(), a.bool(), b.to(torch.float32), b.type_as(a), a.to(b)),
    A,
    INTS,
)
