// References to arrays of run-time shape, for generated code that computes with them.
//
// What holds: indices are in range, as Python has them checked before; extents are never negative.
#ifndef PYLMS_ARRAYS_H
#define PYLMS_ARRAYS_H

#include "pylms_abi.h"

namespace pylms {

// Elements that follow each other in row-major order.
template <class T, int Rank>
struct array {
  T *data;
  long long n[Rank ? Rank : 1];

  T &operator()() const { return data[0]; }
  T &operator()(long long i) const { return data[i]; }
  template <class... Indices>
  T &operator()(long long i, Indices... rest) const {
    long long position = i;
    int axis = 1;
    ((position = position * n[axis++] + rest), ...);
    return data[position];
  }
};

// Elements a stride apart in each dimension; strides count elements.
template <class T, int Rank>
struct strided {
  T *data;
  long long n[Rank ? Rank : 1];
  long long step[Rank ? Rank : 1];

  template <class... Indices>
  T &operator()(Indices... indices) const {
    long long position = 0;
    int axis = 0;
    ((position += indices * step[axis++]), ...);
    return data[position];
  }
};

// How far apart in memory the elements of one dimension are.
template <class T, int Rank>
inline long long stride(const array<T, Rank> &a, int axis) {
  long long product = 1;
  for (int each = axis + 1; each < Rank; ++each) product *= a.n[each];
  return product;
}
template <class T, int Rank>
inline long long stride(const strided<T, Rank> &a, int axis) { return a.step[axis]; }

// Memory for an array; `data` is null, and an exception set, where there is none.
template <class T, int Rank, class... Extents>
inline array<T, Rank> new_array(pylms_context *ctx, bool zeroed, Extents... extents) {
  array<T, Rank> made = {nullptr, {(long long)extents...}};
  long long bytes = sizeof(T);
  bool too_large = false, empty = false;
  // As NumPy counts: an array without elements may not be too long in another dimension either.
  for (int axis = 0; axis < Rank; ++axis) {
    empty |= made.n[axis] == 0;
    too_large |= __builtin_mul_overflow(bytes, made.n[axis] ? made.n[axis] : 1, &bytes);
  }
  bytes = too_large ? __LONG_LONG_MAX__ : empty ? 0 : bytes;
  made.data = (T *)ctx->allocate(ctx, bytes ? bytes : 1);
  if (made.data && zeroed) __builtin_memset(made.data, 0, bytes);
  return made;
}

// Memory that an array takes again and again.
struct kept_memory {
  void *data;
  long long bytes;
};

// The same in memory that is kept; it grows at least twofold, so that little is left unused in the end.
template <class T, int Rank, class... Extents>
inline array<T, Rank> new_array_in(pylms_context *ctx, kept_memory &kept, bool zeroed, Extents... extents) {
  array<T, Rank> made = {(T *)kept.data, {(long long)extents...}};
  long long bytes = sizeof(T);
  bool too_large = false;
  for (int axis = 0; axis < Rank; ++axis) too_large |= __builtin_mul_overflow(bytes, made.n[axis], &bytes);
  if (too_large) bytes = __LONG_LONG_MAX__;
  if (!kept.data || bytes > kept.bytes) {
    const long long grown = bytes / 2 < kept.bytes ? kept.bytes * 2 : bytes;
    kept.data = ctx->allocate(ctx, grown ? grown : 1);
    kept.bytes = grown;
    made.data = (T *)kept.data;
  }
  if (made.data && zeroed) __builtin_memset(made.data, 0, bytes);
  return made;
}

template <class T, int Rank>
inline strided<T, Rank> as_strided(const array<T, Rank> &a) {
  strided<T, Rank> view = {a.data, {}, {}};
  for (int axis = 0; axis < Rank; ++axis) {
    view.n[axis] = a.n[axis];
    view.step[axis] = stride(a, axis);
  }
  return view;
}
template <class T, int Rank>
inline strided<T, Rank> as_strided(const strided<T, Rank> &a) { return a; }

// The view at index i of a dimension, without that.
template <class T, int Rank>
inline array<T, Rank - 1> pick_first(const array<T, Rank> &a, long long i) {
  array<T, Rank - 1> view = {a.data + i * stride(a, 0), {}};
  for (int axis = 1; axis < Rank; ++axis) view.n[axis - 1] = a.n[axis];
  return view;
}
template <int Axis, class Array>
struct picked;
template <int Axis, template <class, int> class Array, class T, int Rank>
struct picked<Axis, Array<T, Rank>> {
  static strided<T, Rank - 1> at(const Array<T, Rank> &a, long long i) {
    strided<T, Rank - 1> view = {a.data + i * stride(a, Axis), {}, {}};
    for (int axis = 0; axis < Rank - 1; ++axis) {
      view.n[axis] = a.n[axis < Axis ? axis : axis + 1];
      view.step[axis] = stride(a, axis < Axis ? axis : axis + 1);
    }
    return view;
  }
};
template <int Axis, class Array>
inline auto pick(const Array &a, long long i) { return picked<Axis, Array>::at(a, i); }

// Some rows of a dense array, which are dense again.
template <class T, int Rank>
inline array<T, Rank> slice_first(const array<T, Rank> &a, long long start, long long length) {
  array<T, Rank> view = a;
  view.data += start * stride(a, 0);
  view.n[0] = length;
  return view;
}
template <int Axis, class Array>
inline auto slice(const Array &a, long long start, long long length, long long step) {
  auto view = as_strided(a);
  view.data += start * view.step[Axis];
  view.n[Axis] = length;
  view.step[Axis] *= step;
  return view;
}

// Dimension d of the view is dimension Axes[d] of the array.
template <int... Axes, template <class, int> class Array, class T, int Rank>
inline strided<T, Rank> permute(const Array<T, Rank> &a) {
  return {a.data, {a.n[Axes]...}, {stride(a, Axes)...}};
}

// The view with a further dimension of extent 1.
template <int Axis, class T, int Rank>
inline array<T, Rank + 1> expand(const array<T, Rank> &a) {
  array<T, Rank + 1> view = {a.data, {}};
  for (int axis = 0; axis <= Rank; ++axis) view.n[axis] = axis == Axis ? 1 : a.n[axis < Axis ? axis : axis - 1];
  return view;
}
template <int Axis, class T, int Rank>
inline strided<T, Rank + 1> expand(const strided<T, Rank> &a) {
  strided<T, Rank + 1> view = {a.data, {}, {}};
  for (int axis = 0; axis <= Rank; ++axis) {
    const int from = axis < Axis ? axis : axis - 1;
    view.n[axis] = axis == Axis ? 1 : a.n[from];
    view.step[axis] = axis == Axis ? 0 : a.step[from];
  }
  return view;
}

}  // namespace pylms

#endif
