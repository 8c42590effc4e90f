// Matrix-vector products and outer-product updates of sizes known when the code is generated.
//
// W is M x N, row-major, LdW elements between the starts of its rows; vectors are dense. All are of one type, float or
// double. Outputs must not overlap inputs. No alignment is assumed. Nothing but the elements named is read or written.
#ifndef PYLMS_GEMV_H
#define PYLMS_GEMV_H

#include "epilogue.h"
#include "gemm.h"
#include "vec.h"

namespace pylms {

// y[M] = epilogue(W·x), x[N]: rows of W as dot products, several rows at a time. The epilogue sees y as one row of M
// columns.
template <Index M, Index N, Index LdW = N, class T, class Epilogue = Assign>
inline void gemv(T* __restrict y, const T* w, const T* x, const Epilogue& epilogue = {}) {
  gemm<NT, 1, M, N, M, N, LdW>(y, x, w, epilogue);
}

// y[N] = epilogue(W^T·x), x[M]: rows of W scaled and summed up in registers.
template <Index M, Index N, Index LdW = N, class T, class Epilogue = Assign>
inline void gemv_transposed(T* __restrict y, const T* w, const T* x, const Epilogue& epilogue = {}) {
  gemm<NN, 1, N, M, N, M, LdW>(y, x, w, epilogue);
}

// W += factor * (a ⊗ x), a[M], x[N]; the outer product is never stored.
// Rows are taken from the last to the first: a `gemv` before it has left the last ones in the first-level cache, and
// one after it finds the first ones there.
template <Index M, Index N, Index LdW = N, class T>
inline void add_outer(T* __restrict w, const T* a, const T* x, T factor) {
  constexpr Index lanes = width<T>, whole = N / lanes * lanes, rest = N - whole;
  for (Index i = M - 1; i >= 0; --i) {
    const AddScaled<Vec<T>> update = {broadcast(factor * a[i])};
    T* row = w + i * LdW;
    for (Index j = 0; j < whole; j += lanes) finish<lanes>(row + j, load(x + j), update, i, j);
    if constexpr (rest != 0) finish<rest>(row + whole, load_first<rest>(x + whole), update, i, whole);
  }
}

}  // namespace pylms

#endif
