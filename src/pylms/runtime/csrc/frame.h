/* What native code reaches through its context: polls, memory. Frames are taken and given back with the GIL held. */
#ifndef PYLMS_FRAME_H
#define PYLMS_FRAME_H

#include <stdlib.h>

#define ARENA_ALIGNMENT 64
#define SMALLEST_ARENA_BLOCK (64 * 1024)
#define LARGEST_REQUEST (1LL << 60)

/* A block of arena memory; its bytes start ARENA_ALIGNMENT after it. What is larger than SMALLEST_ARENA_BLOCK holds one
 * allocation alone. Arrays that are made of results may live in one: then it is theirs, through `owner`. */
typedef struct arena_block {
    struct arena_block *next;
    long long size;
    PyObject *owner; /* a capsule that frees the block, or null */
} arena_block;

static inline char *bytes_of(arena_block *block)
{
    return (char *)block + ARENA_ALIGNMENT;
}

static call_frame *free_frames = NULL;

/* Whether the GIL had to be taken, for leave_python. */
static inline int enter_python(call_frame *frame)
{
    if (frame->released == NULL)
        return 0;
    PyEval_RestoreThread(frame->released);
    frame->released = NULL;
    return 1;
}

static inline void leave_python(call_frame *frame, int was_released)
{
    if (was_released)
        frame->released = PyEval_SaveThread();
}

static int frame_poll(pylms_context *context)
{
    call_frame *frame = (call_frame *)context;
    if (is_brief(frame))
        return 0;
    int was_released = enter_python(frame);
    /* Each step before the next, or a signal that arrives in between is lost: cleared, armed, looked for. */
    context->interrupt = 0;
    if (on_main_thread())
        arm_interrupt(frame);
    int status = PyErr_CheckSignals();
    leave_python(frame, was_released);
    return status;
}

/* Makes the arena's unused part at least `bytes` long; 0 where there is no such memory. */
static int make_room(call_frame *frame, long long bytes)
{
    if (bytes <= frame->context.arena_size)
        return 1;
    long long block_size = bytes > SMALLEST_ARENA_BLOCK ? bytes : SMALLEST_ARENA_BLOCK;
    arena_block *block = aligned_alloc(ARENA_ALIGNMENT, (size_t)block_size + ARENA_ALIGNMENT);
    if (block == NULL)
        return 0;
    block->next = frame->blocks;
    block->size = block_size;
    block->owner = NULL;
    frame->blocks = block;
    frame->context.arena = bytes_of(block);
    frame->context.arena_size = block_size;
    return 1;
}

static void *frame_allocate(pylms_context *context, long long bytes)
{
    call_frame *frame = (call_frame *)context;
    long long rounded = -1;
    if (bytes >= 0 && bytes <= LARGEST_REQUEST)
        rounded = (bytes + (bytes == 0) + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
    if (rounded < 0 || !make_room(frame, rounded)) {
        int was_released = enter_python(frame);
        PyErr_NoMemory();
        leave_python(frame, was_released);
        return NULL;
    }
    char *memory = context->arena;
    context->arena += rounded;
    context->arena_size -= rounded;
    return memory;
}

static int frame_call(pylms_context *context, long long callback, pylms_value *args);

static call_frame *make_frame(void)
{
    call_frame *frame = calloc(1, sizeof(call_frame));
    if (frame == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    frame->context.call = frame_call;
    frame->context.poll = frame_poll;
    frame->context.allocate = frame_allocate;
    frame->context.user = frame;
    frame->next_ever = every_frame;
    every_frame = frame;
    return frame;
}

static inline call_frame *take_frame(struct NativeFunction *function)
{
    call_frame *frame = free_frames;
    if (frame != NULL)
        free_frames = frame->next_free;
    else if ((frame = make_frame()) == NULL)
        return NULL;
    frame->function = function;
    frame->context.interrupt = 1;
    frame->context.stack_end = stack_end();
    frame->context.stack_limit = PYLMS_LOOK;
    frame->polls = 0;
    return frame;
}

static void free_blocks(call_frame *frame)
{
    while (frame->blocks != NULL) {
        arena_block *block = frame->blocks;
        frame->blocks = block->next;
        if (block->owner != NULL)
            Py_DECREF(block->owner);
        else
            free(block);
    }
    frame->context.arena = NULL;
    frame->context.arena_size = 0;
    frame->context.heap = NULL;
}

static inline void give_frame_back(call_frame *frame)
{
    if (frame->owns_handler)
        disarm_interrupt(frame);
    if (frame->blocks != NULL)
        free_blocks(frame);
    frame->function = NULL;
    frame->next_free = free_frames;
    free_frames = frame;
}

#endif
