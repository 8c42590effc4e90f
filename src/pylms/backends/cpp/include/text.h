// Python's strings: code points of 32 bits each. Slices share memory with what they are slices of (ADR 10).
#ifndef PYLMS_TEXT_H
#define PYLMS_TEXT_H

#include "heap.h"

namespace pylms {

struct text {
  const char32_t *data;
  long long length;

  bool has(long long i) const { return place(i, length) < (unsigned long long)length; }
  text item(long long i) const { return {data + place(i, length), 1}; }
};

inline long long compare(text a, text b) {
  long long common = a.length < b.length ? a.length : b.length;
  for (long long i = 0; i < common; ++i)
    if (a.data[i] != b.data[i]) return a.data[i] < b.data[i] ? -1 : 1;
  return (a.length > b.length) - (a.length < b.length);
}

inline bool same(text a, text b) {
  if (a.length != b.length) return false;
  if (a.length == 1) return *a.data == *b.data;
  return a.data == b.data || !__builtin_memcmp(a.data, b.data, a.length * sizeof(char32_t));
}
inline bool less(text a, text b) { return compare(a, b) < 0; }
inline bool is_nan(text) { return false; }
inline unsigned long long hash(text a) {
  unsigned long long h = 0xcbf29ce484222325ull;
  for (long long i = 0; i < a.length; ++i) h = (h ^ a.data[i]) * 0x100000001b3ull;
  return h ^ h >> 29;
}

inline long long find(text a, text part) {
  if (!part.length) return 0;
  for (long long i = 0; i + part.length <= a.length; ++i)
    if (a.data[i] == *part.data && same({a.data + i, part.length}, part)) return i;
  return -1;
}

// What follows makes new strings; where there is no memory, `data` is null and an exception set.

inline text with_room(pylms_context *ctx, long long length) {
  return {(const char32_t *)take(ctx, bytes_of(length, sizeof(char32_t))), length};
}

inline text slice_by(pylms_context *ctx, text a, long long start, long long stop, long long step) {
  slice_range range = slice(a.length, start, stop, step);
  if (step == 1) return {a.data + range.start, range.length};
  text made = with_room(ctx, range.length);
  if (made.data)
    for (long long i = 0; i < range.length; ++i) ((char32_t *)made.data)[i] = a.data[range.start + i * step];
  return made;
}

inline void copy_behind(char32_t *end, text b) { __builtin_memcpy(end, b.data, b.length * sizeof(char32_t)); }

// A string that ends where its buffer's used part ends grows in place: nobody else has what is behind. So adding to a
// string again and again takes time and memory in proportion to its length.
inline text concat(pylms_context *ctx, text a, text b) {
  if (!b.length) return a;
  heap *own = heap_of(ctx);
  if (!own) return {nullptr, 0};
  for (open_end &each : own->ends)
    if (each.end == a.data + a.length && each.limit - each.end >= b.length) {
      copy_behind(each.end, b);
      each.end += b.length;
      return {a.data, a.length + b.length};
    }
  long long length = a.length + b.length, bytes = bytes_of(length * 2, sizeof(char32_t));
  text made = {(const char32_t *)take(ctx, bytes), length};
  if (!made.data) return made;
  char32_t *start = (char32_t *)made.data;
  copy_behind(start, a);
  copy_behind(start + a.length, b);
  own->ends[own->next_end] = {start + length, start + (1ll << size_class(bytes)) / (long long)sizeof(char32_t)};
  own->next_end = (own->next_end + 1) % open_ends;
  return made;
}

inline text repeat(pylms_context *ctx, text a, long long count) {
  if (count <= 0 || !a.length) return {a.data, 0};
  long long length = bytes_of(count, a.length);
  text made = with_room(ctx, length);
  if (made.data)
    for (long long i = 0; i < length; ++i) ((char32_t *)made.data)[i] = a.data[i % a.length];
  return made;
}

inline text chr(pylms_context *ctx, long long point) {
  static const struct table {
    char32_t points[256];
    constexpr table() : points() {
      for (int i = 0; i < 256; ++i) points[i] = (char32_t)i;
    }
  } small;
  if (point < 256) return {small.points + point, 1};
  text made = with_room(ctx, 1);
  if (made.data) *(char32_t *)made.data = (char32_t)point;
  return made;
}

}  // namespace pylms

#endif
