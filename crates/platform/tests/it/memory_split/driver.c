/* Instead of NVIDIA's libcuda.so.1: gives as much memory as anybody asks for. */
#include <stddef.h>
typedef unsigned long long ptr_t;
int cuMemAlloc_v2(ptr_t *at, size_t size) {
    static ptr_t next = 4096;
    *at = next;
    next += size;
    return 0;
}
int cuMemFree_v2(ptr_t at) { return at == 0; }
int cuMemGetInfo_v2(size_t *left, size_t *total) {
    *left = *total = (size_t)80 << 30;
    return 0;
}
