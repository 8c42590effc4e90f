// Large matrix products by the OpenBLAS library, which is looked for when the first one is computed.
//
//     blas_gemm<Form, M, N, K>(library, threads, c, a, b, alpha, beta)      c = beta * c + alpha * A·B
//
// Operands are dense and row-major, as those of gemm.h. `library` is the path of the shared library; the answer is
// false where it cannot be loaded, and nothing is done. The order of every sum is the library's on one thread: threads
// (0: as many as there are cores) take rows of C, always as many at a time.
#ifndef PYLMS_BLAS_H
#define PYLMS_BLAS_H

#include "gemm.h"
#include "tasks.h"

extern "C" void *dlopen(const char *, int);
extern "C" void *dlsym(void *, const char *);

namespace pylms {

namespace blas_detail {

constexpr Index rows_at_a_time = 256;

enum { row_major = 101, as_stored = 111, transposed = 112, bind_now = 2 };

template <class T>
using Gemm = void (*)(int, int, int, int, int, int, T, const T *, int, const T *, int, T, T *, int);

template <class T>
constexpr const char *gemm_name = sizeof(T) == 4 ? "scipy_cblas_sgemm" : "scipy_cblas_dgemm";

// The library's function, found once; null where there is none. To find it twice at the same time does no harm.
inline void *found(const char *library, const char *name, void *&place) {
  if (place) return place;
  void *loaded = dlopen(library, bind_now);
  return place = loaded ? dlsym(loaded, name) : nullptr;
}

}  // namespace blas_detail

template <Form form, Index M, Index N, Index K, class T>
inline bool blas_gemm(const char *library, int threads, T *c, const T *a, const T *b, double alpha, double beta) {
  using namespace blas_detail;
  constexpr bool turn_a = form == TN || form == TT, turn_b = form == NT || form == TT;
  static void *gemm_place = nullptr, *threads_place = nullptr;
  const auto product = (Gemm<T>)found(library, gemm_name<T>, gemm_place);
  if (!product) return false;
  const auto use = (void (*)(int))found(library, "scipy_openblas_set_num_threads", threads_place);
  if (use) use(1);
  in_parallel(ceil_div(M, rows_at_a_time), threads, [=](Index task) {
    const Index row = task * rows_at_a_time;
    product(row_major, turn_a ? transposed : as_stored, turn_b ? transposed : as_stored,
            int(least(rows_at_a_time, M - row)), N, K, T(alpha), a + row * (turn_a ? 1 : K), turn_a ? M : K, b,
            turn_b ? K : N, T(beta), c + row * N, N);
  });
  return true;
}

}  // namespace pylms

#endif
