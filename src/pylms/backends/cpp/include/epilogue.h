// What a matrix kernel does with a finished product before it is stored.
//
// An epilogue is called as `epilogue.template apply<Count>(product, old, row, column)` with `Count` neighbouring
// elements of row `row` from `column` on in the first lanes of `product`; it returns what to store there. `old` holds
// C's present elements where `reads_c`, and zeros elsewhere. `adds` says that applying it to parts of a product one
// after the other is the same as applying it to their sum, which allows blocks over K.
// Generated code may pass its own: any struct with these three members.
#ifndef PYLMS_EPILOGUE_H
#define PYLMS_EPILOGUE_H

#include "vec.h"

namespace pylms {

// C = A·B
struct Assign {
  static constexpr bool reads_c = false, adds = false;
  template <Index Count, class V>
  PYLMS_INLINE V apply(V product, V, Index, Index) const {
    return product;
  }
};

// C += A·B
struct Accumulate {
  static constexpr bool reads_c = true, adds = true;
  template <Index Count, class V>
  PYLMS_INLINE V apply(V product, V old, Index, Index) const {
    return old + product;
  }
};

// C += factor * (A·B). With factor = -lr, the update of stochastic gradient descent in place.
template <class T>
struct AddScaled {
  static constexpr bool reads_c = true, adds = true;
  T factor;
  template <Index Count, class V>
  PYLMS_INLINE V apply(V product, V old, Index, Index) const {
    return old + factor * product;
  }
};
template <class T>
AddScaled(T) -> AddScaled<T>;

// C = A·B + bias, `bias` holding one element a column.
template <class T>
struct AddBias {
  static constexpr bool reads_c = false, adds = false;
  const T* bias;
  template <Index Count, class V>
  PYLMS_INLINE V apply(V product, V, Index, Index column) const {
    return product + load_first<Count>(bias + column);
  }
};
template <class T>
AddBias(const T*) -> AddBias<T>;

// C = max(A·B + bias, 0), `bias` holding one element a column. NaN stays NaN, as in PyTorch.
template <class T>
struct AddBiasRelu {
  static constexpr bool reads_c = false, adds = false;
  const T* bias;
  template <Index Count, class V>
  PYLMS_INLINE V apply(V product, V, Index, Index column) const {
    return max(V{}, product + load_first<Count>(bias + column));
  }
};
template <class T>
AddBiasRelu(const T*) -> AddBiasRelu<T>;

// The last of several blocks over K, the earlier ones being summed up in C.
template <class Epilogue>
struct OnSum {
  static constexpr bool reads_c = true, adds = false;
  Epilogue epilogue;
  template <Index Count, class V>
  PYLMS_INLINE V apply(V product, V old, Index row, Index column) const {
    return epilogue.template apply<Count>(old + product, V{}, row, column);
  }
};

// Applies `epilogue` to `Count` elements at `c`, element (row, column) of C.
template <Index Count, class T, class Epilogue>
PYLMS_INLINE void finish(T* c, Vec<T> product, const Epilogue& epilogue, Index row, Index column) {
  Vec<T> old = {};
  if constexpr (Epilogue::reads_c) old = load_first<Count>(c);
  store_first<Count>(c, epilogue.template apply<Count>(product, old, row, column));
}

}  // namespace pylms

#endif
