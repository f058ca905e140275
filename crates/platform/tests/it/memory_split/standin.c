/* A stand-in for HAMi-core in tests: it obeys the same contract, and nothing of it is shipped.
 *
 * Loaded by /etc/ld.so.preload or LD_PRELOAD. Takes CUDA_DEVICE_MEMORY_LIMIT_0, else CUDA_DEVICE_MEMORY_LIMIT, with the
 * suffixes g, m and k, after the lines of /overrideEnv were put over the environment; refuses an allocation beyond it with
 * CUDA_ERROR_OUT_OF_MEMORY, and says the limit where the memory of the device is asked for. Counts one process and its
 * allocations alone: neither its context nor its neighbours. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long long ptr_t;
enum { OUT_OF_MEMORY = 2, MOST = 65536 };

static void *(*real_dlsym)(void *, const char *);
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static size_t limit, used;
static struct { ptr_t at; size_t size; } held[MOST];

static size_t bytes(const char *text) {
    if (text == NULL || *text == '\0') return 0;
    char *end;
    size_t number = strtoull(text, &end, 10);
    switch (*end) {
    case 'g': case 'G': return number << 30;
    case 'm': case 'M': return number << 20;
    case 'k': case 'K': return number << 10;
    default: return number;
    }
}

static void begin(void) {
    FILE *file = fopen("/overrideEnv", "r");
    char line[1024], *value;
    while (file != NULL && fgets(line, sizeof line, file) != NULL && (value = strchr(line, '=')) != NULL) {
        *value++ = '\0';
        value[strcspn(value, "\n")] = '\0';
        setenv(line, value, 1);
    }
    if (file != NULL) fclose(file);
    limit = bytes(getenv("CUDA_DEVICE_MEMORY_LIMIT_0"));
    if (limit == 0) limit = bytes(getenv("CUDA_DEVICE_MEMORY_LIMIT"));
}

static void find_dlsym(void) {
    if (real_dlsym == NULL) real_dlsym = dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.2.5");
    if (real_dlsym == NULL) real_dlsym = dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.17");
}

static void *driver(const char *name) {
    find_dlsym();
    void *library = dlopen("libcuda.so.1", RTLD_LAZY);
    return library == NULL ? NULL : real_dlsym(library, name);
}

int cuMemAlloc_v2(ptr_t *at, size_t size) {
    static int (*real)(ptr_t *, size_t);
    pthread_once(&once, begin);
    if (real == NULL) real = driver("cuMemAlloc_v2");
    pthread_mutex_lock(&lock);
    int result = OUT_OF_MEMORY;
    if (limit == 0 || used + size <= limit) {
        result = real(at, size);
        for (int i = 0; result == 0 && i < MOST; i++) {
            if (held[i].at != 0) continue;
            held[i].at = *at;
            held[i].size = size;
            used += size;
            break;
        }
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int cuMemFree_v2(ptr_t at) {
    static int (*real)(ptr_t);
    if (real == NULL) real = driver("cuMemFree_v2");
    pthread_mutex_lock(&lock);
    for (int i = 0; at != 0 && i < MOST; i++) {
        if (held[i].at != at) continue;
        used -= held[i].size;
        held[i].at = 0;
        break;
    }
    pthread_mutex_unlock(&lock);
    return real(at);
}

int cuMemGetInfo_v2(size_t *left, size_t *total) {
    static int (*real)(size_t *, size_t *);
    pthread_once(&once, begin);
    if (real == NULL) real = driver("cuMemGetInfo_v2");
    int result = real(left, total);
    if (result == 0 && limit != 0) {
        *total = limit;
        *left = limit > used ? limit - used : 0;
    }
    return result;
}

static void *ours(const char *name);
static int (*real_address_v2)(const char *, void **, int, unsigned long long, void *);
static int (*real_address)(const char *, void **, int, unsigned long long);

static int address(const char *name, void **found, int version, unsigned long long flags);

/* Who has the driver's own way to its functions would get the rest of them by it. */
static int address_v2(const char *name, void **found, int version, unsigned long long flags, void *status) {
    int result = real_address_v2(name, found, version, flags, status);
    if (result != 0 || *found == NULL) return result;
    if (strcmp(name, "cuGetProcAddress") == 0) {
        if (version >= 12000) {
            *found = address_v2;
        } else {
            real_address = *found;
            *found = address;
        }
    } else if (ours(name) != NULL) {
        *found = ours(name);
    }
    return result;
}

static int address(const char *name, void **found, int version, unsigned long long flags) {
    int result = real_address(name, found, version, flags);
    if (result == 0 && *found != NULL && ours(name) != NULL) *found = ours(name);
    return result;
}

static void *ours(const char *name) {
    if (strcmp(name, "cuMemAlloc_v2") == 0 || strcmp(name, "cuMemAlloc") == 0) return cuMemAlloc_v2;
    if (strcmp(name, "cuMemFree_v2") == 0 || strcmp(name, "cuMemFree") == 0) return cuMemFree_v2;
    if (strcmp(name, "cuMemGetInfo_v2") == 0 || strcmp(name, "cuMemGetInfo") == 0) return cuMemGetInfo_v2;
    return NULL;
}

void *dlsym(void *library, const char *name) {
    find_dlsym();
    void *found = real_dlsym(library, name);
    if (found == NULL || name[0] != 'c' || name[1] != 'u') return found;
    if (strcmp(name, "cuGetProcAddress_v2") == 0) {
        real_address_v2 = found;
        return address_v2;
    }
    if (strcmp(name, "cuGetProcAddress") == 0) {
        real_address = found;
        return address;
    }
    void *own = ours(name);
    return own != NULL ? own : found;
}
