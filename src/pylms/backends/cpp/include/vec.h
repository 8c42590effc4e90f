// Vectors of float and double on the compiler's own vector types, for g++ and clang alike.
//
// In: scalars and plain pointers. Out: `Vec<T>` values of `width<T>` lanes, which take + - * / like scalars (an
// a * b + c is contracted to a fused multiply-add by the compiler).
// Holds between: no header is included, no intrinsic is needed; memory may have any alignment. Where the
// CPU has masked moves, parts of a vector are loaded and stored with them and memory past the part is never touched.
#ifndef PYLMS_VEC_H
#define PYLMS_VEC_H

#if defined(__clang__)
#define PYLMS_UNROLL _Pragma("clang loop unroll(full)")
#else
#define PYLMS_UNROLL _Pragma("GCC unroll 64")
#endif
#define PYLMS_INLINE inline __attribute__((always_inline))

#if defined(__has_builtin) && defined(__AVX512F__)
#if __has_builtin(__builtin_ia32_loadups512_mask) && __has_builtin(__builtin_ia32_storeups512_mask) && \
    __has_builtin(__builtin_ia32_loadupd512_mask) && __has_builtin(__builtin_ia32_storeupd512_mask)
#define PYLMS_MASKED_AVX512 1
#endif
#endif

namespace pylms {

typedef __PTRDIFF_TYPE__ Index;

#if defined(__AVX512F__)
constexpr Index vector_bytes = 64;
constexpr Index vector_registers = 32;
#elif defined(__AVX__)
constexpr Index vector_bytes = 32;
constexpr Index vector_registers = 16;
#elif defined(__aarch64__)
constexpr Index vector_bytes = 16;
constexpr Index vector_registers = 32;
#else
constexpr Index vector_bytes = 16;
constexpr Index vector_registers = 16;
#endif

template <class T>
struct VectorTypes;

// `aligned` lives in registers; `unaligned` may be anywhere in memory and alias anything; `lanes` is the integer vector
// of the same shape, which numbers lanes in shuffles.
template <>
struct VectorTypes<float> {
  typedef float aligned __attribute__((vector_size(vector_bytes)));
  typedef float unaligned __attribute__((vector_size(vector_bytes), aligned(4), may_alias));
  typedef int lane;
  typedef int lanes __attribute__((vector_size(vector_bytes)));
};
template <>
struct VectorTypes<double> {
  typedef double aligned __attribute__((vector_size(vector_bytes)));
  typedef double unaligned __attribute__((vector_size(vector_bytes), aligned(8), may_alias));
  typedef long long lane;
  typedef long long lanes __attribute__((vector_size(vector_bytes)));
};

template <class T>
using Vec = typename VectorTypes<T>::aligned;
template <class T>
constexpr Index width = vector_bytes / Index(sizeof(T));

constexpr Index ceil_div(Index a, Index b) { return (a + b - 1) / b; }
constexpr Index least(Index a, Index b) { return a < b ? a : b; }
constexpr Index most(Index a, Index b) { return a < b ? b : a; }

// ---- whole vectors

// All lanes `value`.
template <class T>
PYLMS_INLINE Vec<T> broadcast(T value) {
  return value - Vec<T>{};  // x - 0 is x for every x, -0 included, so this is a broadcast and no arithmetic
}

template <class T>
PYLMS_INLINE Vec<T> load(const T* from) {
  return *reinterpret_cast<const typename VectorTypes<T>::unaligned*>(from);
}

template <class T>
PYLMS_INLINE void store(T* to, Vec<T> value) {
  *reinterpret_cast<typename VectorTypes<T>::unaligned*>(to) = value;
}

// The larger in each lane; where one is NaN, `b`'s lane.
template <class V>
PYLMS_INLINE V max(V a, V b) {
  return a > b ? a : b;
}

PYLMS_INLINE Vec<float> abs(Vec<float> value) {
  return (Vec<float>)((VectorTypes<float>::lanes)value & 0x7fffffff);
}
PYLMS_INLINE Vec<double> abs(Vec<double> value) {
  return (Vec<double>)((VectorTypes<double>::lanes)value & 0x7fffffffffffffff);
}

// ---- the first `Count` lanes, 0 < Count <= width

// Lanes from Count on are zero.
template <Index Count, class T>
PYLMS_INLINE Vec<T> load_first(const T* from) {
  if constexpr (Count == width<T>) {
    return load(from);
#if defined(PYLMS_MASKED_AVX512)
  } else if constexpr (sizeof(T) == 4) {
    return __builtin_ia32_loadups512_mask(from, Vec<float>{}, (unsigned short)((1u << Count) - 1));
  } else {
    return __builtin_ia32_loadupd512_mask(from, Vec<double>{}, (unsigned char)((1u << Count) - 1));
#else
  } else {
    Vec<T> value = {};
    PYLMS_UNROLL
    for (Index i = 0; i < Count; ++i) value[i] = from[i];
    return value;
#endif
  }
}

// Lanes First to Last - 1, 0 <= First < Last <= width, from the places that `from` has for them; the others are zero.
template <Index First, Index Last, class T>
PYLMS_INLINE Vec<T> load_lanes(const T* from) {
  if constexpr (First == 0) {
    return load_first<Last>(from);
#if defined(PYLMS_MASKED_AVX512)
  } else if constexpr (sizeof(T) == 4) {
    return __builtin_ia32_loadups512_mask(from, Vec<float>{}, (unsigned short)((1u << Last) - (1u << First)));
  } else {
    return __builtin_ia32_loadupd512_mask(from, Vec<double>{}, (unsigned char)((1u << Last) - (1u << First)));
#else
  } else {
    Vec<T> value = {};
    PYLMS_UNROLL
    for (Index i = First; i < Last; ++i) value[i] = from[i];
    return value;
#endif
  }
}

// Memory past `Count` elements is left alone.
template <Index Count, class T>
PYLMS_INLINE void store_first(T* to, Vec<T> value) {
  if constexpr (Count == width<T>) {
    store(to, value);
#if defined(PYLMS_MASKED_AVX512)
  } else if constexpr (sizeof(T) == 4) {
    __builtin_ia32_storeups512_mask(to, value, (unsigned short)((1u << Count) - 1));
  } else {
    __builtin_ia32_storeupd512_mask(to, value, (unsigned char)((1u << Count) - 1));
#else
  } else {
    PYLMS_UNROLL
    for (Index i = 0; i < Count; ++i) to[i] = value[i];
#endif
  }
}

template <Index... I>
struct Indices {};

#if defined(__clang__)
template <class T, T... I>
using IndicesFromBuiltin = Indices<I...>;
template <Index N>
using IndicesUpTo = __make_integer_seq<IndicesFromBuiltin, Index, N>;
#else
template <Index N>
using IndicesUpTo = Indices<__integer_pack(N)...>;
#endif

// The lanes from Count on become zero.
template <Index Count, class T, Index... I>
PYLMS_INLINE Vec<T> keep_lanes(Vec<T> value, Indices<I...>) {
  typedef typename VectorTypes<T>::lanes Lanes;
  return (Vec<T>)((Lanes)value & Lanes{-(I < Count)...});
}
template <Index Count, class T>
PYLMS_INLINE Vec<T> keep_first(Vec<T> value) {
  return keep_lanes<Count, T>(value, IndicesUpTo<width<T>>{});
}

// ---- across lanes

// Lane i of the result is lane P::source(i) of `a` followed by `b`.
template <class P, class T, Index... I>
PYLMS_INLINE Vec<T> shuffle_lanes(Vec<T> a, Vec<T> b, Indices<I...>) {
#if defined(__clang__)
  return __builtin_shufflevector(a, b, P::source(I)...);
#else
  typedef typename VectorTypes<T>::lane Lane;
  return __builtin_shuffle(a, b, typename VectorTypes<T>::lanes{Lane(P::source(I))...});
#endif
}
template <class P, class T>
PYLMS_INLINE Vec<T> shuffle(Vec<T> a, Vec<T> b) {
  return shuffle_lanes<P, T>(a, b, IndicesUpTo<width<T>>{});
}

// Lane i takes lane i ^ Distance: partners at a power-of-two distance change places.
template <class T, Index Distance>
struct Swap {
  static constexpr int source(Index lane) { return int(lane ^ Distance); }
};

template <class T, class Combine, Index Distance = width<T> / 2>
PYLMS_INLINE T fold_lanes(Vec<T> value, Combine combine) {
  if constexpr (Distance == 0) {
    return value[0];
  } else {
    return fold_lanes<T, Combine, Distance / 2>(combine(value, shuffle<Swap<T, Distance>, T>(value, value)), combine);
  }
}

template <class T>
PYLMS_INLINE T horizontal_sum(Vec<T> value) {
  return fold_lanes<T>(value, [](Vec<T> a, Vec<T> b) { return a + b; });
}

template <class T>
PYLMS_INLINE T horizontal_max(Vec<T> value) {
  return fold_lanes<T>(value, [](Vec<T> a, Vec<T> b) { return max(a, b); });
}

// Halves of pairs of blocks of `Block` lanes: [a0 b0 a2 b2 ..] (Odd = 0) or [a1 b1 a3 b3 ..] (Odd = 1), in blocks.
template <class T, Index Block, Index Odd>
struct Interleave {
  static constexpr int source(Index lane) {
    const Index pair = lane / (2 * Block), offset = lane % Block, from_b = (lane / Block) % 2;
    return int(pair * 2 * Block + Odd * Block + offset + from_b * width<T>);
  }
};

// Lane j of vector i becomes lane i of vector j, for as many vectors as there are lanes.
template <class T, Index Block = width<T> / 2>
PYLMS_INLINE void transpose(Vec<T>* rows) {
  if constexpr (Block > 0) {
    PYLMS_UNROLL
    for (Index i = 0; i < width<T>; ++i) {
      if ((i & Block) == 0) {
        const Vec<T> a = rows[i], b = rows[i + Block];
        rows[i] = shuffle<Interleave<T, Block, 0>, T>(a, b);
        rows[i + Block] = shuffle<Interleave<T, Block, 1>, T>(a, b);
      }
    }
    transpose<T, Block / 2>(rows);
  }
}

// Every second lane of `a` and then of `b`, from lane Odd on.
template <class T, Index Odd>
struct EverySecond {
  static constexpr int source(Index lane) { return int(2 * lane + Odd); }
};

// Lanes of `a` and `b` in turn: of their first halves, or of their second ones (Half = 1).
template <class T, Index Half>
struct Alternate {
  static constexpr int source(Index lane) { return int(Half * (width<T> / 2) + lane / 2 + lane % 2 * width<T>); }
};

// `sums[i]` is reduced to lane i, for 0 < Count <= width; the other lanes repeat those. The input is overwritten.
// Two vectors are folded into one at a time, which takes 3 operations a vector rather than 2 log2(width).
template <class T, Index Count, Index Block = 1>
PYLMS_INLINE Vec<T> horizontal_sums(Vec<T>* sums) {
  if constexpr (Block == width<T>) {
    return sums[0];
  } else {
    constexpr Index pairs = ceil_div(Count, 2);
    PYLMS_UNROLL
    for (Index i = 0; i < pairs; ++i) {
      const Vec<T> a = sums[2 * i], b = 2 * i + 1 < Count ? sums[2 * i + 1] : a;
      sums[i] = shuffle<Interleave<T, Block, 0>, T>(a, b) + shuffle<Interleave<T, Block, 1>, T>(a, b);
    }
    return horizontal_sums<T, pairs, Block * 2>(sums);
  }
}

}  // namespace pylms

#endif
