// RUN: winnow-opt %s --winnow-emit-entry --canonicalize --cse --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func @main
// CHECK-SAME: llvm.linkage = #llvm.linkage<internal>
func.func @main(%w: memref<?xi8>, %s0: index, %s1: index, %in: memref<?x?xi64>, %out: memref<?x8xf32>, %ws: memref<?xi8>)
    attributes {winnow.entry, winnow.num_inputs = 1 : i64,
                winnow.input_dims = [affine_map<()[s0, s1] -> (s0, s1)>],
                winnow.output_dims = [affine_map<()[s0, s1] -> (s0 * s1 + 1, 8)>]} {
  return
}
// CHECK-LABEL: func @winnow.workspace_size
func.func @winnow.workspace_bytes(%s0: index, %s1: index) -> index {
  %n = arith.muli %s0, %s1 : index
  return %n : index
}
// CHECK-LABEL: func @winnow.workspace_bytes
// CHECK-SAME: (%[[SYMBOLS:.*]]: !llvm.ptr) -> i64
// CHECK: llvm.load %[[SYMBOLS]]
// CHECK: call @winnow.workspace_size

// CHECK-LABEL: func @winnow.output_dims
// CHECK-SAME: (%{{.*}}: !llvm.ptr, %[[DIMS:.*]]: !llvm.ptr)
// CHECK: %[[P:.*]] = arith.muli
// CHECK: %[[Q:.*]] = arith.addi %[[P]], %c1
// CHECK: %[[D:.*]] = arith.index_cast %[[Q]]
// CHECK: llvm.store %[[D]], %[[DIMS]]
// CHECK: llvm.getelementptr %[[DIMS]][1]
// CHECK: llvm.store %{{.*}}c8_i64

// CHECK-LABEL: func @winnow.run(
// CHECK-SAME: %[[CALL:.*]]: !llvm.ptr)
// CHECK-NOT: linkage
// CHECK: llvm.getelementptr %[[CALL]][0, 2]
// CHECK: llvm.intr.assume %{{.*}} ["align"(
// CHECK: call @main

// -----

func.func @too_few_dims(%w: memref<?xi8>, %s0: index, %in: memref<?xi64>, %ws: memref<?xi8>)
    // expected-error@-1 {{expected 'winnow.input_dims' to list 1 affine maps}}
    attributes {winnow.entry, winnow.num_inputs = 1 : i64, winnow.input_dims = [], winnow.output_dims = []} {
  return
}
func.func @winnow.workspace_bytes(%s0: index) -> index {
  return %s0 : index
}

// -----

func.func @rank_differs(%w: memref<?xi8>, %s0: index, %in: memref<?xi64>, %ws: memref<?xi8>)
    // expected-error@-1 {{expected argument 2 and its dims to have one rank, got 1 and 2}}
    attributes {winnow.entry, winnow.num_inputs = 1 : i64, winnow.input_dims = [affine_map<()[s0] -> (s0, 4)>], winnow.output_dims = []} {
  return
}
func.func @winnow.workspace_bytes(%s0: index) -> index {
  return %s0 : index
}

// -----

// expected-error@+1 {{expected a function with 'winnow.entry' and @winnow.workspace_bytes}}
module {
}
