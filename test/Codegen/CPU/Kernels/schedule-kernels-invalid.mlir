// RUN: winnow-opt %s --winnow-schedule-kernels=cpu=x86-64-v4 --verify-diagnostics
// RUN: not winnow-opt %s --winnow-schedule-kernels=cpu=z80 2>&1 | FileCheck %s
// CHECK: error: unknown CPU level 'z80'

// expected-error @+1 {{kernel 'linear': expected panels of a multiple of 16 columns for x86-64-v4, got 24}}
func.func private @k(memref<?x64xf32>, memref<2x64x24xf32>, memref<?x48xf32>)
    attributes {winnow.kernel = {kind = "linear", n = 48}}
