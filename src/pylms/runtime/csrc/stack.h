/* How far the stack of a thread reaches: native functions that call themselves stop before its end. */
#ifndef PYLMS_STACK_H
#define PYLMS_STACK_H

#include <pthread.h>

/* What callbacks into Python, and the functions at the very end, may take; a quarter of the stack where that is small. */
#define STACK_RESERVE (512 * 1024)
/* Where the system does not tell. */
#define ASSUMED_STACK (1024 * 1024)

static __thread char *this_stack_end = NULL;

/* The lowest address of this thread's stack, and its size; 0 where they are unknown. */
static int find_stack(char **lowest, size_t *size)
{
#if defined(__APPLE__)
    *size = pthread_get_stacksize_np(pthread_self());
    *lowest = (char *)pthread_get_stackaddr_np(pthread_self()) - *size;
    return 1;
#elif defined(__linux__)
    pthread_attr_t attributes;
    void *address;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0)
        return 0;
    int found = pthread_attr_getstack(&attributes, &address, size) == 0;
    pthread_attr_destroy(&attributes);
    *lowest = address;
    return found;
#else
    return 0;
#endif
}

static void learn_stack_end(void)
{
    char *lowest;
    size_t size;
    if (!find_stack(&lowest, &size)) {
        size = ASSUMED_STACK;
        lowest = (char *)__builtin_frame_address(0) - size;
    }
    this_stack_end = lowest + (size / 4 < STACK_RESERVE ? size / 4 : STACK_RESERVE);
}

/* The address that this thread's stack must not come below. */
static inline char *stack_end(void)
{
    if (this_stack_end == NULL)
        learn_stack_end();
    return this_stack_end;
}

#endif
