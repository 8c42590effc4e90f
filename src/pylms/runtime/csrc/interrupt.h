/* Ctrl-C while native code runs.
 *
 * Python's own SIGINT handler only notes the signal for the interpreter, which native code never visits. So a call on
 * the main thread that polls for long enough puts a handler in front of Python's, which passes the signal on and then
 * raises the `interrupt` flag of every call in flight; the next poll lets the interpreter run the user's handler. The
 * call takes the handler away again when it ends. Putting it there takes about half a microsecond, which short calls are
 * spared: their flag just stays up for a few polls, which do next to nothing.
 */
#ifndef PYLMS_INTERRUPT_H
#define PYLMS_INTERRUPT_H

#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif

#define BRIEF_POLLS 64
#define BRIEF_NANOSECONDS 4000000
#if defined(CLOCK_MONOTONIC_COARSE)
#define POLL_CLOCK CLOCK_MONOTONIC_COARSE /* a few nanoseconds to read */
#else
#define POLL_CLOCK CLOCK_MONOTONIC
#endif

/* One native call in flight. Frames are recycled and never freed: the signal handler may be looking at any of them. */
typedef struct call_frame {
    pylms_context context; /* first, so that a context's address is its frame's */
    struct NativeFunction *function;
    PyThreadState *released; /* the state to come back with, while the GIL is released; else null */
    struct arena_block *blocks;
    int owns_handler;
    int polls; /* up to BRIEF_POLLS */
    struct timespec first_poll;
    struct call_frame *next_free;
    struct call_frame *next_ever;
} call_frame;

static call_frame *volatile every_frame = NULL;

/* What SIGINT did before our handler came; it keeps its value when ours goes, being the best guess for next time. */
static struct sigaction previous_action;
static int previous_action_known = 0;

/* Have native code poll soon. */
static inline void ask_to_look(pylms_context *context)
{
    context->interrupt = 1;
    context->stack_limit = PYLMS_LOOK;
}

static void on_sigint(int number, siginfo_t *info, void *machine_context)
{
    /* The previous handler first: a poll that runs in between must find what Python noted. */
    if (previous_action.sa_flags & SA_SIGINFO)
        previous_action.sa_sigaction(number, info, machine_context);
    else
        previous_action.sa_handler(number);
    for (call_frame *frame = every_frame; frame != NULL; frame = frame->next_ever)
        ask_to_look(&frame->context);
}

static int is_ours(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) && action->sa_sigaction == on_sigint;
}

static int has_handler(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) || (action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN);
}

/* Whether this poll comes so early in its call that it may be passed over, the flag being left up for the next. */
static int is_brief(call_frame *frame)
{
    struct timespec now;
    if (frame->polls >= BRIEF_POLLS || clock_gettime(POLL_CLOCK, &now) != 0)
        return 0;
    if (frame->polls++ == 0)
        frame->first_poll = now;
    long long seconds = now.tv_sec - frame->first_poll.tv_sec;
    if (seconds * 1000000000LL + now.tv_nsec - frame->first_poll.tv_nsec < BRIEF_NANOSECONDS)
        return 1;
    frame->polls = BRIEF_POLLS;
    return 0;
}

/* Asking the system takes two calls, so each thread remembers the answer, until a fork may change it. */
static __thread enum { UNKNOWN_THREAD, MAIN_THREAD, OTHER_THREAD } this_thread = UNKNOWN_THREAD;

static void forget_this_thread(void)
{
    this_thread = UNKNOWN_THREAD;
}

static int on_main_thread(void)
{
    if (this_thread == UNKNOWN_THREAD) {
#if defined(__linux__)
        int is_main = syscall(SYS_gettid) == getpid();
#else
        int is_main = pthread_main_np();
#endif
        this_thread = is_main ? MAIN_THREAD : OTHER_THREAD;
    }
    return this_thread == MAIN_THREAD;
}

/* Puts our handler in front of the present one, unless it is there, or SIGINT is ignored or kills at once. */
static void arm_interrupt(call_frame *frame)
{
    struct sigaction ours, replaced;
    if (!previous_action_known) {
        if (sigaction(SIGINT, NULL, &replaced) != 0 || !has_handler(&replaced))
            return;
        previous_action = replaced;
        previous_action_known = 1;
    }
    ours = previous_action;
    ours.sa_sigaction = on_sigint;
    ours.sa_flags |= SA_SIGINFO;
    if (sigaction(SIGINT, &ours, &replaced) != 0 || is_ours(&replaced))
        return;
    if (!has_handler(&replaced)) {
        sigaction(SIGINT, &replaced, NULL);
        return;
    }
    previous_action = replaced;
    frame->owns_handler = 1;
}

/* Gives SIGINT back, unless someone else has taken it meanwhile. */
static void disarm_interrupt(call_frame *frame)
{
    struct sigaction replaced;
    frame->owns_handler = 0;
    if (sigaction(SIGINT, &previous_action, &replaced) == 0 && !is_ours(&replaced))
        sigaction(SIGINT, &replaced, NULL);
}

#endif
