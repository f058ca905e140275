/* alloc NAME MIB: what the driver says to one allocation of so many MiB, and how many MiB it says there are. */
#include <stdio.h>
#include <stdlib.h>
typedef unsigned long long ptr_t;
int cuMemAlloc_v2(ptr_t *, size_t);
int cuMemGetInfo_v2(size_t *, size_t *);
int main(int argc, char **argv) {
    ptr_t at;
    size_t left, total;
    int result = argc > 2 ? cuMemAlloc_v2(&at, strtoull(argv[2], 0, 10) << 20) : 0;
    cuMemGetInfo_v2(&left, &total);
    printf("%s %d %zu\n", argc > 1 ? argv[1] : "", result, total >> 20);
    return 0;
}
