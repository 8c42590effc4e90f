// Sums of matrix products of one size, C = epilogue(A0·B0 + A1·B1 + ..): the weight gradients of a loop's turns.
//
//     gemm_sum<Form, M, N, K>(c, {{a0, b0}, {a1, b1}, ..}, epilogue);
//
// Each product is as in gemm.h, dense, `Form` NN or TN. A tile of C stays in registers for many products, where
// gemm after gemm would load and store it for each. Products are added in order.
#ifndef PYLMS_GEMM_SUM_H
#define PYLMS_GEMM_SUM_H

#include "gemm.h"

namespace pylms {

template <class T>
struct Factors {
  const T *a, *b;
};

namespace gemm_detail {

// Rows x Vectors vectors of C at (row, column), the last of which holds LastCount elements.
template <class Plan, Index K, Index Rows, Index Vectors, Index LastCount, class T, class Epilogue>
inline void sum_tile(T* __restrict c, const Factors<T>* factors, Index count, const Epilogue& epilogue, Index row,
                     Index column) {
  Vec<T> sum[Rows][Vectors] = {};
  T* tile = c + row * Plan::ldc + column;
  prefetch_tile<Plan, Epilogue, Rows, Vectors>(tile);
  for (Index n = 0; n < count; ++n) {
    const T *a = factors[n].a + row * Plan::a_row, *b = factors[n].b + column;
    for (Index k = 0; k < K; ++k) broadcast_step<Plan, LastCount>(sum, a + k * Plan::a_step, b + k * Plan::b_step);
  }
  finish_tile<Plan, LastCount>(tile, sum, epilogue, row, column);
}

// All rows of Count columns of C.
template <class Plan, Index K, Index Count, class T, class Epilogue>
inline void sum_columns(T* __restrict c, const Factors<T>* factors, Index count, const Epilogue& epilogue,
                        Index column) {
  constexpr Index vectors = ceil_div(Count, width<T>), last = Count - (vectors - 1) * width<T>;
  constexpr Index full = Plan::m / Plan::rows * Plan::rows, rest = Plan::m - full;
  for (Index row = 0; row < full; row += Plan::rows) {
    sum_tile<Plan, K, Plan::rows, vectors, last>(c, factors, count, epilogue, row, column);
  }
  if constexpr (rest != 0) sum_tile<Plan, K, rest, vectors, last>(c, factors, count, epilogue, full, column);
}

}  // namespace gemm_detail

template <Form form, Index M, Index N, Index K, Index Count, class T, class Epilogue = Assign>
inline void gemm_sum(T* __restrict c, const Factors<T> (&factors)[Count], const Epilogue& epilogue = {}) {
  using namespace gemm_detail;
  static_assert(M > 0 && N > 0 && K > 0, "an empty product has no kernel");
  static_assert(form == NN || form == TN, "rows of B are read along N");
  constexpr Work work = {M, ceil_div(N, width<T>), K * Count, Epilogue::reads_c ? 8 : 4, vector_bytes};
  constexpr Tile tile = best_tile(work);
  constexpr Index a_row = form == TN ? 1 : K, a_step = form == TN ? M : 1;
  using Plan = BroadcastPlan<M, N, tile.rows, tile.columns, a_row, a_step, N, 1, N, K, false>;
  constexpr Index together = most(work.block(tile.rows, tile.columns) / K, 1);
  constexpr Index block = block_size<Epilogue>(Count, together, 1);
  constexpr Index panel = tile.columns * width<T>, full = N / panel * panel, rest = N - full;
  in_blocks<Count, block>(epilogue, [&](Index first, Index count, const auto& part) __attribute__((always_inline)) {
    for (Index column = 0; column < full; column += panel) {
      sum_columns<Plan, K, panel>(c, factors + first, count, part, column);
    }
    if constexpr (rest != 0) sum_columns<Plan, K, rest>(c, factors + first, count, part, full);
  });
}

}  // namespace pylms

#endif
