// What one place in a container holds where that is a tuple, and how elements are compared.
#ifndef PYLMS_RECORD_H
#define PYLMS_RECORD_H

namespace pylms {

template <class First, class... Rest>
struct record {
  First first;
  record<Rest...> rest;
};
template <class First>
struct record<First> {
  First first;
};

template <int Index, class First, class... Rest>
inline auto get(const record<First, Rest...> &whole) {
  if constexpr (Index == 0) return whole.first;
  else return get<Index - 1>(whole.rest);
}

inline bool same(long long a, long long b) { return a == b; }
inline bool same(double a, double b) { return a == b; }
inline bool less(long long a, long long b) { return a < b; }
inline bool less(double a, double b) { return a < b; }
inline bool is_nan(long long) { return false; }
inline bool is_nan(double a) { return a != a; }

inline unsigned long long hash(long long a) {
  unsigned long long h = (unsigned long long)a * 0x9e3779b97f4a7c15ull;
  return h ^ h >> 32;
}
inline unsigned long long hash(double a) {
  a += 0.0;  // so that both zeros are one
  long long bits;
  __builtin_memcpy(&bits, &a, sizeof bits);
  return hash(bits);
}

template <class First>
inline bool same(const record<First> &a, const record<First> &b) { return same(a.first, b.first); }
template <class First, class... Rest>
inline bool same(const record<First, Rest...> &a, const record<First, Rest...> &b) {
  return same(a.first, b.first) && same(a.rest, b.rest);
}
template <class First>
inline bool less(const record<First> &a, const record<First> &b) { return less(a.first, b.first); }
template <class First, class... Rest>
inline bool less(const record<First, Rest...> &a, const record<First, Rest...> &b) {
  return same(a.first, b.first) ? less(a.rest, b.rest) : less(a.first, b.first);
}
template <class First, class... Rest>
inline bool is_nan(const record<First, Rest...> &a) {
  if constexpr (sizeof...(Rest) == 0) return is_nan(a.first);
  else return is_nan(a.first) || is_nan(a.rest);
}
template <class First, class... Rest>
inline unsigned long long hash(const record<First, Rest...> &a) {
  if constexpr (sizeof...(Rest) == 0) return hash(a.first);
  else return (hash(a.first) ^ hash(a.rest) * 31) * 0x9e3779b97f4a7c15ull;
}

}  // namespace pylms

#endif
