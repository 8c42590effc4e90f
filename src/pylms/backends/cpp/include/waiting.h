// Matrices to which products of single rows are added several at a time: each is read and written more rarely.
//
// Behind an M x N matrix, Rows rows of M and as many of N elements wait, and their number:
//
//     add_later<M, N, Rows>(c, a, b);   // C += aᵀ·b for rows a and b, now or when it is settled
//     settle<M, N, Rows>(c);            // C is what it should be
#ifndef PYLMS_WAITING_H
#define PYLMS_WAITING_H

#include "gemm.h"

namespace pylms {

template <Index M, Index N, Index Rows>
struct WaitingRows {
  static constexpr Index padded(Index count) { return ceil_div(count, Index(16)) * 16; }
  static constexpr Index left_row = padded(M), right_row = padded(N);
  static constexpr Index left = padded(M * N), right = left + Rows * left_row, count = right + Rows * right_row;
};

template <Index M, Index N, Index Rows, class T>
PYLMS_INLINE long long& waiting_count(T* c) {
  return *reinterpret_cast<long long*>(c + WaitingRows<M, N, Rows>::count);
}

template <Index M, Index N, Index Rows, class T>
[[gnu::noinline]] void settle(T* c) {
  using namespace gemm_detail;
  using Waiting = WaitingRows<M, N, Rows>;
  constexpr Tile tile = best_tile(Work{M, ceil_div(N, width<T>), Rows, 8, vector_bytes});
  using Plan = BroadcastPlan<M, N, tile.rows, tile.columns, 1, Waiting::left_row, Waiting::right_row, 1, N, Rows, false>;
  long long& count = waiting_count<M, N, Rows>(c);
  if (count) broadcast_block<Plan>(c, c + Waiting::left, c + Waiting::right, Index(count), Accumulate{}, AllRows{});
  count = 0;
}

template <Index M, Index N, Index Rows, class T>
inline void add_later(T* c, const T* a, const T* b) {
  using Waiting = WaitingRows<M, N, Rows>;
  long long& count = waiting_count<M, N, Rows>(c);
  __builtin_memcpy(c + Waiting::left + count * Waiting::left_row, a, M * sizeof(T));
  __builtin_memcpy(c + Waiting::right + count * Waiting::right_row, b, N * sizeof(T));
  if (++count == Rows) settle<M, N, Rows>(c);
}

template <Index M, Index N, Index Rows, class T>
inline void nothing_waits(T* c) {
  waiting_count<M, N, Rows>(c) = 0;
}

}  // namespace pylms

#endif
