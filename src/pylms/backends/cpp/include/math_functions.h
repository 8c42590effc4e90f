// Functions of Python's `math` that the C library computes otherwise.
#ifndef PYLMS_MATH_FUNCTIONS_H
#define PYLMS_MATH_FUNCTIONS_H

#include "python_numbers.h"

namespace pylms {

// sqrt(x*x + y*y), rounded once but for the rarest cases, as CPython's: the squares with their rounding errors, a root, and one
// step of Newton's method on what the root leaves.
inline double hypot(double x, double y) {
  x = __builtin_fabs(x);
  y = __builtin_fabs(y);
  if (__builtin_isinf(x) || __builtin_isinf(y)) return __builtin_inf();
  if (x != x || y != y) return x + y;
  if (x < y) {
    const double other = x;
    x = y;
    y = other;
  }
  if (x == 0) return 0;
  int exponent;
  __builtin_frexp(x, &exponent);
  x = __builtin_ldexp(x, -exponent);
  y = __builtin_ldexp(y, -exponent);
  const double xx = rounded(x * x), yy = rounded(y * y), sum = xx + yy;
  const double error = (xx - sum) + yy + __builtin_fma(x, x, -xx) + __builtin_fma(y, y, -yy);
  const double root = __builtin_sqrt(sum), rest = __builtin_fma(-root, root, sum) + error;
  return __builtin_ldexp(root + rest / (2 * root), exponent);
}

}  // namespace pylms

#endif
