// Tasks that several threads take, where the program is compiled with PYLMS_THREADS.
#ifndef PYLMS_TASKS_H
#define PYLMS_TASKS_H

#include "vec.h"
#ifdef PYLMS_THREADS
#include "workers.h"
#endif

namespace pylms {

// Calls task(i) for 0 <= i < tasks. Tasks do not touch each other's results; how many threads take them (0: as many as
// there are cores) changes nothing.
template <class Task>
inline void in_parallel(Index tasks, int threads, const Task& task) {
#ifdef PYLMS_THREADS
  // A copy of what the task captured: stores cannot change it, and compilers keep it in registers.
  const auto run = [](const void* shared, Index number) {
    const Task own = *(const Task*)shared;
    own(number);
  };
  share_tasks(tasks, threads, run, &task);
#else
  (void)threads;
  for (Index i = 0; i < tasks; ++i) task(i);
#endif
}

}  // namespace pylms

#endif
