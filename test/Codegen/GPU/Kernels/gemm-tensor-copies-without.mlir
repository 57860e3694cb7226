// What orders copies of tensors and products by wgmma: the emulated chip misses each of them.
// RUN: winnow-gpu-emulate %s --chip sm_90a --precision bf16
// RUN: not winnow-gpu-emulate %s --chip sm_90a --precision bf16 --without nvvm.mbarrier.arrive.expect_tx 2>&1 | FileCheck %s --check-prefix=WAITS
// RUN: not winnow-gpu-emulate %s --chip sm_90a --precision bf16 --without nvvm.cp.async.bulk.tensor.shared.cluster.global#0 2>&1 | FileCheck %s --check-prefix=WAITS
// RUN: not winnow-gpu-emulate %s --chip sm_90a --precision bf16 --without nvvm.cp.async.bulk.tensor.shared.cluster.global#1 2>&1 | FileCheck %s --check-prefix=WAITS
// WAITS: wait at a barrier: warp {{[0-9]+}} waits for the barrier at byte

// RUN: not winnow-gpu-emulate %s --chip sm_90a --precision bf16 --without nvvm.mbarrier.try_wait.parity#0 2>&1 | FileCheck %s --check-prefix=MORE
// MORE: more arrivals at the barrier at byte {{[0-9]+}} of shared memory than the 1 it waits for
// RUN: not winnow-gpu-emulate %s --chip sm_90a --precision bf16 --without nvvm.mbarrier.try_wait.parity#1 2>&1 | FileCheck %s --check-prefix=FULL
// RUN: not winnow-gpu-emulate %s --chip sm_90a --precision bf16 --without nvvm.mbarrier.try_wait.parity#2 2>&1 | FileCheck %s --check-prefix=FULL
// FULL: of shared memory is read

// RUN: not winnow-gpu-emulate %s --chip sm_90a --precision bf16 --without nvvm.wgmma.wait.group.sync.aligned#0 2>&1 | FileCheck %s --check-prefix=READS
// RUN: not winnow-gpu-emulate %s --chip sm_90a --precision bf16 --without nvvm.wgmma.wait.group.sync.aligned#1 2>&1 | FileCheck %s --check-prefix=READS
// READS: while a product of warps may read it

func.func private @products(memref<133x40x392xbf16>, memref<1x24x392xbf16>, memref<133x40x24xf32>) attributes {
  winnow.kernel = {kind = "matmul", transpose_b = true},
  test.shapes = [[[133, 40, 392], [1, 24, 392], [133, 40, 24]]]}
