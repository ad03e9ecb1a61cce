/* Stands in for /dev/dma_heap on kernels without it: LD_PRELOAD for libcamera's virtual camera, for tests only.
 *
 * libcamera and picamera2 open a heap, ask it for buffers, and bracket each access to one with a "sync". Here opening a
 * heap gives /dev/null, asking gives a memfd, and syncing or naming does nothing: all access is by the processor.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ioctl.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct order {
    uint64_t bytes;
    uint32_t fd;
    uint32_t fd_flags;
    uint64_t heap_flags;
};

#define PAGE 4096ULL
#define GIVE_BUFFER _IOWR('H', 0, struct order)

static const char *target(const char *path)
{
    static const char heaps[] = "/dev/dma_heap/";
    return path && strncmp(path, heaps, sizeof heaps - 1) == 0 ? "/dev/null" : path;
}

static mode_t creation_mode(int flags, va_list more)
{
    return flags & (O_CREAT | O_TMPFILE) ? (mode_t)va_arg(more, int) : 0;
}

#define OPENS(name)                                                                     \
    int name(const char *path, int flags, ...)                                          \
    {                                                                                   \
        int (*next)(const char *, int, ...) = dlsym(RTLD_NEXT, #name);                  \
        va_list more;                                                                   \
        va_start(more, flags);                                                          \
        mode_t mode = creation_mode(flags, more);                                       \
        va_end(more);                                                                   \
        return next(target(path), flags, mode);                                         \
    }

#define OPENS_AT(name)                                                                  \
    int name(int folder, const char *path, int flags, ...)                              \
    {                                                                                   \
        int (*next)(int, const char *, int, ...) = dlsym(RTLD_NEXT, #name);             \
        va_list more;                                                                   \
        va_start(more, flags);                                                          \
        mode_t mode = creation_mode(flags, more);                                       \
        va_end(more);                                                                   \
        return next(folder, target(path), flags, mode);                                 \
    }

OPENS(open)
OPENS(open64)
OPENS_AT(openat)
OPENS_AT(openat64)

static int give_buffer(struct order *order)
{
    int fd = memfd_create("dmaheap", MFD_CLOEXEC);
    if (fd < 0)
        return -1;
    if (ftruncate(fd, (off_t)((order->bytes + PAGE - 1) / PAGE * PAGE)) < 0) {
        int reason = errno;
        close(fd);
        errno = reason;
        return -1;
    }
    order->fd = (uint32_t)fd;
    return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
    int (*next)(int, unsigned long, ...) = dlsym(RTLD_NEXT, "ioctl");
    va_list more;
    va_start(more, request);
    void *argument = va_arg(more, void *);
    va_end(more);
    if ((uint32_t)request == (uint32_t)GIVE_BUFFER)
        return give_buffer(argument);
    if (_IOC_TYPE(request) == 'b' && _IOC_DIR(request) == _IOC_WRITE && _IOC_NR(request) <= 1)
        return 0; /* DMA_BUF_IOCTL_SYNC and DMA_BUF_SET_NAME */
    return next(fd, request, argument);
}
