// Reductions over as many elements as the run finds, each of which a function object computes from its index.
//
// Sums and products are made by several accumulators, in pairs of runs: rounding errors grow with the logarithm of the
// number of elements. Compile with -fopenmp-simd; floating point keeps its meaning otherwise.
#ifndef PYLMS_ARRAY_REDUCE_H
#define PYLMS_ARRAY_REDUCE_H

namespace pylms {

namespace array_reduce_detail {

// Runs of so many elements are reduced by one loop.
constexpr long long run_length = 256;

template <class T, class Element>
T sum(long long first, long long n, const Element &element) {
  if (n > run_length) {
    const long long half = n / 2;
    return sum<T>(first, half, element) + sum<T>(first + half, n - half, element);
  }
  T total = 0;
  _Pragma("omp simd reduction(+ : total)")
  for (long long i = first; i < first + n; ++i) total += element(i);
  return total;
}

template <class T, class Element>
T product(long long first, long long n, const Element &element) {
  if (n > run_length) {
    const long long half = n / 2;
    return product<T>(first, half, element) * product<T>(first + half, n - half, element);
  }
  T total = 1;
  _Pragma("omp simd reduction(* : total)")
  for (long long i = first; i < first + n; ++i) total *= element(i);
  return total;
}

// Integers are never NaN.
template <class T>
inline T nan_if(bool, T otherwise) { return otherwise; }
template <>
inline double nan_if(bool is_nan, double otherwise) { return is_nan ? __builtin_nan("") : otherwise; }
template <>
inline float nan_if(bool is_nan, float otherwise) { return is_nan ? __builtin_nanf("") : otherwise; }

}  // namespace array_reduce_detail

template <class T, class Element>
inline T sum(long long n, const Element &element) {
  return array_reduce_detail::sum<T>(0, n, element);
}

template <class T, class Element>
inline T product(long long n, const Element &element) {
  return array_reduce_detail::product<T>(0, n, element);
}

// `most` is what no element is above; NaN where an element is.
template <class T, class Element>
inline T smallest(long long n, T most, const Element &element) {
  T best = most;
  int has_nan = 0;
  _Pragma("omp simd reduction(min : best) reduction(| : has_nan)")
  for (long long i = 0; i < n; ++i) {
    const T value = element(i);
    best = value < best ? value : best;
    has_nan |= value != value;
  }
  return array_reduce_detail::nan_if<T>(has_nan, best);
}

// `least` is what no element is below; NaN where an element is.
template <class T, class Element>
inline T largest(long long n, T least, const Element &element) {
  T best = least;
  int has_nan = 0;
  _Pragma("omp simd reduction(max : best) reduction(| : has_nan)")
  for (long long i = 0; i < n; ++i) {
    const T value = element(i);
    best = value > best ? value : best;
    has_nan |= value != value;
  }
  return array_reduce_detail::nan_if<T>(has_nan, best);
}

template <class Element>
inline bool any(long long n, const Element &element) {
  for (long long i = 0; i < n; ++i)
    if (element(i)) return true;
  return false;
}

template <class Element>
inline bool all(long long n, const Element &element) {
  for (long long i = 0; i < n; ++i)
    if (!element(i)) return false;
  return true;
}

}  // namespace pylms

#endif
