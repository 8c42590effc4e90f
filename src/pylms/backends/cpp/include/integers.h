// Bit operations, exact quotients and exact comparisons of integers, for generated code that needs them.
//
// Everything here is total: no argument makes the process stop. Where Python raises, the caller has tested before, or a
// function tells by its result.
#ifndef PYLMS_INTEGERS_H
#define PYLMS_INTEGERS_H

namespace pylms {

// NumPy's shifts: what leaves the width is lost; a count that is no place of the type leaves zero, or the sign.
template <class T>
inline T shift_left(T a, T count) {
  return count >= T(0) && count < T(sizeof(T) * 8) ? T((unsigned long long)a << count) : T(0);
}
template <class T>
inline T shift_right(T a, T count) {
  if (count >= T(0) && count < T(sizeof(T) * 8)) return T(a >> count);
  return a < T(0) ? T(-1) : T(0);
}

// a << count for count >= 0; true if 64 bits do not hold it.
inline bool shift_overflows(long long a, long long count, long long *result) {
  *result = count < 64 ? (long long)((unsigned long long)a << count) : 0;
  return count < 64 ? (*result >> count) != a : a != 0;
}

inline unsigned long long magnitude(long long a) { return a < 0 ? 0 - (unsigned long long)a : (unsigned long long)a; }
inline unsigned long long magnitude(unsigned long long a) { return a; }

inline long long bit_length(unsigned long long a) { return a ? 64 - __builtin_clzll(a) : 0; }
inline long long bit_count(unsigned long long a) { return __builtin_popcountll(a); }

// Rounded down. The double is at most one away.
inline long long integer_root(long long n) {
  if (n <= 0) return 0;
  unsigned long long root = (unsigned long long)__builtin_sqrt((double)n), square = (unsigned long long)n;
  if (root * root > square) --root;
  if ((root + 1) * (root + 1) <= square) ++root;
  return (long long)root;
}

// The greatest common divisor; true if 64 bits do not hold it.
inline bool divisor_overflows(long long a, long long b, long long *result) {
  unsigned long long x = magnitude(a), y = magnitude(b);
  while (y) {
    const unsigned long long rest = x % y;
    x = y;
    y = rest;
  }
  *result = (long long)x;
  return *result < 0;
}

// base ** exponent mod modulus, of the modulus' sign, for modulus != 0; true if a negative exponent asks for an inverse that
// there is not.
inline bool has_no_modular_power(long long base, long long exponent, long long modulus, long long *result) {
  typedef unsigned __int128 Wide;
  const unsigned long long size = magnitude(modulus);
  unsigned long long square = magnitude(base) % size;
  if (base < 0 && square) square = size - square;
  unsigned long long steps = magnitude(exponent);
  if (exponent < 0) {  // Euclid's algorithm; the factors stay below the modulus
    __int128 inverse = 0, next = 1;
    unsigned long long x = size, y = square;
    while (y) {
      const unsigned long long quotient = x / y, rest = x % y;
      const __int128 after = inverse - (__int128)quotient * next;
      x = y, y = rest, inverse = next, next = after;
    }
    if (x != 1) return true;
    square = (unsigned long long)(inverse < 0 ? inverse + size : inverse) % size;
  }
  unsigned long long product = 1 % size;
  for (; steps; steps >>= 1) {
    if (steps & 1) product = (unsigned long long)((Wide)product * square % size);
    square = (unsigned long long)((Wide)square * square % size);
  }
  *result = modulus < 0 && product ? (long long)(product - size) : (long long)product;
  return false;
}

// Beyond 2^53 a quotient is computed to 55 bits at least, the last of which tells whether anything was left.
__attribute__((noinline, cold)) static double long_quotient(unsigned long long x, unsigned long long y) {
  const long long missing = 55 + bit_length(y) - bit_length(x);
  const int shift = missing > 0 ? (int)missing : 0;
  const unsigned __int128 wide = (unsigned __int128)x << shift;
  unsigned long long quotient = (unsigned long long)(wide / y);
  quotient |= wide % y != 0;
  return __builtin_ldexp((double)quotient, -shift);
}

// a / b as the nearest double. Doubles hold operands up to 2^53, and then one division rounds once.
inline double true_quotient(long long a, long long b) {
  const unsigned long long x = magnitude(a), y = magnitude(b), exact = 1ull << 53;
  if (__builtin_expect((x <= exact && y <= exact) || b == 0, 1)) return (double)a / (double)b;
  const double size = long_quotient(x, y);
  return (a < 0) != (b < 0) ? -size : size;
}

// Comparisons of the numbers themselves. Rounding an int to double keeps order, so only where the two are equal
// afterwards is the double, which is whole then, compared as an int. No int reaches 2^63.
inline bool int_eq_float(long long i, double x) { return (double)i == x && x < 0x1p63 && i == (long long)x; }
inline bool int_lt_float(long long i, double x) {
  return (double)i != x ? (double)i < x : x >= 0x1p63 || i < (long long)x;
}
inline bool int_le_float(long long i, double x) {
  return (double)i != x ? (double)i < x : x >= 0x1p63 || i <= (long long)x;
}
inline bool int_ne_float(long long i, double x) { return !int_eq_float(i, x); }
inline bool int_gt_float(long long i, double x) { return (double)i != x ? (double)i > x : !int_le_float(i, x); }
inline bool int_ge_float(long long i, double x) { return (double)i != x ? (double)i > x : !int_lt_float(i, x); }

}  // namespace pylms

#endif
