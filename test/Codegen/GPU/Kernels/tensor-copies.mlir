// Copies of tensors where the chip has them, with maps that the host makes.
// RUN: winnow-opt %s --winnow-gpu-generate-kernels="chip=sm_90a precision=bf16" --winnow-outline-kernels | FileCheck %s
// RUN: winnow-opt %s --winnow-gpu-generate-kernels="chip=sm_80 precision=bf16" | FileCheck %s --check-prefix=AMPERE

// CHECK-LABEL: func.func private @products
// CHECK: llvm.alloca %{{.*}} x !llvm.array<16 x i64>
// CHECK: call @winnow_rt_tensor_map(%{{.*}}, %{{.*}}) : (!llvm.ptr, !llvm.ptr, i32, i64, i64, i64, i64, i64, i32, i32)
// CHECK: call @winnow_rt_tensor_map
// CHECK: call @winnow_rt_launch
// CHECK: llvm.func @tma_wgmma_gemm_bf16{{.*}}(%{{.*}}: !llvm.ptr {llvm.align = 64 : i64, llvm.byval = !llvm.array<128 x i8>, nvvm.grid_constant}
// CHECK: nvvm.mbarrier.arrive.expect_tx
// CHECK-COUNT-2: nvvm.cp.async.bulk.tensor.shared.cluster.global
// CHECK: nvvm.wgmma.mma_async {{.*}} <m = 64, n = 64, k = 16>

// AMPERE-NOT: tensor_map
// AMPERE-NOT: wgmma
// AMPERE: nvvm.cp.async.shared.global
// AMPERE: nvvm.mma.sync
func.func private @products(memref<2x70x392xbf16>, memref<2x77x392xbf16>, memref<2x70x77xf32>) attributes {
  winnow.kernel = {kind = "matmul", transpose_b = true}}
