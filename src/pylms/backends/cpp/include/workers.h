// Threads that take tasks: a pool for each library, started when there is work for them.
//
// A round of tasks belongs to the thread that calls `share_tasks`, which takes part and waits for those that have
// joined it, never for one that has not woken or has no core: where other programs use the cores, a round takes as long
// as on one thread, and not until the last worker had its turn. Every thread begins with a share of its own, the same
// one in each round of as many tasks: what it wrote in one round is in its cache in the next. Who has finished takes
// from the ends of the others' shares. A worker that is put on the core of the thread that calls moves to another one:
// schedulers leave it there for long where the other cores have something to do, be it of the least priority. While a round is on, rounds of other threads, and those within tasks, run on the
// thread that calls for them. Workers wait for a moment at full speed, sleep then, and end where nothing comes for long.
#ifndef PYLMS_WORKERS_H
#define PYLMS_WORKERS_H

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "vec.h"

namespace pylms {

typedef void (*RunTask)(const void* task, Index number);

namespace workers_detail {

constexpr int most_threads = 64;
constexpr int spins = 2000;       // some tens of microseconds: what a sleeping worker takes to wake
constexpr int idle_seconds = 10;  // after which a worker ends

typedef unsigned long long Word;

// The round that is on, in one word: its number, how many threads may take part, whether it is open, how many workers
// have joined.
constexpr Word joined_mask = 0xffff, open_bit = 0x10000, one_round = Word(1) << 32;
constexpr int members_shift = 17;
constexpr Word members_mask = 0x7fff;

struct alignas(64) Worker {
  Word share;  // the tasks left: the first in the lower half, the one after the last in the upper
  bool is_there, sleeps;
  pthread_mutex_t mutex;
  pthread_cond_t wakes;
};

struct Pool {
  alignas(64) Word round;
  alignas(64) int is_busy;
  int cores, callers_core;
  pid_t process;
  RunTask run;
  const void* task;
  Worker workers[most_threads];  // the first one's share is that of the thread that calls
};
inline Pool pool;

inline void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

inline int core_count() {
#if defined(__linux__)
  cpu_set_t cores;
  if (sched_getaffinity(0, sizeof cores, &cores) == 0) return CPU_COUNT(&cores);
#endif
  return int(sysconf(_SC_NPROCESSORS_ONLN));
}

inline int present_core() {
#if defined(__linux__)
  return sched_getcpu();
#else
  return -1;
#endif
}

// Moves the thread from that core to another one, if it may use one; it may come back later.
inline void leave_core(int core) {
#if defined(__linux__)
  cpu_set_t all, others;
  if (core < 0 || core != sched_getcpu() || sched_getaffinity(0, sizeof all, &all) != 0) return;
  others = all;
  CPU_CLR(core, &others);
  if (CPU_COUNT(&others) == 0 || sched_setaffinity(0, sizeof others, &others) != 0) return;
  sched_setaffinity(0, sizeof all, &all);
#endif
}

// Takes a task off the beginning of a share, or off its end.
inline bool take(Word& share, bool from_end, Index& task) {
  Word left = __atomic_load_n(&share, __ATOMIC_RELAXED);
  for (;;) {
    const unsigned first = unsigned(left), last = unsigned(left >> 32);
    if (first >= last) return false;
    const Word rest = from_end ? left - (Word(1) << 32) : left + 1;
    task = from_end ? last - 1 : first;
    if (__atomic_compare_exchange_n(&share, &left, rest, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) return true;
  }
}

inline void take_part(int own, int members) {
  Index task;
  while (take(pool.workers[own].share, false, task)) pool.run(pool.task, task);
  for (int other = own + 1; other < own + members; ++other) {
    while (take(pool.workers[other % members].share, true, task)) pool.run(pool.task, task);
  }
}

// Whether a round is open that worker `own` is meant to join and has not been in, `last` being the last that it was in.
inline bool is_wanted(Word round, int own, Word last) {
  return round & open_bit && own < int(round >> members_shift & members_mask) && round / one_round != last;
}

// Waits for such a round; false where none came for long, and the worker is to end.
inline bool wait_for_round(int own, Word last) {
  for (int i = 0; i < spins; ++i, pause()) {
    if (is_wanted(__atomic_load_n(&pool.round, __ATOMIC_RELAXED), own, last)) return true;
  }
  Worker& worker = pool.workers[own];
  timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += idle_seconds;
  pthread_mutex_lock(&worker.mutex);
  // Before the round is looked at, as whoever opens one looks at it afterwards: one of the two sees the other.
  __atomic_store_n(&worker.sleeps, true, __ATOMIC_SEQ_CST);
  bool wanted, in_time = true;
  while (!(wanted = is_wanted(__atomic_load_n(&pool.round, __ATOMIC_SEQ_CST), own, last)) && in_time) {
    in_time = pthread_cond_timedwait(&worker.wakes, &worker.mutex, &until) != ETIMEDOUT;
  }
  __atomic_store_n(&worker.sleeps, false, __ATOMIC_RELAXED);
  if (!wanted) __atomic_store_n(&worker.is_there, false, __ATOMIC_RELEASE);
  pthread_mutex_unlock(&worker.mutex);
  return wanted;
}

inline void* work(void* number) {
  const int own = int((Word)number);
  Word last = ~Word(0);
  while (wait_for_round(own, last)) {
    Word round = __atomic_load_n(&pool.round, __ATOMIC_RELAXED);
    if (!is_wanted(round, own, last)) continue;
    if (!__atomic_compare_exchange_n(&pool.round, &round, round + 1, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) continue;
    last = round / one_round;
    leave_core(pool.callers_core);
    take_part(own, int(round >> members_shift & members_mask));
    __atomic_fetch_sub(&pool.round, 1, __ATOMIC_RELEASE);
  }
  return nullptr;
}

// Start the worker, where there is none of that number; wake it, where it sleeps.
inline void call_worker(int own) {
  Worker& worker = pool.workers[own];
  if (!__atomic_load_n(&worker.is_there, __ATOMIC_ACQUIRE)) {
    pthread_t thread;
    worker.is_there = true;
    if (pthread_create(&thread, nullptr, work, (void*)Word(own)) == 0) {
      pthread_detach(thread);
    } else {
      worker.is_there = false;
    }
  } else if (__atomic_load_n(&worker.sleeps, __ATOMIC_SEQ_CST)) {
    pthread_mutex_lock(&worker.mutex);
    pthread_cond_signal(&worker.wakes);
    pthread_mutex_unlock(&worker.mutex);
  }
}

// A new process has none of the threads of the one that it was copied from.
inline void start_pool(pid_t process) {
  pool.round = 0;
  pool.cores = core_count();
  for (Worker& worker : pool.workers) {
    worker.is_there = worker.sleeps = false;
    pthread_mutex_init(&worker.mutex, nullptr);
    pthread_cond_init(&worker.wakes, nullptr);
  }
  pool.process = process;
}

inline void open_round(Index tasks, int members, RunTask run, const void* task) {
  pool.run = run;
  pool.task = task;
  pool.callers_core = present_core();
  for (int i = 0; i < members; ++i) {
    const Word first = tasks * i / members, last = tasks * (i + 1) / members;
    __atomic_store_n(&pool.workers[i].share, first | last << 32, __ATOMIC_RELAXED);
  }
  const Word number = __atomic_load_n(&pool.round, __ATOMIC_RELAXED) / one_round + 1;
  __atomic_store_n(&pool.round, number * one_round | Word(members) << members_shift | open_bit, __ATOMIC_SEQ_CST);
  for (int i = 1; i < members; ++i) call_worker(i);
}

// Lets nobody join any more, and waits for those that have.
inline void close_round() {
  Word round = __atomic_and_fetch(&pool.round, ~open_bit, __ATOMIC_ACQUIRE);
  for (int i = 0; round & joined_mask; ++i) {
    i < spins ? pause() : (void)sched_yield();
    round = __atomic_load_n(&pool.round, __ATOMIC_ACQUIRE);
  }
}

}  // namespace workers_detail

// Calls run(task, i) for 0 <= i < tasks, on so many threads (0: as many as there are cores), each once.
inline void share_tasks(Index tasks, int threads, RunTask run, const void* task) {
  using namespace workers_detail;
  if (threads != 1 && tasks > 1 && !__atomic_exchange_n(&pool.is_busy, 1, __ATOMIC_ACQUIRE)) {
    const pid_t process = getpid();
    if (pool.process != process) start_pool(process);
    const int members = int(least(least(threads ? threads : pool.cores, most_threads), tasks));
    open_round(tasks, members, run, task);
    take_part(0, members);
    close_round();
    __atomic_store_n(&pool.is_busy, 0, __ATOMIC_RELEASE);
    return;
  }
  for (Index i = 0; i < tasks; ++i) run(task, i);
}

}  // namespace pylms

#endif
