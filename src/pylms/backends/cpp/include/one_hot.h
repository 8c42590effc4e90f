// Products with a matrix [Rows, Depth] whose row b is one at index[b] and zero elsewhere; only the index is there.
//
// Equal to the products that matrix would give: a row whose index is outside adds nothing, and as 0 * inf and 0 * NaN are
// NaN, what is not finite spreads. Matrices are row-major; an output must not overlap an input.
#ifndef PYLMS_ONE_HOT_H
#define PYLMS_ONE_HOT_H

#include "loops.h"
#include "reduce.h"

namespace pylms {

namespace one_hot_detail {

template <Index Count, class T>
inline bool are_finite(const T* x) {
  if constexpr (Count == 0) {
    return true;
  } else {
    return sum_of<Count, T>([&](auto at) {
      const auto value = at(x);
      return value - value;  // zero, but NaN for what is not finite
    }) == 0;
  }
}

}  // namespace one_hot_detail

// out[Rows, Columns] = matrix x, with x[Depth, Columns].
template <Index Rows, Index Depth, Index Columns, class T, class I>
inline void one_hot_product(T* __restrict out, const I* index, const T* x) {
  if (one_hot_detail::are_finite<Depth * Columns>(x)) {
    for (Index row = 0; row < Rows; ++row) {
      T* to = out + row * Columns;
      if ((unsigned long long)index[row] < (unsigned long long)Depth) {
        const T* from = x + Index(index[row]) * Columns;
        PYLMS_INDEPENDENT
        for (Index j = 0; j < Columns; ++j) to[j] = from[j] + T(0);  // a sum with zeros, which is never -0
      } else {
        __builtin_memset(to, 0, Columns * sizeof(T));
      }
    }
    return;
  }
  for (Index row = 0; row < Rows; ++row) {
    T* to = out + row * Columns;
    __builtin_memset(to, 0, Columns * sizeof(T));
    for (Index k = 0; k < Depth; ++k) {
      const T factor = Index(index[row]) == k;
      for (Index j = 0; j < Columns; ++j) to[j] += factor * x[k * Columns + j];
    }
  }
}

// out[Depth, Columns] = matrix^T x, with x[Rows, Columns].
template <Index Rows, Index Depth, Index Columns, class T, class I>
inline void one_hot_sums(T* __restrict out, const I* index, const T* x) {
  __builtin_memset(out, 0, Depth * Columns * sizeof(T));
  const bool is_plain = one_hot_detail::are_finite<Rows * Columns>(x);
  for (Index row = 0; row < Rows; ++row) {
    const T* from = x + row * Columns;
    if (!is_plain) {
      for (Index k = 0; k < Depth; ++k) {
        const T factor = Index(index[row]) == k;
        for (Index j = 0; j < Columns; ++j) out[k * Columns + j] += factor * from[j];
      }
    } else if ((unsigned long long)index[row] < (unsigned long long)Depth) {
      T* to = out + Index(index[row]) * Columns;
      PYLMS_INDEPENDENT
      for (Index j = 0; j < Columns; ++j) to[j] += from[j];
    }
  }
}

}  // namespace pylms

#endif
