// Arithmetic on bf16 is done in f32, and rounded without a call: compiler-rt need
// not be there.
//
// RUN: winnow-opt %s --winnow-cpu-pipeline=cpu=x86-64-v3 -o %t.mlir
// RUN: FileCheck %s --input-file=%t.mlir
// RUN: mlir-translate --mlir-to-llvmir %t.mlir -o %t.ll
// RUN: %cc -O2 -march=x86-64-v3 -Wno-override-module -c -x ir %t.ll -o %t.o
// RUN: llvm-nm --undefined-only --format=just-symbols %t.o | FileCheck %s --check-prefix=UNDEFINED --allow-empty

// CHECK:     llvm.fadd {{.*}} : f32
// CHECK-NOT: llvm.fmul {{.*}} : bf16
// UNDEFINED-NOT: __

#id = affine_map<(i) -> (i)>
module attributes {winnow.symbols = [], winnow.sites = []} {
  func.func @main(%weights: memref<?xi8>, %x: memref<8xbf16>, %y: memref<8xbf16>)
      attributes {winnow.entry, winnow.num_inputs = 1 : i64,
        winnow.input_dims = [affine_map<() -> (8)>], winnow.output_dims = [affine_map<() -> (8)>]} {
    linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
        ins(%x : memref<8xbf16>) outs(%y : memref<8xbf16>) {
    ^bb0(%a: bf16, %out: bf16):
      %sum = arith.addf %a, %a : bf16
      %product = arith.mulf %sum, %a : bf16
      %exp = math.exp %product : bf16
      linalg.yield %exp : bf16
    }
    return
  }
}
