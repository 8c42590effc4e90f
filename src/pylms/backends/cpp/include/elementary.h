// exp, log, tanh and the logistic function of float and double, for scalars and for vectors.
//
// The float ones are branch-free polynomials within 4 units in the last place of the exact value, infinities, NaN and
// subnormals included, written once for scalars and vectors; compilers vectorise loops over the scalar ones. The
// double ones call the C library, lane by lane.
#ifndef PYLMS_ELEMENTARY_H
#define PYLMS_ELEMENTARY_H

#include "vec.h"

namespace pylms {

namespace elementary_detail {

template <class V>
struct Bits {
  typedef VectorTypes<float>::lanes type;
};
template <>
struct Bits<float> {
  typedef int type;
};

template <class To, class From>
PYLMS_INLINE To bits_as(From value) {
  static_assert(sizeof(To) == sizeof(From), "a value and its bits have one size");
  To result;
  __builtin_memcpy(&result, &value, sizeof(To));
  return result;
}

PYLMS_INLINE float to_float(int n) { return float(n); }
PYLMS_INLINE Vec<float> to_float(VectorTypes<float>::lanes n) { return __builtin_convertvector(n, Vec<float>); }

// 2^n for whole n in [-126, 127].
template <class V, class I>
PYLMS_INLINE V power_of_two(I n) {
  return bits_as<V>((n + 127) << 23);
}

// exp(x) = 2^n e^r with n = round(x / ln 2), |r| <= ln(2) / 2. 2^n comes in two factors, as the result may be subnormal
// or infinite.
template <class V>
PYLMS_INLINE V exp_float(V x) {
  typedef typename Bits<V>::type I;
  // Adding 1.5 * 2^23 leaves the nearest whole number in the low bits.
  const V zero = {}, rounder = zero + 12582912.0f;
  x = x < -105.0f ? zero - 105.0f : x;
  x = x > 90.0f ? zero + 90.0f : x;
  const V shifted = x * 1.44269504f + rounder;
  const V n = shifted - rounder;
  const V r = (x - n * 0.693359375f) + n * 2.12194440e-4f;  // ln 2 in two parts, the first of few bits
  V p = r * 0.00139345445f + 0.00836377647f;
  p = p * r + 0.0416664568f;
  p = p * r + 0.166665734f;
  p = p * r + 0.5f;
  p = p * (r * r) + r + 1.0f;
  const I whole = bits_as<I>(shifted) - bits_as<I>(rounder), half = whole >> 1;
  return p * power_of_two<V>(half) * power_of_two<V>(whole - half);
}

// log(x) = e ln 2 + log(m), m in [sqrt(1/2), sqrt(2)), log(m) a series in s = (m - 1) / (m + 1).
template <class V>
PYLMS_INLINE V log_float(V x) {
  typedef typename Bits<V>::type I;
  const V zero = {}, infinity = zero + __builtin_inff();
  const V scaled = x < 1.17549435e-38f ? x * 8388608.0f : x;  // subnormals are brought up by 2^23
  const V correction = x < 1.17549435e-38f ? zero - 23.0f : zero;
  const I offset = bits_as<I>(scaled) - 0x3f3504f3;  // the bits of sqrt(1/2)
  const I exponent = offset >> 23;
  const V m = bits_as<V>((offset & 0x7fffff) + 0x3f3504f3);
  const V e = to_float(exponent) + correction;
  const V s = (m - 1.0f) / (m + 1.0f), z = s * s;
  V p = z * 0.233377216f + 0.285505466f;
  p = p * z + 0.400001244f;
  p = p * z + 0.666666666f;
  V result = e * 2.12194440e-4f;
  result = e * 0.693359375f + (s * 2.0f + (p * z * s - result));
  result = x < infinity ? result : x;  // infinity and NaN are their own logarithms
  result = x == 0.0f ? -infinity : result;
  return x < 0.0f ? zero + __builtin_nanf("") : result;
}

// tanh(x): an odd polynomial near 0, where 1 - 2 / (e^2x + 1) would lose digits.
template <class V>
PYLMS_INLINE V tanh_float(V x) {
  const V zero = {}, size = x < 0.0f ? -x : x, z = x * x;
  V p = z * -0.0060536974f + 0.020968187f;
  p = p * z - 0.053844989f;
  p = p * z + 0.133327328f;
  p = p * z - 0.333333286f;
  const V near_zero = p * z * x + x;
  const V far = 1.0f - 2.0f / (exp_float<V>(size * 2.0f) + 1.0f);
  const V result = x < 0.0f ? -far : far;
  return size < zero + 0.625f ? near_zero : result;
}

// 1 / (1 + e^-x).
template <class V>
PYLMS_INLINE V logistic_float(V x) {
  return 1.0f / (1.0f + exp_float<V>(-x));
}

template <class F>
PYLMS_INLINE Vec<double> lane_by_lane(Vec<double> x, const F& f) {
  for (Index i = 0; i < width<double>; ++i) x[i] = f(x[i]);
  return x;
}

}  // namespace elementary_detail

PYLMS_INLINE float exp(float x) { return elementary_detail::exp_float(x); }
PYLMS_INLINE float log(float x) { return elementary_detail::log_float(x); }
PYLMS_INLINE float tanh(float x) { return elementary_detail::tanh_float(x); }
PYLMS_INLINE float logistic(float x) { return elementary_detail::logistic_float(x); }

PYLMS_INLINE Vec<float> exp(Vec<float> x) { return elementary_detail::exp_float(x); }
PYLMS_INLINE Vec<float> log(Vec<float> x) { return elementary_detail::log_float(x); }
PYLMS_INLINE Vec<float> tanh(Vec<float> x) { return elementary_detail::tanh_float(x); }
PYLMS_INLINE Vec<float> logistic(Vec<float> x) { return elementary_detail::logistic_float(x); }

PYLMS_INLINE double exp(double x) { return __builtin_exp(x); }
PYLMS_INLINE double log(double x) { return __builtin_log(x); }
PYLMS_INLINE double tanh(double x) { return __builtin_tanh(x); }
PYLMS_INLINE double logistic(double x) { return 1.0 / (1.0 + __builtin_exp(-x)); }

PYLMS_INLINE Vec<double> exp(Vec<double> x) {
  return elementary_detail::lane_by_lane(x, [](double lane) { return __builtin_exp(lane); });
}
PYLMS_INLINE Vec<double> log(Vec<double> x) {
  return elementary_detail::lane_by_lane(x, [](double lane) { return __builtin_log(lane); });
}
PYLMS_INLINE Vec<double> tanh(Vec<double> x) {
  return elementary_detail::lane_by_lane(x, [](double lane) { return __builtin_tanh(lane); });
}
PYLMS_INLINE Vec<double> logistic(Vec<double> x) { return 1.0 / (1.0 + exp(-x)); }

}  // namespace pylms

#endif
