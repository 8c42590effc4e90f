// Matrix products C = epilogue(A·B) of sizes known when the code is generated, register-tiled on vector types.
//
//     gemm<Form, M, N, K>(c, a, b, epilogue);                  // dense operands
//     gemm<Form, M, N, K, LdC, LdA, LdB>(c, a, b, epilogue);   // elements between the starts of stored rows
//     gemm_in_parallel<Form, M, N, K>(parts, threads, c, a, b, epilogue);   // rows of C in parts, which threads take
//
// C is M x N, A is M x K, B is K x N, all row-major, of one type, float or double; no size is 0. `Form` names the
// operands that are stored transposed: NN neither, NT B (stored N x K), TN A (stored K x M), TT both.
// `c` must not overlap `a`, `b` or what the epilogue reads; those may overlap each other. No alignment is assumed (rows
// that start at multiples of 64 bytes run fastest). Nothing but the elements named is read or written. The order of
// summation over k is fixed by the shape, so results are reproducible; it is not a plain loop's.
//
// Two inner kernels: the *broadcast* one keeps a tile of rows x vectors of C in registers and needs rows of B along N
// (NN, TN, or B transposed into a buffer); the *dot* one takes rows of A against stored rows of B along K (NT). The
// cost model in tiling.h chooses between them and chooses the tile.
#ifndef PYLMS_GEMM_H
#define PYLMS_GEMM_H

#include "epilogue.h"
#include "tasks.h"
#include "tiling.h"
#include "vec.h"

namespace pylms {

enum Form { NN, NT, TN, TT };

namespace gemm_detail {

constexpr Index page_bytes = 4096;

// One product's plan for the broadcast kernel. The strides are in elements: of A along i and k, of B along k and j.
// Where `pack`, panels of B are copied to a buffer, at most MaxSteps values of k at once.
template <Index M, Index N, Index Rows, Index Vectors, Index ARow, Index AStep, Index BStep, Index BColumn, Index LdC,
          Index MaxSteps, bool Pack>
struct BroadcastPlan {
  static constexpr Index m = M, n = N, rows = Rows, vectors = Vectors, a_row = ARow, a_step = AStep;
  static constexpr Index b_step = BStep, b_column = BColumn, ldc = LdC, max_steps = MaxSteps;
  static constexpr bool pack = Pack;
};

// One product's plan for the dot kernel: KRest values of k follow the whole vectors.
template <Index M, Index N, Index KRest, Index Rows, Index Columns, Index LdA, Index LdB, Index LdC>
struct DotPlan {
  static constexpr Index m = M, n = N, k_rest = KRest, rows = Rows, columns = Columns;
  static constexpr Index lda = LdA, ldb = LdB, ldc = LdC;
};

// Takes `count` steps, each step(set, n) adding to one set of accumulators, and adds up all sets in the first.
template <Index Sets, Index Rows, Index Columns, class V, class Step>
PYLMS_INLINE void accumulate(V (&sums)[Sets][Rows][Columns], Index count, const Step& step) {
  Index n = 0;
  for (; n + Sets <= count; n += Sets) {
    PYLMS_UNROLL
    for (Index set = 0; set < Sets; ++set) step(sums[set], n + set);
  }
  for (Index left = count % Sets; left > 0; --left) step(sums[0], n++);
  PYLMS_UNROLL
  for (Index set = 1; set < Sets; ++set) {
    PYLMS_UNROLL
    for (Index i = 0; i < Rows; ++i) {
      PYLMS_UNROLL
      for (Index j = 0; j < Columns; ++j) sums[0][i][j] += sums[set][i][j];
    }
  }
}

// Which of the tiles down C, and of what is left below them, a call computes: all, or one part of several. An element
// is computed in the same way in any part.
struct AllRows {
  static constexpr Index first(Index) { return 0; }
  static constexpr Index end(Index tiles) { return tiles; }
  static constexpr bool has_rest() { return true; }
};
struct PartOfRows {
  Index part, parts;
  Index first(Index tiles) const { return tiles * part / parts; }
  Index end(Index tiles) const { return tiles * (part + 1) / parts; }
  bool has_rest() const { return part == parts - 1; }
};

// ---- broadcast kernel

// What a tile of C takes from one value of k, for which `a` and `b` point at A's and B's elements. LoadCount lanes of
// the last vector may be read from `b`.
template <class Plan, Index LoadCount, Index Rows, Index Vectors, class T>
PYLMS_INLINE void broadcast_step(Vec<T> (&sum)[Rows][Vectors], const T* a, const T* b) {
  constexpr Index w = width<T>;
  Vec<T> line[Vectors];
  PYLMS_UNROLL
  for (Index v = 0; v < Vectors - 1; ++v) line[v] = load(b + v * w);
  line[Vectors - 1] = load_first<LoadCount>(b + (Vectors - 1) * w);
  PYLMS_UNROLL
  for (Index i = 0; i < Rows; ++i) {
    const Vec<T> factor = broadcast(a[i * Plan::a_row]);
    PYLMS_UNROLL
    for (Index v = 0; v < Vectors; ++v) sum[i][v] += factor * line[v];
  }
}

// Brings in what finish_tile will read.
template <class Plan, class Epilogue, Index Rows, Index Vectors, class T>
PYLMS_INLINE void prefetch_tile(T* c) {
  if constexpr (Epilogue::reads_c) {
    PYLMS_UNROLL
    for (Index i = 0; i < Rows; ++i) {
      PYLMS_UNROLL
      for (Index v = 0; v < Vectors; ++v) __builtin_prefetch(c + i * Plan::ldc + v * width<T>, 1);
    }
  }
}

// Stores a tile of C, whose last vector holds LastCount elements.
template <class Plan, Index LastCount, Index Rows, Index Vectors, class T, class Epilogue>
PYLMS_INLINE void finish_tile(T* c, const Vec<T> (&sum)[Rows][Vectors], const Epilogue& epilogue, Index row,
                              Index column) {
  constexpr Index w = width<T>, last = (Vectors - 1) * w;
  PYLMS_UNROLL
  for (Index i = 0; i < Rows; ++i) {
    T* line = c + i * Plan::ldc;
    PYLMS_UNROLL
    for (Index v = 0; v < Vectors - 1; ++v) finish<w>(line + v * w, sum[i][v], epilogue, row + i, column + v * w);
    finish<LastCount>(line + last, sum[i][Vectors - 1], epilogue, row + i, column + last);
  }
}

// Rows x Vectors vectors of C from `steps` values of k; rows of `b` start LdB elements apart.
template <class Plan, Index Rows, Index Vectors, Index LastCount, Index LoadCount, Index LdB, class T, class Epilogue>
inline void broadcast_tile(T* __restrict c, const T* a, const T* b, Index steps, const Epilogue& epilogue, Index row,
                           Index column) {
  Vec<T> sums[accumulator_sets(Rows, Vectors)][Rows][Vectors] = {};
  prefetch_tile<Plan, Epilogue, Rows, Vectors>(c);
  accumulate(sums, steps, [&](Vec<T>(&sum)[Rows][Vectors], Index k) __attribute__((always_inline)) {
    broadcast_step<Plan, LoadCount>(sum, a + k * Plan::a_step, b + k * LdB);
  });
  finish_tile<Plan, LastCount>(c, sums[0], epilogue, row, column);
}

// Rows of C against one panel of B.
template <class Plan, Index Vectors, Index LastCount, Index LoadCount, Index LdB, class T, class Epilogue, class Slice>
inline void broadcast_panel(T* __restrict c, const T* a, const T* b, Index steps, const Epilogue& epilogue,
                            Index column, Slice slice) {
  constexpr Index tiles = Plan::m / Plan::rows, full = tiles * Plan::rows, rest = Plan::m - full;
  for (Index row = slice.first(tiles) * Plan::rows; row < slice.end(tiles) * Plan::rows; row += Plan::rows) {
    broadcast_tile<Plan, Plan::rows, Vectors, LastCount, LoadCount, LdB>(
        c + row * Plan::ldc, a + row * Plan::a_row, b, steps, epilogue, row, column);
  }
  if constexpr (rest != 0) {
    if (!slice.has_rest()) return;
    broadcast_tile<Plan, rest, Vectors, LastCount, LoadCount, LdB>(
        c + full * Plan::ldc, a + full * Plan::a_row, b, steps, epilogue, full, column);
  }
}

// Copies `steps` x Count elements of B to rows of Stride elements, the rest of each row set to zero.
template <class Plan, Index Count, Index Stride, class T>
inline void pack_panel(T* __restrict panel, const T* b, Index steps) {
  constexpr Index w = width<T>;
  if (Plan::b_step == 1 && steps >= w) {
    // Squares of B, whose columns are stored one after the other; the last ones down overlap.
    for (Index down = 0; down < steps; down += w) {
      const Index k = least(down, steps - w);
      for (Index j = 0; j < Stride; j += w) {
        Vec<T> rows[w];
        PYLMS_UNROLL
        for (Index i = 0; i < w; ++i) rows[i] = j + i < Count ? load(b + (j + i) * Plan::b_column + k) : Vec<T>{};
        transpose<T>(rows);
        PYLMS_UNROLL
        for (Index i = 0; i < w; ++i) store(panel + (k + i) * Stride + j, rows[i]);
      }
    }
    return;
  }
  for (Index k = 0; k < steps; ++k) {
    for (Index j = 0; j < Count; ++j) panel[k * Stride + j] = b[k * Plan::b_step + j * Plan::b_column];
    for (Index j = Count; j < Stride; ++j) panel[k * Stride + j] = 0;
  }
}

// Rows of C against the Count columns of B from `b` on, packed first where the plan says so.
template <class Plan, Index Count, class T, class Epilogue, class Slice>
inline void broadcast_columns(T* __restrict c, const T* a, const T* b, Index steps, const Epilogue& epilogue,
                              Index column, Slice slice) {
  constexpr Index w = width<T>, vectors = ceil_div(Count, w), last = Count - (vectors - 1) * w, stride = vectors * w;
  if constexpr (Plan::pack) {
    alignas(64) T panel[Plan::max_steps * stride];
    pack_panel<Plan, Count, stride>(panel, b, steps);
    broadcast_panel<Plan, vectors, last, w, stride>(c, a, panel, steps, epilogue, column, slice);
  } else {
    broadcast_panel<Plan, vectors, last, last, Plan::b_step>(c, a, b, steps, epilogue, column, slice);
  }
}

template <class Plan, class T, class Epilogue, class Slice>
inline void broadcast_block(T* __restrict c, const T* a, const T* b, Index steps, const Epilogue& epilogue,
                            Slice slice) {
  constexpr Index panel = Plan::vectors * width<T>, full = Plan::n / panel * panel, rest = Plan::n - full;
  for (Index column = 0; column < full; column += panel) {
    broadcast_columns<Plan, panel>(c + column, a, b + column * Plan::b_column, steps, epilogue, column, slice);
  }
  if constexpr (rest != 0) {
    broadcast_columns<Plan, rest>(c + full, a, b + full * Plan::b_column, steps, epilogue, full, slice);
  }
}

// ---- dot kernel

// Rows x Columns elements of C, each a dot product along k of `steps` vectors and what the plan has after them.
template <class Plan, Index Rows, Index Columns, class T, class Epilogue>
inline void dot_tile(T* __restrict c, const T* a, const T* b, Index steps, const Epilogue& epilogue, Index row,
                     Index column) {
  constexpr Index w = width<T>, k_rest = Plan::k_rest;
  Vec<T> sums[accumulator_sets(Rows, Columns)][Rows][Columns] = {};
  const auto step = [&](Vec<T>(&sum)[Rows][Columns], Index k, auto load_vector) __attribute__((always_inline)) {
    Vec<T> line[Columns];
    PYLMS_UNROLL
    for (Index j = 0; j < Columns; ++j) line[j] = load_vector(b + j * Plan::ldb + k);
    PYLMS_UNROLL
    for (Index i = 0; i < Rows; ++i) {
      const Vec<T> factor = load_vector(a + i * Plan::lda + k);
      PYLMS_UNROLL
      for (Index j = 0; j < Columns; ++j) sum[i][j] += factor * line[j];
    }
  };
  if constexpr (k_rest != 0) step(sums[0], steps * w, [](const T* from) { return load_first<k_rest>(from); });
  accumulate(sums, steps, [&](Vec<T>(&sum)[Rows][Columns], Index n) __attribute__((always_inline)) {
    step(sum, n * w, [](const T* from) { return load(from); });
  });
  constexpr Index whole = Columns / w * w, rest = Columns - whole;
  PYLMS_UNROLL
  for (Index i = 0; i < Rows; ++i) {
    Vec<T>* sum = sums[0][i];
    T* line = c + i * Plan::ldc;
    PYLMS_UNROLL
    for (Index j = 0; j < whole; j += w) {
      finish<w>(line + j, horizontal_sums<T, w>(sum + j), epilogue, row + i, column + j);
    }
    if constexpr (rest != 0) {
      finish<rest>(line + whole, horizontal_sums<T, rest>(sum + whole), epilogue, row + i, column + whole);
    }
  }
}

// Rows of C against `Columns` stored rows of B.
template <class Plan, Index Columns, class T, class Epilogue, class Slice>
inline void dot_columns(T* __restrict c, const T* a, const T* b, Index steps, const Epilogue& epilogue, Index column,
                        Slice slice) {
  constexpr Index tiles = Plan::m / Plan::rows, full = tiles * Plan::rows, rest = Plan::m - full;
  for (Index row = slice.first(tiles) * Plan::rows; row < slice.end(tiles) * Plan::rows; row += Plan::rows) {
    dot_tile<Plan, Plan::rows, Columns>(
        c + row * Plan::ldc, a + row * Plan::lda, b, steps, epilogue, row, column);
  }
  if constexpr (rest != 0) {
    if (!slice.has_rest()) return;
    dot_tile<Plan, rest, Columns>(c + full * Plan::ldc, a + full * Plan::lda, b, steps, epilogue, full, column);
  }
}

template <class Plan, class T, class Epilogue, class Slice>
inline void dot_block(T* __restrict c, const T* a, const T* b, Index steps, const Epilogue& epilogue, Slice slice) {
  constexpr Index full = Plan::n / Plan::columns * Plan::columns, rest = Plan::n - full;
  for (Index column = 0; column < full; column += Plan::columns) {
    dot_columns<Plan, Plan::columns>(c + column, a, b + column * Plan::ldb, steps, epilogue, column, slice);
  }
  if constexpr (rest != 0) {
    dot_columns<Plan, rest>(c + full, a, b + full * Plan::ldb, steps, epilogue, full, slice);
  }
}

// ---- blocks over K

// Calls run(first k, how many, epilogue) for blocks of Block values of k, the last one smaller, with epilogues that
// together have the effect of `epilogue` on the whole product.
template <Index K, Index Block, class Epilogue, class Run>
PYLMS_INLINE void in_blocks(const Epilogue& epilogue, const Run& run) {
  constexpr Index last = (ceil_div(K, Block) - 1) * Block;
  if constexpr (last == 0) {
    run(Index(0), K, epilogue);
  } else if constexpr (Epilogue::adds) {
    for (Index k = 0; k < last; k += Block) run(k, Block, epilogue);
    run(last, K - last, epilogue);
  } else {
    run(Index(0), Block, Assign{});
    for (Index k = Block; k < last; k += Block) run(k, Block, Accumulate{});
    run(last, K - last, OnSum<Epilogue>{epilogue});
  }
}

// All of K where blocks would run an epilogue on parts of the product that has to see the whole.
template <class Epilogue>
constexpr Index block_size(Index k, Index budget, Index unit) {
  return Epilogue::reads_c && !Epilogue::adds ? k : even_block(k, budget, unit);
}

}  // namespace gemm_detail

template <Form form, Index M, Index N, Index K, Index LdC = N, Index LdA = (form == NN || form == NT) ? K : M,
          Index LdB = (form == NN || form == TN) ? N : K, class T, class Epilogue = Assign,
          class Slice = gemm_detail::AllRows>
inline void gemm(T* __restrict c, const T* a, const T* b, const Epilogue& epilogue = {}, Slice slice = {}) {
  using namespace gemm_detail;
  static_assert(M > 0 && N > 0 && K > 0, "an empty product has no kernel");
  constexpr Index w = width<T>;
  constexpr Index finish_cost = Epilogue::reads_c ? 8 : 4;
  constexpr Work along_n = {M, ceil_div(N, w), K, finish_cost, vector_bytes};
  constexpr Work along_k = {M, N, ceil_div(K, w), finish_cost + 16, vector_bytes};
  constexpr Tile broadcast = best_tile(along_n);
  constexpr Tile dot = form == NT ? best_tile(along_k) : Tile{1, 1, 0};
  constexpr long long transpose_cost = 2LL * K * N;
  if constexpr (form == NT && dot.cost <= broadcast.cost + transpose_cost) {
    constexpr Index block = block_size<Epilogue>(K, along_k.block(dot.rows, dot.columns) * w, w);
    in_blocks<K, block>(epilogue, [&](Index k, Index steps, const auto& part) __attribute__((always_inline)) {
      // Blocks are whole vectors, so only the last can have a rest.
      if (k + steps == K) {
        dot_block<DotPlan<M, N, K % w, dot.rows, dot.columns, LdA, LdB, LdC>>(c, a + k, b + k, steps / w, part, slice);
      } else {
        dot_block<DotPlan<M, N, 0, dot.rows, dot.columns, LdA, LdB, LdC>>(c, a + k, b + k, steps / w, part, slice);
      }
    });
  } else {
    constexpr bool transposed_a = form == TN || form == TT, transposed_b = form == NT || form == TT;
    constexpr Index a_row = transposed_a ? 1 : LdA, a_step = transposed_a ? LdA : 1;
    constexpr Index b_step = transposed_b ? 1 : LdB, b_column = transposed_b ? LdB : 1;
    constexpr Index block = block_size<Epilogue>(K, along_n.block(broadcast.rows, broadcast.columns), 4);
    // Rows of B whose addresses share few cache sets, or lie on more pages than the core remembers, are copied if
    // several tiles use them.
    constexpr Index row_bytes = LdB * Index(sizeof(T));
    constexpr bool scattered = block >= 16 && (row_bytes % 512 == 0 || row_bytes * block > 64 * page_bytes);
    constexpr bool pack = transposed_b || (scattered && N > broadcast.columns * w && M >= 4 * broadcast.rows);
    using Plan =
        BroadcastPlan<M, N, broadcast.rows, broadcast.columns, a_row, a_step, b_step, b_column, LdC, block, pack>;
    in_blocks<K, block>(epilogue, [&](Index k, Index steps, const auto& part) __attribute__((always_inline)) {
      broadcast_block<Plan>(c, a + k * a_step, b + k * b_step, steps, part, slice);
    });
  }
}

template <Form form, Index M, Index N, Index K, class T, class Epilogue = Assign>
inline void gemm_in_parallel(Index parts, int threads, T* __restrict c, const T* a, const T* b,
                             const Epilogue& epilogue = {}) {
  in_parallel(parts, threads, [=](Index part) {
    gemm<form, M, N, K>(c, a, b, epilogue, gemm_detail::PartOfRows{part, parts});
  });
}

}  // namespace pylms

#endif
