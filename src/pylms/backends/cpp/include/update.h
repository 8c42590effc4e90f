// An epilogue for matrix kernels that scales what was there.
#ifndef PYLMS_UPDATE_H
#define PYLMS_UPDATE_H

#include "vec.h"

namespace pylms {

// C = old_factor * C + factor * (A·B)
template <class T>
struct Blend {
  static constexpr bool reads_c = true, adds = false;
  T factor, old_factor;
  template <Index Count, class V>
  PYLMS_INLINE V apply(V product, V old, Index, Index) const {
    return old_factor * old + factor * product;
  }
};
template <class T>
Blend(T, T) -> Blend<T>;

// C = factor * (A·B), whatever was there
template <class T>
struct Scale {
  static constexpr bool reads_c = false, adds = false;
  T factor;
  template <Index Count, class V>
  PYLMS_INLINE V apply(V product, V, Index, Index) const {
    return factor * product;
  }
};
template <class T>
Scale(T) -> Scale<T>;

}  // namespace pylms

#endif
