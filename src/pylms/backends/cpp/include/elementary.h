// exp, log, tanh, the logistic function and (float alone) erf, for scalars and for vectors of float and double.
//
// They are branch-free polynomials within 4 units in the last place of the exact value, infinities, NaN and subnormals
// included, written once for scalars and vectors; compilers vectorise loops over the scalar ones. (The logistic function
// may give zero where its value is not a normal number.)
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
template <>
struct Bits<double> {
  typedef long long type;
};
template <>
struct Bits<Vec<double>> {
  typedef VectorTypes<double>::lanes type;
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

// 2^n for whole n in [-126, 127]; infinity for 128.
template <class V, class I>
PYLMS_INLINE V power_of_two(I n) {
  return bits_as<V>((n + 127) << 23);
}

// e^r - 1 for |r| <= ln(2) / 2.
template <class V>
PYLMS_INLINE V exp_minus_one_float(V r) {
  V p = r * 0.00139345445f + 0.00836377647f;
  p = p * r + 0.0416664568f;
  p = p * r + 0.166665734f;
  p = p * r + 0.5f;
  return p * (r * r) + r;
}

// x = n ln 2 + r with whole n: gives r, and n in the low bits of `shifted`, since adding 1.5 * 2^23 leaves it there.
template <class V>
PYLMS_INLINE V reduced_float(V x, V rounder, V& shifted) {
  shifted = x * 1.44269504f + rounder;
  const V n = shifted - rounder;
  return (x - n * 0.693359375f) + n * 2.12194440e-4f;  // ln 2 in two parts, the first of few bits
}

// exp(x) = 2^n e^r with n = round(x / ln 2), |r| <= ln(2) / 2. 2^n comes in two factors, as the result may be subnormal
// or infinite.
template <class V>
PYLMS_INLINE V exp_float(V x) {
  typedef typename Bits<V>::type I;
  const V zero = {}, rounder = zero + 12582912.0f;
  x = x < -105.0f ? zero - 105.0f : x;
  x = x > 90.0f ? zero + 90.0f : x;
  V shifted;
  const V p = exp_minus_one_float<V>(reduced_float<V>(x, rounder, shifted)) + 1.0f;
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

// tanh(x) = (e^2x - 1) / (e^2x + 1), with e^2x - 1 = 2^n (e^r - 1) + (2^n - 1), which loses no digits near 0.
template <class V>
PYLMS_INLINE V tanh_float(V x) {
  typedef typename Bits<V>::type I;
  const V zero = {}, rounder = zero + 12582912.0f;
  const I sign = bits_as<I>(x) & (int)0x80000000;
  V twice = bits_as<V>(bits_as<I>(x) ^ sign) * 2.0f;
  twice = twice > 20.0f ? zero + 20.0f : twice;
  V shifted;
  const V p = exp_minus_one_float<V>(reduced_float<V>(twice, rounder, shifted));
  const V scale = power_of_two<V>(I(bits_as<I>(shifted) - bits_as<I>(rounder)));
  const V above = p * scale + (scale - 1.0f), size = above / (above + 2.0f);
  return bits_as<V>(bits_as<I>(size) ^ sign);
}

// 1 / (1 + e^-x); 2^n is one factor, which becomes infinite where the result is not a normal number.
template <class V>
PYLMS_INLINE V logistic_float(V x) {
  typedef typename Bits<V>::type I;
  const V zero = {}, rounder = zero + 12582912.0f;
  V power = -x;
  power = power < -87.0f ? zero - 87.0f : power;
  power = power > 88.7f ? zero + 88.7f : power;
  V shifted;
  const V p = exp_minus_one_float<V>(reduced_float<V>(power, rounder, shifted)) + 1.0f;
  return 1.0f / (1.0f + p * power_of_two<V>(I(bits_as<I>(shifted) - bits_as<I>(rounder))));
}

// erf(x): an odd polynomial up to 0.95, from there on 1 - e^q(|x|). Coefficients: least squares, weighted until the
// errors were even.
template <class V>
PYLMS_INLINE V erf_float(V x) {
  const V zero = {}, whole = x < 0.0f ? -x : x, z = x * x;
  V p = z * 8.18509070e-5f - 8.09770252e-4f;
  p = p * z + 5.19695180e-3f;
  p = p * z - 2.68577058e-2f;
  p = p * z + 0.112836637f;
  p = p * z - 0.376126319f;
  p = p * z + 1.12837923f;
  const V size = whole > 4.0f ? zero + 4.0f : whole;
  V q = size * 1.98220704e-4f - 3.06549994e-3f;
  q = q * size + 2.23152488e-2f;
  q = q * size - 0.104113743f;
  q = q * size - 0.636976004f;
  q = q * size - 1.12779725f;
  q = q * size - 1.66439073e-4f;
  const V far = 1.0f - exp_float<V>(q);
  const V result = x < 0.0f ? -far : far;
  return whole < zero + 0.95f ? p * x : result;
}

// ---- double

// e^r - 1 = r + r^2 (1/2! + r/3! + ..) for |r| <= ln(2) / 2.
template <class V>
PYLMS_INLINE V exp_minus_one(V r) {
  V p = r * 1.6059043836821613e-10 + 2.08767569878681e-09;
  p = p * r + 2.505210838544172e-08;
  p = p * r + 2.755731922398589e-07;
  p = p * r + 2.7557319223985893e-06;
  p = p * r + 2.48015873015873e-05;
  p = p * r + 0.0001984126984126984;
  p = p * r + 0.001388888888888889;
  p = p * r + 0.008333333333333333;
  p = p * r + 0.041666666666666664;
  p = p * r + 0.16666666666666666;
  p = p * r + 0.5;
  return p * (r * r) + r;
}

// x = n ln 2 + r with whole n: gives r, and n in the low bits of `shifted`.
template <class V>
PYLMS_INLINE V reduced(V x, V rounder, V& shifted) {
  shifted = x * 1.4426950408889634 + rounder;
  const V n = shifted - rounder;
  return (x - n * 0.6931471803691238) - n * 1.9082149292705877e-10;  // ln 2 in two parts, the first of few bits
}

// 2^n for whole n in [-1022, 1023].
template <class V, class I>
PYLMS_INLINE V power_of_two_double(I n) {
  return bits_as<V>((n + 1023) << 52);
}

template <class V>
PYLMS_INLINE V exp_double(V x) {
  typedef typename Bits<V>::type I;
  // Adding 1.5 * 2^52 leaves the nearest whole number in the low bits.
  const V zero = {}, rounder = zero + 6755399441055744.0;
  x = x < -746.0 ? zero - 746.0 : x;
  x = x > 710.0 ? zero + 710.0 : x;
  V shifted;
  const V p = exp_minus_one<V>(reduced<V>(x, rounder, shifted)) + 1.0;
  const I whole = bits_as<I>(shifted) - bits_as<I>(rounder), half = whole >> 1;
  return p * power_of_two_double<V>(half) * power_of_two_double<V>(whole - half);
}

// As for float; the series of the inverse hyperbolic tangent of s.
template <class V>
PYLMS_INLINE V log_double(V x) {
  typedef typename Bits<V>::type I;
  const V zero = {}, infinity = zero + __builtin_inf(), rounder = zero + 6755399441055744.0;
  const V scaled = x < 2.2250738585072014e-308 ? x * 18014398509481984.0 : x;  // subnormals are brought up by 2^54
  const V correction = x < 2.2250738585072014e-308 ? zero - 54.0 : zero;
  const I offset = bits_as<I>(scaled) - 0x3fe6a09e667f3bcd;  // the bits of sqrt(1/2)
  const V m = bits_as<V>((offset & 0xfffffffffffff) + 0x3fe6a09e667f3bcd);
  const V e = bits_as<V>((offset >> 52) + bits_as<I>(rounder)) - rounder + correction;
  const V s = (m - 1.0) / (m + 1.0), z = s * s;
  V p = z * 0.047619047619047616 + 0.05263157894736842;
  p = p * z + 0.058823529411764705;
  p = p * z + 0.06666666666666667;
  p = p * z + 0.07692307692307693;
  p = p * z + 0.09090909090909091;
  p = p * z + 0.1111111111111111;
  p = p * z + 0.14285714285714285;
  p = p * z + 0.2;
  p = p * z + 0.3333333333333333;
  V result = e * 1.9082149292705877e-10;
  result = e * 0.6931471803691238 + (s * 2.0 + (p * z * (s * 2.0) + result));
  result = x < infinity ? result : x;
  result = x == 0.0 ? -infinity : result;
  return x < 0.0 ? zero + __builtin_nan("") : result;
}

// tanh(x) = (e^2x - 1) / (e^2x + 1), with e^2x - 1 = 2^n (e^r - 1) + (2^n - 1), which loses no digits near 0.
template <class V>
PYLMS_INLINE V tanh_double(V x) {
  typedef typename Bits<V>::type I;
  const V zero = {}, rounder = zero + 6755399441055744.0;
  V twice = x < 0.0 ? x * -2.0 : x * 2.0;
  twice = twice > 45.0 ? zero + 45.0 : twice;
  V shifted;
  const V p = exp_minus_one<V>(reduced<V>(twice, rounder, shifted));
  const V scale = power_of_two_double<V>(I(bits_as<I>(shifted) - bits_as<I>(rounder)));
  const V above = p * scale + (scale - 1.0), size = above / (above + 2.0);
  return x < 0.0 ? -size : x == 0.0 ? x : size;
}

template <class V>
PYLMS_INLINE V logistic_double(V x) {
  return 1.0 / (1.0 + exp_double<V>(-x));
}

}  // namespace elementary_detail

PYLMS_INLINE float exp(float x) { return elementary_detail::exp_float(x); }
PYLMS_INLINE float log(float x) { return elementary_detail::log_float(x); }
PYLMS_INLINE float tanh(float x) { return elementary_detail::tanh_float(x); }
PYLMS_INLINE float logistic(float x) { return elementary_detail::logistic_float(x); }
PYLMS_INLINE float erf(float x) { return elementary_detail::erf_float(x); }

PYLMS_INLINE Vec<float> exp(Vec<float> x) { return elementary_detail::exp_float(x); }
PYLMS_INLINE Vec<float> log(Vec<float> x) { return elementary_detail::log_float(x); }
PYLMS_INLINE Vec<float> tanh(Vec<float> x) { return elementary_detail::tanh_float(x); }
PYLMS_INLINE Vec<float> logistic(Vec<float> x) { return elementary_detail::logistic_float(x); }
PYLMS_INLINE Vec<float> erf(Vec<float> x) { return elementary_detail::erf_float(x); }

PYLMS_INLINE double exp(double x) { return elementary_detail::exp_double(x); }
PYLMS_INLINE double log(double x) { return elementary_detail::log_double(x); }
PYLMS_INLINE double tanh(double x) { return elementary_detail::tanh_double(x); }
PYLMS_INLINE double logistic(double x) { return elementary_detail::logistic_double(x); }

PYLMS_INLINE Vec<double> exp(Vec<double> x) { return elementary_detail::exp_double(x); }
PYLMS_INLINE Vec<double> log(Vec<double> x) { return elementary_detail::log_double(x); }
PYLMS_INLINE Vec<double> tanh(Vec<double> x) { return elementary_detail::tanh_double(x); }
PYLMS_INLINE Vec<double> logistic(Vec<double> x) { return elementary_detail::logistic_double(x); }

}  // namespace pylms

#endif
