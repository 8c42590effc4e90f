// Python's and NumPy's rounding division and powers, for generated code that needs them.
//
// Everything here is total: no argument makes the process stop. Where Python raises, the caller has tested before, and the
// result is NumPy's (an integer divided by zero is zero).
#ifndef PYLMS_PYTHON_NUMBERS_H
#define PYLMS_PYTHON_NUMBERS_H

namespace pylms {

// Rounded towards minus infinity; the least integer divided by -1 wraps round to itself.
template <class T>
inline T floor_divide(T a, T b) {
  if (b == 0) return 0;
  if (T(-1) < T(0) && b == T(-1)) return T(0 - (unsigned long long)a);
  T quotient = T(a / b);
  return T(quotient - (a % b != 0 && (a < 0) != (b < 0)));
}

// Of the divisor's sign.
template <class T>
inline T modulo(T a, T b) {
  if (b == 0 || (T(-1) < T(0) && b == T(-1))) return 0;
  T rest = T(a % b);
  return T(rest != 0 && (a < 0) != (b < 0) ? rest + b : rest);
}

inline double remainder_towards_zero(double a, double b) { return __builtin_fmod(a, b); }
inline float remainder_towards_zero(float a, float b) { return __builtin_fmodf(a, b); }
inline double round_down(double a) { return __builtin_floor(a); }
inline float round_down(float a) { return __builtin_floorf(a); }
inline double with_sign_of(double a, double b) { return __builtin_copysign(a, b); }
inline float with_sign_of(float a, float b) { return __builtin_copysignf(a, b); }

template <class T>
inline T float_modulo(T a, T b) {
  T rest = remainder_towards_zero(a, b);
  if (rest == 0) return with_sign_of(T(0), b);
  return (b < 0) != (rest < 0) ? rest + b : rest;
}

// The quotient is taken of what divides exactly, so it is nearly whole, and rounded to the nearest whole number.
template <class T>
inline T float_floor_divide(T a, T b) {
  if (b == 0) return a / b;
  T rest = remainder_towards_zero(a, b);
  T quotient = (a - rest) / b;
  if (rest != 0 && (b < 0) != (rest < 0)) quotient -= 1;
  if (quotient == 0) return with_sign_of(T(0), a / b);
  T whole = round_down(quotient);
  return quotient - whole > T(0.5) ? whole + 1 : whole;
}

template <> inline double floor_divide(double a, double b) { return float_floor_divide(a, b); }
template <> inline float floor_divide(float a, float b) { return float_floor_divide(a, b); }
template <> inline double modulo(double a, double b) { return float_modulo(a, b); }
template <> inline float modulo(float a, float b) { return float_modulo(a, b); }

// base ** exponent for exponent >= 0; true if it does not fit.
inline bool power_overflows(long long base, long long exponent, long long *result) {
  long long product = 1;
  bool base_overflowed = false;
  for (; exponent > 0; exponent >>= 1) {
    if (exponent & 1 && (base_overflowed || __builtin_mul_overflow(product, base, &product))) return true;
    base_overflowed |= __builtin_mul_overflow(base, base, &base);
  }
  *result = product;
  return false;
}

// Wraps. A negative exponent gives the reciprocal, rounded towards zero.
template <class T>
inline T power(T base, T exponent) {
  if (exponent < 0) return T(base == 1 ? 1 : base != T(-1) ? 0 : exponent & 1 ? -1 : 1);
  unsigned long long product = 1, square = (unsigned long long)base;
  for (; exponent > 0; exponent = T(exponent >> 1), square *= square)
    if (exponent & 1) product *= square;
  return T(product);
}

// Towards zero. Compilers turn an integer that goes back to floating point at once into a truncation, which would keep
// the sign of zero; the integer is hidden from them.
inline long long truncated(double a) {
  long long whole = (long long)a;
  __asm__("" : "+r"(whole));
  return whole;
}

// A product that the compiler must not join with an addition to one rounding.
inline double rounded(double product) {
#if defined(__x86_64__)
  __asm__("" : "+x"(product));
#elif defined(__aarch64__)
  __asm__("" : "+w"(product));
#else
  __asm__("" : "+m"(product));
#endif
  return product;
}

}  // namespace pylms

#endif
