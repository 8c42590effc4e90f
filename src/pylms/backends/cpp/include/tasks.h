// Tasks that several threads take.
#ifndef PYLMS_TASKS_H
#define PYLMS_TASKS_H

#include "vec.h"

namespace pylms {

// Tasks that do not touch each other's results; how many threads take them (0: as many as there are cores) changes
// nothing.
template <class Task>
inline void in_parallel(Index tasks, int threads, const Task& task) {
  if (threads == 1 || tasks == 1) {
    for (Index i = 0; i < tasks; ++i) task(i);
  } else if (threads == 0) {
    _Pragma("omp parallel for schedule(dynamic)")
    for (Index i = 0; i < tasks; ++i) task(i);
  } else {
    _Pragma("omp parallel for schedule(dynamic) num_threads(threads)")
    for (Index i = 0; i < tasks; ++i) task(i);
  }
}

}  // namespace pylms

#endif
