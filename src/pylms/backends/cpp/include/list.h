// Python's lists of elements of one type (ADR 10). A value is a reference.
//
// What can fail for want of memory gives false or a null body, with an exception set.
#ifndef PYLMS_LIST_H
#define PYLMS_LIST_H

#include "text.h"
#include "record.h"

namespace pylms {

template <class T>
struct list {
  // The runtime reads the first two, to make a Python list of it.
  struct body_type {
    T *items;
    long long length;
    long long capacity;
  };
  body_type *body;

  long long length() const { return body->length; }
  bool has(long long i) const { return place(i, body->length) < (unsigned long long)body->length; }
  T &at(long long i) const { return body->items[place(i, body->length)]; }
  T &item(long long i) const { return body->items[i]; }
  void clear() const { body->length = 0; }

  __attribute__((noinline)) bool grow(pylms_context *ctx, long long needed) const {
    long long old = bytes_of(body->capacity, sizeof(T)), bytes = bytes_of(needed, sizeof(T));
    T *items = (T *)take(ctx, bytes);
    if (!items) return false;
    if (body->length) __builtin_memcpy(items, body->items, body->length * sizeof(T));
    give_back(ctx, body->capacity ? body->items : nullptr, old);
    body->items = items;
    body->capacity = (1ll << size_class(bytes)) / (long long)sizeof(T);
    return true;
  }
  bool append(pylms_context *ctx, T x) const {
    if (__builtin_expect(body->length == body->capacity, 0) && !grow(ctx, body->length + 1)) return false;
    body->items[body->length++] = x;
    return true;
  }
  T pop(long long i) const {
    long long at = (long long)place(i, body->length);
    T taken = body->items[at];
    --body->length;
    __builtin_memmove(body->items + at, body->items + at + 1, (body->length - at) * sizeof(T));
    return taken;
  }
  bool insert(pylms_context *ctx, long long i, T x) const {
    long long n = body->length, at = slice(n, i, n, 1).start;
    if (!append(ctx, x)) return false;
    __builtin_memmove(body->items + at + 1, body->items + at, (n - at) * sizeof(T));
    body->items[at] = x;
    return true;
  }
  bool extend(pylms_context *ctx, list other) const {
    long long added = other.body->length;
    if (!added) return true;
    if (body->length + added > body->capacity && !grow(ctx, body->length + added)) return false;
    __builtin_memcpy(body->items + body->length, other.body->items, added * sizeof(T));
    body->length += added;
    return true;
  }
  void reverse() const {
    for (long long i = 0, j = body->length - 1; i < j; ++i, --j) {
      T x = body->items[i];
      body->items[i] = body->items[j];
      body->items[j] = x;
    }
  }
  long long find(T x) const {
    for (long long i = 0; i < body->length; ++i)
      if (same(body->items[i], x)) return i;
    return -1;
  }
  long long count(T x) const {
    long long found = 0;
    for (long long i = 0; i < body->length; ++i) found += same(body->items[i], x);
    return found;
  }
};

// A list without elements that has room for so many.
template <class T>
inline list<T> new_list(pylms_context *ctx, long long capacity) {
  list<T> made = {(typename list<T>::body_type *)take(ctx, sizeof(typename list<T>::body_type))};
  if (!made.body) return made;
  *made.body = {nullptr, 0, 0};
  if (capacity && !made.grow(ctx, capacity)) made.body = nullptr;
  return made;
}

template <class T, class... Items>
inline list<T> list_of(pylms_context *ctx, Items... items) {
  list<T> made = new_list<T>(ctx, sizeof...(Items));
  if (made.body) (made.append(ctx, items), ...);
  return made;
}

template <class T>
inline list<T> slice_by(pylms_context *ctx, list<T> a, long long start, long long stop, long long step) {
  slice_range range = slice(a.length(), start, stop, step);
  list<T> made = new_list<T>(ctx, range.length);
  if (!made.body) return made;
  for (long long i = 0; i < range.length; ++i) made.body->items[i] = a.item(range.start + i * step);
  made.body->length = range.length;
  return made;
}

template <class T>
inline list<T> concat(pylms_context *ctx, list<T> a, list<T> b) {
  list<T> made = new_list<T>(ctx, a.length() + b.length());
  if (made.body && !(made.extend(ctx, a) && made.extend(ctx, b))) made.body = nullptr;
  return made;
}

template <class T>
inline list<T> repeat(pylms_context *ctx, list<T> a, long long count) {
  long long n = a.length(), length = count <= 0 ? 0 : bytes_of(count, n);
  list<T> made = new_list<T>(ctx, length);
  if (!made.body) return made;
  for (long long i = 0, from = 0; i < length; ++i) {
    made.body->items[i] = a.item(from);
    if (++from == n) from = 0;
  }
  made.body->length = length;
  return made;
}

template <class T>
inline bool same(list<T> a, list<T> b) {
  if (a.body == b.body) return true;
  if (a.length() != b.length()) return false;
  for (long long i = 0; i < a.length(); ++i)
    if (!same(a.item(i), b.item(i))) return false;
  return true;
}

// Merges sorted runs of twice the length each round. Of equal elements the earlier one stays first, in either order.
template <class T>
inline bool sort(pylms_context *ctx, list<T> a, bool descending) {
  long long n = a.length(), bytes = bytes_of(n, sizeof(T));
  auto before = [descending](const T &x, const T &y) { return descending ? less(y, x) : less(x, y); };
  T *items = a.body->items;
  const long long run = 16;
  for (long long first = 0; first < n; first += run)
    for (long long i = first + 1; i < n && i < first + run; ++i) {
      T x = items[i];
      long long j = i;
      for (; j > first && before(x, items[j - 1]); --j) items[j] = items[j - 1];
      items[j] = x;
    }
  if (n <= run) return true;
  T *other = (T *)take(ctx, bytes);
  if (!other) return false;
  for (long long width = run; width < n; width *= 2) {
    for (long long first = 0; first < n; first += 2 * width) {
      long long i = first, middle = first + width < n ? first + width : n, j = middle;
      long long end = middle + width < n ? middle + width : n;
      for (long long k = first; k < end; ++k)
        other[k] = i < middle && (j == end || !before(items[j], items[i])) ? items[i++] : items[j++];
    }
    T *swapped = items;
    items = other;
    other = swapped;
  }
  if (items != a.body->items) {
    __builtin_memcpy(a.body->items, items, bytes);
    other = items;
  }
  give_back(ctx, other, bytes);
  return true;
}

}  // namespace pylms

#endif
