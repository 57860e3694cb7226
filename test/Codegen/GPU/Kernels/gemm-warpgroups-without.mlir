// What orders the warpgroups of a product by wgmma: the emulated chip misses each of them.
// RUN: winnow-gpu-emulate %s --chip sm_90a --precision tf32
// RUN: not winnow-gpu-emulate %s --chip sm_90a --precision tf32 --without nvvm.barrier0 2>&1 | FileCheck %s --check-prefix=MADE
// MADE: which may come before it is made
// RUN: not winnow-gpu-emulate %s --chip sm_90a --precision tf32 --without nvvm.fence.proxy 2>&1 | FileCheck %s --check-prefix=PROXY
// PROXY: is read by a product of warps with no fence of proxies after thread
// RUN: not winnow-gpu-emulate %s --chip sm_90a --precision tf32 --without nvvm.wgmma.fence.aligned 2>&1 | FileCheck %s --check-prefix=FENCE
// FENCE: a product of warps with no wgmma.fence before it

// The producer's wait for an empty stage, and the consumer's for a full one, of the first
// depth and of the others.
// RUN: not winnow-gpu-emulate %s --chip sm_90a --precision tf32 --without nvvm.mbarrier.try_wait.parity#0 2>&1 | FileCheck %s --check-prefix=EMPTY
// EMPTY: of shared memory is
// RUN: not winnow-gpu-emulate %s --chip sm_90a --precision tf32 --without nvvm.mbarrier.try_wait.parity#1 2>&1 | FileCheck %s --check-prefix=FULL
// RUN: not winnow-gpu-emulate %s --chip sm_90a --precision tf32 --without nvvm.mbarrier.try_wait.parity#2 2>&1 | FileCheck %s --check-prefix=FULL
// FULL: of shared memory is read

// That a stage is full, and that it is empty: the last arrival is that of the last depth.
// RUN: not winnow-gpu-emulate %s --chip sm_90a --precision tf32 --without nvvm.mbarrier.arrive#0 2>&1 | FileCheck %s --check-prefix=WAITS
// RUN: not winnow-gpu-emulate %s --chip sm_90a --precision tf32 --without nvvm.mbarrier.arrive#1 2>&1 | FileCheck %s --check-prefix=WAITS
// RUN: not winnow-gpu-emulate %s --chip sm_90a --precision tf32 --without nvvm.mbarrier.arrive#2 2>&1 | FileCheck %s --check-prefix=WAITS
// WAITS: all warps wait: warp {{[0-9]+}} waits for the barrier

// A stage that is given back while products may read it, and sums at the end.
// RUN: not winnow-gpu-emulate %s --chip sm_90a --precision tf32 --without nvvm.wgmma.wait.group.sync.aligned#0 2>&1 | FileCheck %s --check-prefix=READS
// READS: while a product of warps may read it
// RUN: not winnow-gpu-emulate %s --chip sm_90a --precision tf32 --without nvvm.wgmma.wait.group.sync.aligned 2>&1 | FileCheck %s --check-prefix=READS

// More tiles than blocks, of more depths than stages.
func.func private @products(memref<133x40x388xf32>, memref<133x388x24xf32>, memref<133x40x24xf32>) attributes {
  winnow.kernel = {kind = "matmul", transpose_b = false},
  test.shapes = [[[133, 40, 388], [133, 388, 24], [133, 40, 24]]]}
